"""Measures how detections should be joined into tracks: which features, which cost, which limits, and how safely.

    python scripts/association_study.py ../shared/data default cuts --cache /tmp/association

prints the Markdown tables that stand in docs/association.md. Features are computed once a clip and kept in `--cache`.
Association is measured on fixed detections, so nothing here depends on a detector: each clip has public ones (or its
own ground truth stripped of ids), which are also thinned, shaken, mixed with false ones, and thinned in time.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from association.cases import CLIPS, SCENES, SUITES
from association.study import CUTS, TRANSFORMS, Study, Variant
from numpy.typing import NDArray

from vistream.models.lite0 import lite0_features
from vistream.tracking.mot import MotConfig


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
        means = [np.mean([study.scores(case, variant)[:2] for case in SUITES[suite]], axis=0) for suite in suites]
        cells = [f"{h:.1f} / {i:.1f}" for h, i in [*means, np.mean(means, axis=0)]]
        print(f"| {name} |", " | ".join(cells), "|", flush=True)


def default(study: Study) -> None:
    """Each clip with its public detections, with appearance and without."""
    print("\n| | " + " | ".join(f"{c.clip}: HOTA, IDF1, MOTA, IDSW" for c in SUITES["as given"]), "|")
    print("|---|" + "---|" * len(SUITES["as given"]))
    for name, variant in {"appearance": Variant(), "none": Variant(cut=None)}.items():
        rows = [study.scores(case, variant) for case in SUITES["as given"]]
        print(f"| {name} |", " | ".join(f"{h:.1f}, {i:.1f}, {m:.1f}, {s}" for h, i, m, s in rows), "|")


def cuts(study: Study) -> None:
    """What appearance brings, and what it costs."""
    print("\n| block |", " | ".join(f"GMAC, {c.size[0]} x {c.size[1]}" for c in CLIPS.values()), "|")
    print("|---|" + "---|" * len(CLIPS))
    for cut in CUTS:
        print(f"| {cut} |", " | ".join(f"{macs(cut, c.size) / 1e9:.2f}" for c in CLIPS.values()), "|")
    table(study, {"none": Variant(cut=None)} | {cut: Variant(cut=cut) for cut in CUTS}, list(SUITES))


def features(study: Study) -> None:
    """Features as they are, centred, whitened, noisy."""
    variants = {
        f"{cut}, {name}": Variant(cut=cut, transform=name) for cut, name in product(("4", "10"), TRANSFORMS)
    } | {f"4, noise {noise}": Variant(noise=noise) for noise in (0.1, 0.2, 0.5, 1.0)}
    variants |= {f"engine, {fidelity}": Variant(cut=fidelity) for fidelity in ("exact", "high", "fast")}
    table(study, variants, QUICK)


def parameters(study: Study) -> None:
    """Each option moved alone."""
    variants = {"default": Variant()}
    for name, values in GRIDS.items():
        variants |= {f"{name} {v}": Variant(replace(MotConfig(), **{name: v})) for v in values}
    table(study, variants, QUICK)


def motion(study: Study) -> None:
    """Each constant of the Kalman filter halved and doubled, and no motion at all."""
    variants = {"default": Variant(), "no motion": Variant(MotConfig(use_motion=False))}
    for name, factor in product(
        ("MEASURED_POSITION", "DRIFT_POSITION", "DRIFT_VELOCITY", "INITIAL_VELOCITY", "GATE"), (0.5, 2.0)
    ):
        variants[f"{name} x {factor}"] = Variant(kalman=((name, factor),))
    table(study, variants, QUICK)


def left_out(study: Study) -> None:
    """Choose the best of 27 settings on one scene, use it on the other: does choosing beat the defaults?"""
    names = ("iou_weight", "memory", "track_buffer")
    grid = [
        Variant(MotConfig(iou_weight=weight, memory=memory, track_buffer=buffer))
        for weight, memory, buffer in product((0.15, 0.3, 0.5), (0.8, 0.9, 0.95), (1.0, 2.0, 3.0))
    ]
    scenes = {
        scene: [
            case for suite in QUICK for case in SUITES[suite] if case.clip.startswith(scene) and case.clip != "PETS-480"
        ]
        for scene in SCENES
    }

    def mean(scene: str, variant: Variant) -> NDArray[np.float64]:
        return np.asarray(np.mean([study.scores(case, variant)[:2] for case in scenes[scene]], axis=0))

    print("\n| chosen on | used on | chosen (" + ", ".join(names) + ") | chosen there | default there | best there |")
    print("|---|---|---|---|---|---|")
    for on, other in (SCENES, SCENES[::-1]):
        chosen = max(grid, key=lambda variant: float(mean(on, variant).sum()))
        best = max(grid, key=lambda variant: float(mean(other, variant).sum()))
        cells = ["{:.1f} / {:.1f}".format(*mean(other, v)) for v in (chosen, Variant(), best)]
        values = ", ".join(str(getattr(chosen.config, name)) for name in names)
        print(f"| {on} | {other} | {values} |", " | ".join(cells), "|")


QUICK = ["as given", "lightly changed", "20 % dropped", "fewer frames", "true, 20 % dropped, 3 % shaken"]
GRIDS: dict[str, tuple[Any, ...]] = {
    "iou_weight": (0.1, 0.2, 0.4, 0.5, 0.7),
    "match_limit": (0.5, 0.6, 0.8),
    "iou_limit": (0.5, 0.9),
    "unconfirmed_limit": (0.5, 0.9),
    "track_buffer": (0.5, 1.0, 3.0, 5.0),
    "memory": (0.0, 0.5, 0.8, 0.95),
    "coast": (0.0, 0.2),
    "coast_hits": (2, 10),
    "duplicate": (0.0, 0.3),
    "grid": ((4, 10), (10, 4), (12, 6), (6, 3), (4, 2), (2, 2), (1, 1)),
}
TABLES = {f.__name__: f for f in (default, cuts, features, parameters, motion, left_out)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of real clips")
    parser.add_argument("tables", nargs="*", help=f"of {', '.join(TABLES)}; all, if none is named")
    parser.add_argument("--cache", type=Path, required=True, help="folder for the features, about 2 GB")
    arguments = parser.parse_args()
    study = Study(arguments.data, arguments.cache)
    for name in arguments.tables or TABLES:
        print(f"\n### {name}: {TABLES[name].__doc__}")
        TABLES[name](study)


if __name__ == "__main__":
    main()
