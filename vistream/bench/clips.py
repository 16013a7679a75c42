"""What is fed to the contenders: frames of a video, or a picture of which a set share changes from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from vistream.media.video.fit import fit
from vistream.media.video.source import open_source
from vistream.types import Frame

BLOB = 32  # pixels a side


def real_frames(source: str, count: int) -> list[Frame]:
    """The first `count` frames, at the size at which the tracker would look at them."""
    with open_source(source, max_frames=count) as frames:
        return [fit(frame.image) for frame in frames]


def blob_frames(height: int, width: int, share: float, count: int, seed: int = 0) -> list[Frame]:
    """A picture in which `share` (0..1) of the pixels changes in every frame, in square blobs at random places.

    Blobs are taken from a grid, so that the share is met to within half a blob; their pixels all change.
    """
    generator = np.random.default_rng(seed)
    coarse = generator.integers(40, 216, (-(-height // 8), -(-width // 8), 3), dtype=np.uint8)
    picture = coarse.repeat(8, 0).repeat(8, 1)[:height, :width]
    rows, columns = -(-height // BLOB), -(-width // BLOB)
    frames = [picture.copy()]
    for _ in range(count - 1):
        picture = picture.copy()
        for cell in generator.choice(rows * columns, round(share * rows * columns), replace=False):
            top, left = (cell // columns) * BLOB, (cell % columns) * BLOB
            picture[top : top + BLOB, left : left + BLOB] += np.uint8(generator.integers(1, 255))
        frames.append(picture)
    return frames


def share_changed(frames: Sequence[Frame]) -> float:
    """The share (0..1) of the pixels that change from a frame to the next, in the mean."""
    return float(np.mean([(before != after).any(2).mean() for before, after in pairwise(frames)]))
