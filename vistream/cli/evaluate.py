"""`vistream eval`: score finished results against ground truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vistream.cli.options import Debug, Quiet
from vistream.errors import VistreamError


def evaluate(
    gt: Annotated[Path, typer.Option(help="Ground truth: a file, or a folder of sequences.")],
    pred: Annotated[Path, typer.Option(help="Results: a file, or a folder of sequences.")],
    task: Annotated[str, typer.Option(help="mot, mots, vos, pose or sot.")] = "mot",
    first_frame: Annotated[int, typer.Option(help="Number of the first frame in MOTS text; 0 for KITTI.", min=0)] = 1,
    json: Annotated[Path | None, typer.Option(help="Write every metric as JSON.", show_default=False)] = None,
    csv: Annotated[Path | None, typer.Option(help="Write every metric as CSV.", show_default=False)] = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Score finished results: two files suffice, two folders give a row a sequence and a combined row.

    mot: MOT text (HOTA, CLEAR, Identity). mots: MOTS text. vos: folders of palette PNGs (J and F). pose: PoseTrack
    JSON. sot: OTB text.
    """
    wanted = {".json": json, ".csv": csv}
    for suffix, path in wanted.items():
        if path is not None and path.suffix != suffix:
            raise VistreamError(f"{path}: give a name that ends in {suffix}")
    from rich.console import Console

    from vistream.evaluate.files import evaluate_files

    table = evaluate_files(task, gt, pred, first_frame)
    Console(quiet=quiet).print(table)
    for path in wanted.values():
        if path is not None:
            table.save(path)
