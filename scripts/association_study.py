"""Measures how detections should be joined into tracks: which features, which cost, which limits, and how safely.

    python scripts/association_study.py ../shared/data parameters left_out --cache /tmp/association

prints the Markdown tables that stand in docs/association.md. Features are computed once a clip and kept in `--cache`.
Association is measured on fixed detections, so nothing here depends on a detector: each clip has public ones (or its
own ground truth stripped of ids), which are also thinned, shaken, mixed with false ones, and thinned in time.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from association.cases import SUITES, Case
from association.clips import CLIPS, View
from association.features import CUTS
from association.footage import Footage
from association.study import Score, Study, Variant
from numpy.typing import NDArray

from vistream.models.lite0 import lite0_features
from vistream.tracking.mot import MotConfig

Grids = dict[str, tuple[Any, ...]]
"""Options by name, and the values tried beside the default."""


def macs(cut: str, size: tuple[int, int]) -> int:
    """Multiply-accumulates of one frame of `size` (width, height)."""
    total = 0

    def count(module: torch.nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        if isinstance(module, torch.nn.Conv2d):
            total += output.numel() * module.weight[0].numel()

    network = lite0_features(*CUTS[cut])
    for module in network.modules():
        module.register_forward_hook(count)
    with torch.inference_mode():
        network(torch.zeros(1, 3, size[1], size[0]))
    return total


def table(study: Study, variants: dict[str, Variant], suites: list[str]) -> None:
    """HOTA / IDF1 of every variant, meaned over each suite's cases, and over the suites."""
    print("\n| |", " | ".join([*suites, "mean"]), "|")
    print("|---|" + "---|" * (len(suites) + 1))
    for name, variant in variants.items():
        means = [
            np.mean([(s.hota, s.idf1) for s in (study.scores(c, variant) for c in SUITES[suite])], axis=0)
            for suite in suites
        ]
        cells = [f"{h:.1f} / {i:.1f}" for h, i in [*means, np.mean(means, axis=0)]]
        print(f"| {name} |", " | ".join(cells), "|", flush=True)


def cuts(study: Study, _: Grids) -> None:
    """What appearance brings, and what it costs."""
    print("\n| block |", " | ".join(f"GMAC, {c.size[0]} x {c.size[1]}" for c in CLIPS.values()), "|")
    print("|---|" + "---|" * len(CLIPS))
    for cut in CUTS:
        print(f"| {cut} |", " | ".join(f"{macs(cut, c.size) / 1e9:.2f}" for c in CLIPS.values()), "|")
    table(study, {"none": Variant(cut=None)} | {cut: Variant(cut=cut) for cut in CUTS}, list(SUITES))


def parameters(study: Study, grids: Grids) -> None:
    """Each option moved alone."""
    variants = {"default": Variant()}
    for name, values in grids.items():
        variants |= {f"{name} {v}": Variant(replace(MotConfig(), **{name: v})) for v in values}
    table(study, variants, QUICK)


def left_out(study: Study, _: Grids) -> None:
    """Choose the best of some settings on all scenes but one, use it on that one: does choosing beat the defaults?"""
    names = tuple(CHOSEN)
    grid = [Variant(MotConfig(**dict(zip(names, values, strict=True)))) for values in product(*CHOSEN.values())]
    found = _everywhere(study, [*grid, Variant()])
    print("\n| left out | chosen (" + ", ".join(names) + ") | chosen there | default there | best there |")
    print("|---|---|---|---|---|")
    for out in LEFT_OUT:
        chosen = _choice(found, grid, out)
        best = max(grid, key=lambda v: _worth(found, v, [out]))
        cells = ["{:.1f} / {:.1f} / {:.1f}".format(*_mean(found, out, v)) for v in (chosen, Variant(), best)]
        values = ", ".join(str(getattr(chosen.config, name)) for name in names)
        print(f"| {out} | {values} |", " | ".join(cells), "|", flush=True)
    print("\n| " + ", ".join(names) + " | " + " | ".join(LEFT_OUT) + " |")
    print("|---|" + "---|" * len(LEFT_OUT))
    for variant in grid:
        cells = ["{:.1f} / {:.1f} / {:.1f}".format(*_mean(found, scene, variant)) for scene in LEFT_OUT]
        print("|", ", ".join(str(getattr(variant.config, name)) for name in names), "|", " | ".join(cells), "|")


