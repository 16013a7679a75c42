"""The table of a run, as CSV, and for TensorBoard where that is installed."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from vistream.train.losses import Losses

FIELDS = ("iteration", "rate", "loss", "classes", "masks", "dice", "seconds", "mIoU", "PQ")


class Log:
    """A line every few iterations and one for each validation; a resumed run drops what it will do again."""

    def __init__(self, path: Path, iteration: int) -> None:
        self._path = path
        kept: list[dict[str, str]] = []
        if iteration and path.is_file():
            with path.open(encoding="utf-8", newline="") as file:
                kept = [row for row in csv.DictReader(file) if int(row["iteration"]) <= iteration]
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, FIELDS, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(kept)
        self._board = _board(path.parent)

    def losses(self, iteration: int, rate: float, found: Losses, seconds: float) -> None:
        parts = {"loss": found.total, "classes": found.classes, "masks": found.masks, "dice": found.dice}
        values = {name: float(value.detach()) for name, value in parts.items()}
        self._write(iteration, {"rate": rate, **values, "seconds": seconds})

    def validation(self, iteration: int, measure: str, mean: float) -> None:
        self._write(iteration, {measure: mean})

    def _write(self, iteration: int, values: dict[str, float]) -> None:
        with self._path.open("a", encoding="utf-8", newline="") as file:
            row = {name: f"{value:.6g}" for name, value in values.items()}
            csv.DictWriter(file, FIELDS, lineterminator="\n").writerow({"iteration": iteration, **row})
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, iteration)


def _board(folder: Path) -> Any:  # Any: a writer of TensorBoard's, which need not be installed
    try:
        from torch.utils.tensorboard.writer import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder / "tensorboard"))
