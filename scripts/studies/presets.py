"""What the dead zones cost in accuracy and what they save: a grid of settings, drawn and printed.

    python scripts/studies/presets.py ../shared/data docs/figures/presets.svg --output runs/studies/presets

MOT on three clips with public detections; J-Mean on the first frames of two DAVIS clips, by some of the settings (their
network is the deeper cut, and they take long). What is finished in `--output` is not run again, so that the command can
be stopped and repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from common import OTHER, OURS, PLAIN, parser_of, print_table, svg_figure
from matplotlib.axes import Axes

from vistream.engine import deadband
from vistream.engine.fidelity import PRESETS, DeadZones
from vistream.evaluate.datasets.dataset import evaluate_dataset
from vistream.evaluate.datasets.job import Order
from vistream.evaluate.table import Table

SHIPPED = deadband.WIDEST


@dataclass(frozen=True)
class Part:
    """Clips of one task, up to `frames` of each (None: all), the metrics, and which settings of the grid are run."""

    task: str
    detections: str
    clips: tuple[str, ...]
    metrics: tuple[str, ...]
    frames: int | None
    settings: tuple[int, ...]


@dataclass(frozen=True)
class Setting:
    """Dead zones, and `widest`: how far the noise may push the dead-band, in grey levels."""

    zones: DeadZones
    widest: int = SHIPPED
    preset: str = ""

    @property
    def name(self) -> str:
        """A name for its results' folder, and for `--fidelity`."""
        zones = self.zones
        return self.preset or f"tau{zones.deadband}-h{zones.hysteresis}-noise{zones.noise:g}-max{self.widest}"

    @property
    def title(self) -> str:
        limit = f" (max {self.widest})" if self.zones.noise else ""
        return f"{f'**{self.preset}**: ' if self.preset else ''}{self.zones}{limit}"


GRID = (
    *(Setting(zones, preset=name) for name, zones in PRESETS.items()),
    Setting(DeadZones(0, 1)),
    Setting(DeadZones(4, 1)),
    Setting(DeadZones(4, 0, 6.0)),
    Setting(DeadZones(4, 2, 6.0)),
    Setting(DeadZones(4, 4, 6.0)),
    Setting(DeadZones(4, 1, 4.0)),
    Setting(DeadZones(8, 4, 6.0)),
    Setting(DeadZones(4, 1, 8.0), 20),
    Setting(DeadZones(8, 2, 8.0), 20),
    Setting(DeadZones(4, 3, 6.0)),
    Setting(DeadZones(8, 3, 6.0)),
)


PARTS = (
    Part(
        "mot",
        "public",
        ("PETS09-S2L1", "PETS09-S2L1-full480", "TUD-Stadtmitte"),
        ("HOTA", "IDF1", "MOTA"),
        None,
        tuple(range(len(GRID))),
    ),
    Part("vos", "first", ("libby", "blackswan"), ("J-Mean",), 16, (0, 1, 2, 6, 7, 9)),
)


def measure(root: Path, output: Path) -> dict[str, dict[str, Table]]:
    """The results of every setting by its name, by task. Settings join the presets for as long as this runs."""
    PRESETS.update({setting.name: setting.zones for setting in GRID})
    found: dict[str, dict[str, Table]] = {}
    for part in PARTS:
        tables: dict[str, Table] = {}
        chosen = sorted((GRID[number] for number in part.settings), key=lambda setting: setting.widest)
        for widest, group in groupby(chosen, lambda setting: setting.widest):
            deadband.WIDEST = widest
            order = Order(part.task, part.detections, output, tuple(setting.name for setting in group))
            tables |= evaluate_dataset(order, root, part.clips, max_frames=part.frames)
        found[part.task] = tables
    return found


def mean(table: Table, metric: str) -> float:
    """Over the clips, each counting the same: two of the three show one scene, at 150 and at 795 frames."""
    return float(np.mean([row[metric] for row in table.rows.values()]))


def rows(found: Mapping[str, Mapping[str, Table]]) -> list[list[str]]:
    lines = []
    for number, setting in enumerate(GRID, 1):
        cells = [str(number), setting.title]
        for part in PARTS:
            if setting.name not in found[part.task]:
                cells += ["-"] * (len(part.metrics) + 1)
                continue
            table = found[part.task][setting.name]
            shares = [f"{100 * row['Work']:.0f}" for row in table.rows.values()]
            cells += [f"{mean(table, metric):.3f}" for metric in part.metrics]
            cells.append(f"{', '.join(shares)}: {100 * mean(table, 'Work'):.0f} %")
        lines.append(cells)
    return lines


def panel(axes: Axes, tables: Mapping[str, Table], metric: str, clips: int) -> None:
    """Points above or below exact, over the share of the dense work; the settings by number."""
    exact = mean(tables["exact"], metric)
    for number, setting in enumerate(GRID, 1):
        if setting.name not in tables:
            continue
        table = tables[setting.name]
        at = (100 * mean(table, "Work"), 100 * (mean(table, metric) - exact))
        colour = {"": PLAIN, "exact": "#1b1b1b", "high": OURS, "fast": OTHER}[setting.preset]
        axes.plot(*at, "o", color=colour, markersize=7 if setting.preset else 4)
        axes.annotate(setting.preset or str(number), at, (4, 3), textcoords="offset points", color=colour, fontsize=8)
    axes.axhline(0, color=PLAIN, linewidth=0.6)
    axes.set_title(f"{metric}, mean of {clips} clips", loc="left")
    axes.set_ylabel("points against exact")
    axes.set_xlim(0, 108)
    axes.set_xlabel("of dense work, %")


def main() -> None:
    """Run what is missing, print the table, draw the figure."""
    parser = parser_of(__doc__)
    parser.add_argument("path", type=Path, help="the figure")
    parser.add_argument("--output", type=Path, default=Path("runs/studies/presets"))
    arguments = parser.parse_args()
    found = measure(arguments.root, arguments.output)
    header = ["no.", "setting"]
    for part in PARTS:
        header += [*part.metrics, "of dense work, by clip: mean"]
    print_table(header, rows(found))
    with svg_figure(arguments.path, (7.2, 6.0)) as figure:
        panels = [(part, metric) for part in PARTS for metric in part.metrics]
        for axes, (part, metric) in zip(figure.subplots(2, 2).flat, panels, strict=True):
            panel(axes, found[part.task], metric, len(part.clips))


if __name__ == "__main__":
    main()
