"""MOTS as PNG, a map of instances a frame.

    instances/<sequence>/000000.png    16 bits: class * 1000 + n in an object, 10000 where nothing is scored, else 0

The files carry the numbers of the frames, KITTI-MOTS from 0, MOTS20 from 1. Source: Voigtlaender et al., "MOTS", CVPR
2019, and its annotation format.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vistream.errors import VistreamError
from vistream.media.formats import rle
from vistream.media.formats.davis import label_files
from vistream.media.formats.mots import IGNORE, LABELS, MotsRow, read_mots
from vistream.media.video.picture import load_picture

IN_A_CLASS = 1000
"""Instances that a class can number."""


def read_any_mots(path: Path, first_frame: int = 1) -> list[MotsRow]:
    """All rows of MOTS text or of a folder of maps; `first_frame`: the number that it gives the first frame.

    Raises VistreamError as `read_mots`; of maps for a name that is no number, a frame before the first, sizes that
    differ, and numbers that are none of an instance.
    """
    if not path.is_dir():
        return read_mots(path, first_frame)
    rows: list[MotsRow] = []
    for file in label_files(path):
        frame = _number(file) - first_frame
        if frame < 0:
            raise VistreamError(f"{file}: frame {_number(file)}: frames are counted from {first_frame}")
        rows += _read_map(file, frame)
        if rows and rows[-1].mask["size"] != rows[0].mask["size"]:
            raise VistreamError(f"{file} has another size than the maps before it")
    return rows


def first_number(path: Path, otherwise: int) -> int:
    """The number of the first frame: of maps, the first one's; of text, which does not say it, `otherwise`."""
    return _number(label_files(path)[0]) if path.is_dir() else otherwise


def _number(file: Path) -> int:
    if not (file.stem.isascii() and file.stem.isdigit()):
        raise VistreamError(f"{file}: the maps of instances are called by the numbers of frames, as 000001.png")
    return int(file.stem)


def _read_map(file: Path, frame: int) -> list[MotsRow]:
    numbers = np.asarray(load_picture(file))
    found = np.unique(numbers) if numbers.ndim == 2 and numbers.dtype.kind in "iu" else np.array([-1])
    known = (found == 0) | np.isin(found // IN_A_CLASS, [*LABELS, IGNORE])
    if not known.all():
        wrong = "colours" if numbers.ndim > 2 else f"the number {found[~known][0]}"
        form = f"instances are class * 1000 + n in 16 bits, classes are 1, 2 and {IGNORE}"
        raise VistreamError(f"{file} holds {wrong}: {form}")
    return [MotsRow(frame, int(n), int(n) // IN_A_CLASS, rle.encode(numbers == n)) for n in found if n]
