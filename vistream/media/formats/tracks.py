"""`read_any_tracks`: boxes with ids from MOT, KITTI or VisDrone text, recognised by the columns."""

from __future__ import annotations

from pathlib import Path

from vistream.media.formats.delimited import read_columns
from vistream.media.formats.kitti import is_kitti, kitti_tracks
from vistream.media.formats.mot import MotTracks, read_tracks
from vistream.media.formats.visdrone import is_visdrone, visdrone_tracks


def read_any_tracks(path: Path | str) -> MotTracks:
    """The tracks of a file. Raises VistreamError, with the line, for whatever is wrong with it."""
    path = Path(path)
    text = read_columns(path)
    if is_kitti(text):
        return kitti_tracks(path, text)
    if is_visdrone(text):
        return visdrone_tracks(path, text)
    return read_tracks(path, text)