def constants(study: Study, grids: Grids) -> None:
    """What all scenes but one would choose of each option alone, and what that choice brings on the one left out."""
    tried = {
        name: [Variant(), *(Variant(replace(MotConfig(), **{name: value})) for value in values)]
        for name, values in grids.items()
    }
    found = _everywhere(study, [variant for variants in tried.values() for variant in variants])
    print("\n| option | default (others) |", " | ".join(f"without {out}" for out in LEFT_OUT), "| gain there |")
    print("|---|---|" + "---|" * (len(LEFT_OUT) + 1))
    for name, variants in tried.items():
        chosen = {out: _choice(found, variants, out) for out in LEFT_OUT}
        gains = [_mean(found, out, variant) - _mean(found, out, Variant()) for out, variant in chosen.items()]
        values = " | ".join(str(getattr(variant.config, name)) for variant in chosen.values())
        others = ", ".join(map(str, grids[name]))
        gain = "{:+.2f} / {:+.2f} / {:+.1f}".format(*np.mean(gains, axis=0))
        print(f"| `{name}` | {getattr(MotConfig(), name)} ({others}) | {values} | {gain} |", flush=True)


Scores = dict[tuple[Case, Variant], Score]


def _everywhere(study: Study, variants: list[Variant]) -> Scores:
    """The scores of every variant in every case of `LEFT_OUT`."""
    jobs = [(case, variant) for cases in LEFT_OUT.values() for case in cases for variant in dict.fromkeys(variants)]
    for case, _ in jobs:
        study.footage.features(View(case.clip, case.moving), Variant().cut or "")
    with ProcessPoolExecutor(initializer=_begin, initargs=(study.footage,)) as pool:
        return dict(zip(jobs, pool.map(_one, jobs), strict=True))


def _mean(found: Scores, scene: str, variant: Variant) -> NDArray[np.float64]:
    """HOTA, IDF1 and identity switches over the cases of a scene."""
    scores = [found[case, variant] for case in LEFT_OUT[scene]]
    return np.asarray(np.mean([(s.hota, s.idf1, s.switches) for s in scores], axis=0))


def _worth(found: Scores, variant: Variant, scenes: list[str]) -> float:
    """What is chosen by: HOTA and IDF1, every scene counting the same."""
    return sum(float(_mean(found, scene, variant)[:2].sum()) for scene in scenes)


def _choice(found: Scores, grid: list[Variant], out: str) -> Variant:
    """The best of a grid on all scenes but one; the first one of equals."""
    others = [scene for scene in LEFT_OUT if scene != out]
    return max(grid, key=lambda variant: _worth(found, variant, others))


_study: Study  # of a worker process


def _begin(footage: Footage) -> None:
    global _study
    _study = Study(footage)


def _one(job: tuple[Case, Variant]) -> Score:
    return _study.scores(*job)


CHOSEN: dict[str, tuple[Any, ...]] = {"core": (0.5, 0.7, 1.0), "memory": (0.9, 0.95, 0.97), "probation": (2, 4)}
"""What `left_out` chooses among."""


def _seen(clip: str) -> list[Case]:
    public = [] if CLIPS[clip].detections is None else [Case(clip), Case(clip, moving=True)]
    return [
        *public,
        Case(clip, truth=True, every=3),
        Case(clip, truth=True, every=6),
        Case(clip, truth=True, moving=True),
    ]


LEFT_OUT = {"PETS": [*_seen("PETS"), *_seen("PETS-480")], "TUD": _seen("TUD"), "schoolgirls": _seen("schoolgirls")}
"""Scenes and what is made of them: both PETS clips show one."""
QUICK = ["as given", "lightly changed", "20 % dropped", "fewer frames", "true, 20 % dropped, 3 % shaken"]
GRIDS: Grids = {
    "newness": (-4.0, 4.0),
    "appearance": (0.0, 0.5, 2.0),
    "iou_limit": (0.3, 0.7),
    "track_buffer": (1.0, 4.0),
    "exact_buffer": (0.0, 5.0, 30.0),
    "pause": (1.0, 10.0),
    "memory": (0.0, 0.9, 0.97),
    "core": (0.5, 1.0),
    "probation": (2, 6),
}
TABLES = {f.__name__: f for f in (cuts, parameters, left_out, constants)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of real clips")
    parser.add_argument("tables", nargs="*", help=f"of {', '.join(TABLES)}; all, if none is named")
    parser.add_argument("--options", nargs="+", choices=GRIDS, default=list(GRIDS), help="those moved alone; else all")
    parser.add_argument("--cache", type=Path, required=True, help="folder for the features, about 2 GB")
    arguments = parser.parse_args()
    study = Study(Footage(arguments.data, arguments.cache))
    grids = {name: GRIDS[name] for name in arguments.options}
    for name in arguments.tables or TABLES:
        print(f"\n### {name}: {TABLES[name].__doc__}")
        TABLES[name](study, grids)


if __name__ == "__main__":
    main()
