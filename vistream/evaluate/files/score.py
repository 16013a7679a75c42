"""Score finished files: the engine of `vistream eval`.

Two files, or two folders of sequences; the task says how they are read. No network runs here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from vistream.errors import VistreamError
from vistream.evaluate.datasets.benchmarks import benchmark
from vistream.evaluate.files.mot import mot_table
from vistream.evaluate.files.mots import mots_table
from vistream.evaluate.files.pairs import LAYOUTS, Pair, find_pairs, unused_note
from vistream.evaluate.files.panoptic import panoptic_table
from vistream.evaluate.files.pose import pose_table
from vistream.evaluate.files.semseg import semseg_table
from vistream.evaluate.files.sot import sot_table
from vistream.evaluate.files.vos import vos_table
from vistream.evaluate.table import Table
from vistream.media.formats.tracks import read_any_tracks

TASKS = tuple(LAYOUTS)
CLASSED = ("mot", "mots")
"""The tasks of which classes can be chosen."""


def evaluate_files(
    task: str,
    gt: Path | str,
    pred: Path | str,
    first_frame: int = 1,
    dataset: str = "",
    sequences: Sequence[str] = (),
    classes: Sequence[str] = (),
    max_frames: int | None = None,
) -> Table:
    """Score `pred` against `gt`, for `task` one of mot, mots, vos, pose, sot, semseg, panoptic.

    `mot` and `mots`: HOTA, CLEAR, Identity of text files. `vos`: J and F of folders of PNGs. `pose`: PoseTrack JSON.
    `sot`: OTB text. `semseg`: mIoU of folders of PNGs, by the rules of `dataset` (one of `BENCHMARKS`; none: numbers as
    they stand). `panoptic`: PQ of COCO panoptic JSON. With folders of sequences, a row each and the combined row, by
    the rule of each metric; `sequences`: globs of those that are scored, none: all. `first_frame`: the number of the
    first frame in MOTS text, 0 for KITTI. `classes`: of `mot` and `mots`, those that are scored, by name, none: all.
    `max_frames`: of each sequence the first ones only.
    Raises VistreamError, naming the file, for whatever can't be read, paired, chosen or scored.
    """
    tables: dict[str, Callable[[Sequence[Pair]], Table]] = {
        "mot": partial(mot_table, names=classes),
        "mots": partial(mots_table, first_frame=first_frame, names=classes),
        "vos": vos_table,
        "pose": pose_table,
        "sot": sot_table,
        "semseg": partial(semseg_table, rules=benchmark(dataset) if dataset else None),
        "panoptic": panoptic_table,
    }
    if task not in tables:
        raise VistreamError(f'there is no task "{task}": {", ".join(TASKS)} can be scored')
    if classes:
        check_classes(task)
    pairs = [replace(pair, most=max_frames) for pair in find_pairs(task, Path(gt), Path(pred), sequences)]
    if classes and task == "mot":
        _check_named(pairs)
    table = tables[task](pairs)
    unused = () if sequences else unused_note(pairs, Path(pred))
    return replace(table, notes=(*table.notes, *unused))


def check_classes(task: str) -> None:
    """Raise VistreamError where a task knows no classes to choose from."""
    if task not in CLASSED:
        raise VistreamError(f"--classes is for the tasks {' and '.join(CLASSED)}, not {task}")


def _check_named(pairs: Sequence[Pair]) -> None:
    for pair in pairs:
        if read_any_tracks(pair.gt).labels is None:
            raise VistreamError(f"--classes needs ground truth that names its classes: {pair.gt} names no classes")
