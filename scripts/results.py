"""Measures all five tasks on the real clips, with the float network and every fidelity, and writes docs/results.md.

    python scripts/results.py ../shared/data --output runs/results --write docs/results.md

What is finished in `--output` is not run again, so that the command can be stopped and repeated. `--only mot-public
vos` and `--methods float exact` run a part; the page then shows what is there. `--max-frames 10` is a quick trial.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vistream.atomic import replacing
from vistream.evaluate.datasets.clips import find_clips
from vistream.evaluate.datasets.dataset import evaluate_dataset, score
from vistream.evaluate.datasets.job import Order
from vistream.evaluate.datasets.store import read_finished
from vistream.evaluate.table import Table

FIDELITIES = ("float", "exact", "high", "fast")
NAMES = {"held": "first one held still", "flow": "carried by DIS optical flow"}


@dataclass(frozen=True)
class Setup:
    """One table: a task, what it sees, the clips, the baselines beside the fidelities, and the metrics compared."""

    task: str
    detections: str
    metrics: tuple[str, ...]
    clips: tuple[str, ...] = ()
    baselines: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.task if self.detections == "first" and self.task != "pose" else f"{self.task}-{self.detections}"


MOT = ("HOTA", "IDF1", "MOTA", "IDSW")
MOTS = ("HOTA", "sMOTSA", "IDF1", "IDSW")
POSE = ("MOTA", "MOTP", "IDF1", "Recall")
ALONE = ("PETS09-S2L1", "TUD-Stadtmitte", "schoolgirls", "blackswan", "drift-chicane", "horsejump-high", "libby")
SETUPS = (
    Setup("vos", "first", ("J-Mean", "F-Mean"), baselines=("held", "flow")),
    *(Setup("mot", detections, MOT) for detections in ("gt", "public", "motion", "nanodet-g")),
    Setup("mots", "gt", MOTS),
    *(Setup("mots", detections, MOTS, classes=("person",)) for detections in ("gt-boxes", "nanodet-g")),
    *(Setup("pose", detections, POSE) for detections in ("gt", "movenet-multipose", "first")),
    Setup("sot", "first", ("Success AUC", "Precision@20"), (*ALONE, "rollerblade"), ("held",)),
)
TITLES = {
    "vos": "Masks from the first frame's (VOS)",
    "mot": "Boxes with ids (MOT)",
    "mots": "Masks with ids (MOTS)",
    "pose": "Skeletons (pose tracking)",
    "sot": "Single objects from their first box (SOT)",
}
COUNTED = ("IDSW",)  # everything else is a share, of which a hundredth is a point
GROUPS = {"vos": {"DAVIS": ("blackswan", "drift-chicane", "horsejump-high", "libby", "rollerblade")}}


def tables_of(setup: Setup, arguments: argparse.Namespace) -> dict[str, Table]:
    """Tables by method: those of `--methods` are run if need be, of the others what is finished is shown."""
    names = (*setup.baselines, *FIDELITIES)
    wanted = tuple(method for method in names if method in setup.baselines or method in arguments.methods)
    run = wanted if setup.name in arguments.only else ()
    order = Order(setup.task, setup.detections, arguments.output, run, classes=setup.classes)
    print(f"{setup.name}: {', '.join(order.methods)}", file=sys.stderr, flush=True)
    found = evaluate_dataset(order, arguments.root, setup.clips, arguments.jobs, arguments.max_frames)
    if arguments.max_frames is None:
        clips = find_clips(setup.task, arguments.root, setup.clips)
        done = [method for method in names if all(read_finished(order.folder(method), clip) for clip in clips)]
        found |= {method: score(order, clips, method) for method in done if method not in found}
    return {method: found[method] for method in names if method in found}


def shown(value: float) -> str:
    if np.isnan(value):
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def section(setup: Setup, tables: dict[str, Table]) -> list[str]:
    """The first metric clip by clip, then all of them on all clips together, and the share of the dense work."""
    first = next(iter(tables.values()))
    clips = list(first.rows) if len(first.rows) > 1 else []
    groups = GROUPS.get(setup.task, {})
    header = ["", *(f"{clip}: {setup.metrics[0]}" for clip in clips)]
    header += [f"{name}: {metric}" for name in groups for metric in setup.metrics]
    header += [f"all: {metric}" if clips else metric for metric in setup.metrics] + ["of dense work"]
    rows = []
    for method, table in tables.items():
        cells = [shown(table.rows[clip][setup.metrics[0]]) for clip in clips]
        for group in groups.values():
            cells += [shown(float(np.mean([table.rows[clip][m] for clip in group]))) for m in setup.metrics]
        cells += [shown(table.overall[metric]) for metric in setup.metrics]
        share = table.overall["Work"]
        rows.append([NAMES.get(method, method), *cells, "-" if np.isnan(share) else f"{share:.0%}"])
    only = f" --classes {','.join(setup.classes)}" if setup.classes else ""
    return [f"`--detections {setup.detections}{only}`: {first.about['detector']}.", "", *markdown(header, rows)]


def points(setup: Setup, tables: dict[str, Table], method: str, other: str) -> dict[str, float]:
    """By how many points `method` is above `other`, by metric; identity switches are counts, so they are left out."""
    metrics = [metric for metric in setup.metrics if metric not in COUNTED]
    return {m: 100 * (tables[method].overall[m] - tables[other].overall[m]) for m in metrics}


def cost_of_fidelity(found: dict[Setup, dict[str, Table]]) -> list[str]:
    """What every step away from the float network costs, in points."""
    steps = (("exact", "float"), ("high", "exact"), ("fast", "exact"))
    rows: list[list[str]] = []
    every: dict[tuple[str, str], list[float]] = {step: [] for step in steps}
    for setup, tables in found.items():
        cells = []
        for step in steps:
            if all(method in tables for method in step):
                by_metric = points(setup, tables, *step)
                every[step] += by_metric.values()
                cells.append(", ".join(f"{metric} {value:+.1f}" for metric, value in by_metric.items()))
            else:
                cells.append("-")
        rows.append([setup.name, *cells])
    means = [f"{np.mean(every[step]):+.2f} (worst {min(every[step]):+.1f})" if every[step] else "-" for step in steps]
    rows.append(["**mean of all**", *means])
    return markdown(["", *(f"{method} - {other}" for method, other in steps)], rows)


INTRODUCTION = """\
# Results

