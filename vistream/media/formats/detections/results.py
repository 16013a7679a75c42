"""What an earlier run wrote as JSON lines, as detections: its ids are forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vistream.media.formats import rle
from vistream.media.formats.jsonl import read_results
from vistream.media.formats.masked import MaskedObject, MaskedObservations
from vistream.media.formats.writer import kept
from vistream.types import Observations, Track


def read_run(path: Path) -> Mapping[int, Observations]:
    """Detections by frame, from 0, with masks (or keypoints) where all have them; what was only predicted is none.

    Raises VistreamError with file and line where a line is no frame.
    """
    masked: dict[int, list[MaskedObject]] = {}
    plain: dict[int, Observations] = {}
    for result in read_results(path):
        tracks = kept(result)
        if not tracks:
            continue
        plain[result.frame] = _observations(tracks)
        masks = [
            MaskedObject(rle.encode(track.mask), track.score, track.label, track.box)
            for track in tracks
            if track.mask is not None
        ]
        if len(masks) == len(tracks):
            masked[result.frame] = masks
    return MaskedObservations(masked) if masked and len(masked) == len(plain) else plain


def _observations(tracks: list[Track]) -> Observations:
    keypoints = [track.keypoints for track in tracks if track.keypoints is not None]
    alike = len(keypoints) == len(tracks) and len({points.shape for points in keypoints}) == 1
    return Observations(
        np.array([track.box for track in tracks], np.float64),
        np.array([track.score for track in tracks], np.float64),
        tuple(track.label for track in tracks),
        keypoints=np.array(keypoints) if alike else None,
    )
