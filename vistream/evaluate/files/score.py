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

TASKS = tuple(LAYOUTS)


def evaluate_files(task: str, gt: Path | str, pred: Path | str, first_frame: int = 1, dataset: str = "") -> Table:
    """Score `pred` against `gt`, for `task` one of mot, mots, vos, pose, sot, semseg, panoptic.

    `mot` and `mots`: HOTA, CLEAR, Identity of text files. `vos`: J and F of folders of PNGs. `pose`: PoseTrack JSON.
    `sot`: OTB text. `semseg`: mIoU of folders of PNGs, by the rules of `dataset` (one of `BENCHMARKS`; none: numbers as
    they stand). `panoptic`: PQ of COCO panoptic JSON. With folders of sequences, a row each and the combined row, by
    the rule of each metric. `first_frame`: the number of the first frame in MOTS text, 0 for KITTI. Raises
    VistreamError, naming the file, for whatever can't be read, paired or scored.
    """
    tables: dict[str, Callable[[Sequence[Pair]], Table]] = {
        "mot": mot_table,
        "mots": partial(mots_table, first_frame=first_frame),
        "vos": vos_table,
        "pose": pose_table,
        "sot": sot_table,
        "semseg": partial(semseg_table, rules=benchmark(dataset) if dataset else None),
        "panoptic": panoptic_table,
    }
    if task not in tables:
        raise VistreamError(f'there is no task "{task}": {", ".join(TASKS)} can be scored')
    pairs = find_pairs(task, Path(gt), Path(pred))
    table = tables[task](pairs)
    return replace(table, notes=(*table.notes, *unused_note(pairs, Path(pred))))