Written by

    python scripts/results.py ../shared/data --output runs/results --write docs/results.md

which does what `vistream eval --data` does, task by task. These are a few short clips: they find mistakes and rank
alternatives, and support no benchmark claim. `float` is the network before quantisation, on whole frames; `exact` the
integer network, computed where something changed; `high` and `fast` have dead zones. Figures are shares (1 is perfect),
identity switches (IDSW) are counts.
"""


def not_run(found: dict[Setup, dict[str, Table]]) -> list[str]:
    """What is missing from the page, if anything is."""
    gaps = {setup.name: [method for method in FIDELITIES if method not in tables] for setup, tables in found.items()}
    missing = [f"{name} ({', '.join(methods)})" for name, methods in gaps.items() if methods]
    return [f"- **Not run yet**: {'; '.join(missing)}."] if missing else []


def page(found: dict[Setup, dict[str, Table]]) -> str:
    """The whole document."""
    lines = [INTRODUCTION]
    abouts = [table.about for tables in found.values() for table in tables.values()]
    for name, what in (("model", "Networks"), ("fidelity", "Fidelities"), ("commit", "Commits"), ("CPU", "Processors")):
        values = dict.fromkeys(value for about in abouts for value in about[name].split(" / "))
        lines.append(f"- {what}: {'; '.join(values)}.")
    lines += [*not_run(found), ""]
    for task, title in TITLES.items():
        own = {setup: tables for setup, tables in found.items() if setup.task == task and tables}
        if own:
            lines += [f"## {title}", ""]
            for setup, tables in own.items():
                lines += section(setup, tables)
    lines += ["## What each step costs", "", "Points (hundredths) on all clips of a table together.", ""]
    return "\n".join([*lines, *cost_of_fidelity(found)]).rstrip() + "\n"


def main() -> None:
    names = [setup.name for setup in SETUPS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, help="the folder of real clips")
    parser.add_argument("--output", type=Path, default=Path("runs/results"), help="where results are kept")
    parser.add_argument("--write", type=Path, help="the page; else it is printed")
    parser.add_argument("--only", nargs="*", choices=names, default=names)
    parser.add_argument("--methods", nargs="*", choices=FIDELITIES, default=FIDELITIES)
    parser.add_argument("--max-frames", type=int)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    text = page({setup: tables_of(setup, arguments) for setup in SETUPS})
    if arguments.write is None:
        print(text)
        return
    with replacing(arguments.write) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
