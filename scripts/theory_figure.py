"""The figure of docs/theory.md: what the two dead zones do to a pixel and a neuron, and why errors do not pile up.

    python scripts/theory_figure.py docs/figures/dead-zones.svg

Synthetic signals (seed 0); the neuron is the program's own formula.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from vistream.atomic import replacing
from vistream.ir.formula import requantise

TAU, H, HIGHEST = 4, 1, 15
TRUE, OURS, OTHER = "#8a8a8a", "#0072b2", "#d55e00"  # Okabe and Ito's
Signal = NDArray[np.float64]


def held_pixel(values: Signal, tau: int) -> Signal:
    """The value the network sees: taken over only where it moved by more than `tau` from the one held."""
    held = values.copy()
    for t in range(1, len(values)):
        held[t] = values[t] if abs(values[t] - held[t - 1]) > tau else held[t - 1]
    return held


def levels(y: Signal, hysteresis: int) -> Signal:
    """The neuron's level over time, by `quantize.formula.requantise`."""
    inputs = torch.tensor(y, dtype=torch.float32)
    found = [requantise(inputs[:1], 0, HIGHEST)]
    for t in range(1, len(y)):
        found.append(requantise(inputs[t : t + 1], 0, HIGHEST, found[-1], hysteresis))
    return torch.cat(found).numpy().astype(np.float64)


def dropped_increments(y: Signal, threshold: float) -> Signal:
    """What comes of adding up frame differences and dropping the small ones, without a reference to the true value."""
    steps = np.diff(y, prepend=0.0)
    steps[1:][np.abs(steps[1:]) <= threshold] = 0.0
    return np.asarray(np.cumsum(steps), np.float64)


def pixel_panel(axes: Axes, random: np.random.Generator) -> None:
    time = np.arange(120)
    values = np.rint(90 + 25 / (1 + np.exp(-(time - 60) / 5)) + random.normal(0, 1.6, len(time)))
    held = held_pixel(values, TAU)
    axes.fill_between(time, held - TAU, held + TAU, step="mid", color=OURS, alpha=0.15, linewidth=0)
    axes.plot(time, values, color=TRUE, linewidth=1, label="true")
    axes.step(time, held, where="mid", color=OURS, linewidth=1.6, label="seen by the network")
    read = 1 + int((np.diff(held) != 0).sum())
    axes.set_title(f"a pixel, dead-band {TAU}: read {read} times in {len(time)} frames", loc="left")
    axes.set_ylabel("grey level")
    axes.legend(frameon=False)


def neuron_panel(axes: Axes, random: np.random.Generator) -> None:
    time = np.arange(120)
    y = 7 + np.cumsum(random.normal(0, 0.35, len(time)))
    held = levels(y, H)
    axes.fill_between(time, held - 0.5 - H, held + 0.5 + H, step="mid", color=OURS, alpha=0.15, linewidth=0)
    axes.plot(time, y, color=TRUE, linewidth=1, label="pre-activation y")
    axes.step(time, held, where="mid", color=OURS, linewidth=1.6, label=f"level, h = {H}")
    changes, exact = ((np.diff(found) != 0).sum() for found in (held, levels(y, 0)))
    axes.set_title(f"a neuron, hysteresis {H}: {changes} changes instead of {exact}", loc="left")
    axes.set_ylabel("level")
    axes.legend(frameon=False)


def error_panel(axes: Axes, random: np.random.Generator) -> None:
    time = np.arange(2000)
    y = 7.5 + 5 * np.sin(time / 120) + np.cumsum(random.normal(0, 0.01, len(time)))
    y = np.clip(y + random.normal(0, 0.2, len(time)), 0, HIGHEST)
    ours, others = np.abs(levels(y, H) - y), np.abs(dropped_increments(y, 0.5 + H) - y)
    assert ours.max() <= 0.5 + H + 1e-4, "the bound does not hold"
    axes.plot(time, others, color=OTHER, linewidth=1, label="small differences dropped, the others added up")
    axes.plot(time, ours, color=OURS, linewidth=0.6, label=f"hysteresis {H}")
    axes.axhline(0.5 + H, color="#1b1b1b", linewidth=0.9, linestyle="--")
    axes.annotate("1/2 + h", (1, 0.5 + H), (0, 3), ("axes fraction", "data"), "offset points", ha="right")
    axes.set_title("distance from the neuron's own pre-activation", loc="left")
    axes.set_ylim(-0.3, 7.5)
    axes.set_ylabel("levels")
    axes.set_xlabel("frame")
    axes.legend(frameon=False, loc="upper left")


def main() -> None:
    """Draw the three panels."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    path: Path = parser.parse_args().path
    random = np.random.default_rng(0)
    settings = {"font.size": 9, "axes.titlesize": 10, "axes.spines.top": False, "axes.spines.right": False}
    with style.context({**settings, "svg.hashsalt": "vistream"}), replacing(path) as temporary:
        figure = Figure(figsize=(6.4, 7.2), layout="constrained")
        for axes, panel in zip(figure.subplots(3), (pixel_panel, neuron_panel, error_panel), strict=True):
            panel(axes, random)
        figure.savefig(temporary, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
