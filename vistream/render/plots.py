"""The plots of an energy report, each as the text of an SVG element that can stand inside an HTML page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vistream.energy.counts import Counts
from vistream.energy.density import DAMPFHOFFER, layer_spikes_per_synapse
from vistream.energy.estimators import Estimator
from vistream.energy.report import Phase, frame_figures, phases
from vistream.energy.rows import Row
from vistream.energy.run import EnergyRun
from vistream.energy.units import count, joules, shortened
from vistream.render.svg import EDGE, GRID, INK, WIDTH, figure_of, svg, whole_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

COLOURS = {  # Okabe and Ito's, which colour-blind people can tell apart
    Row.FLOAT: "#8a8a8a",
    Row.DENSE: "#0072b2",
    Row.SKIPPING: "#56b4e9",
    Row.RESET: "#d55e00",
    Row.DIFFERENTIAL: "#e69f00",
    Row.STREAM: "#009e73",
}


def work_over_time(counts: Counts) -> str:
    """Operations (multiply-accumulates and accumulates) of every frame, a line a row."""
    figure, (axes,) = figure_of(3.9)
    numbers = [frame.frame for frame in counts.frames]
    for row in Row:
        if row is Row.FLOAT:
            continue  # does as many operations as the dense QANN
        label = "float network, dense QANN" if row is Row.DENSE else row.value
        done = [max(1.0, frame_figures(row, counts, frame).operations) for frame in counts.frames]
        axes.plot(numbers, done, color=COLOURS[row], marker="o", markersize=3.5, label=label, clip_on=False)
    axes.set_yscale("log")
    _decades(axes.yaxis, count)
    whole_numbers(axes)
    axes.set_xlabel("frame")
    axes.set_ylabel("operations")
    axes.grid(axis="y", color=GRID)
    figure.legend(loc="outside lower left", ncols=2, fontsize=8, frameon=False, handlelength=1.4, columnspacing=1.0)
    return svg(figure)


def energy_bars(counts: Counts, phase: Phase) -> str:
    """A frame's energy by estimator and row."""
    rows = []
    for row in Row:
        figures = phase.figures(row, counts)
        energies = {estimator: figures.energy(estimator) for estimator in Estimator}
        rows.append((row.value.replace(" (ViStream)", ""), COLOURS[row], energies))
    return estimator_bars(rows)


def estimator_bars(rows: Sequence[tuple[str, str, Mapping[Estimator, float]]]) -> str:
    """Energies, in picojoules, by estimator: a panel each, to its own scale. `rows`: label, colour, energies."""
    figure, panels = figure_of(2 + 0.6 * len(rows), rows=len(Estimator))
    for estimator, axes in zip(Estimator, panels, strict=True):
        values = [energies[estimator] for _, _, energies in rows]
        axes.barh(range(len(rows)), values, color=[colour for _, colour, _ in rows], height=0.72)
        for place, value in enumerate(values):
            axes.annotate(
                f"{joules(value)}J", (value, place), (3, 0), textcoords="offset points", va="center", fontsize=8.5
            )
        axes.set_yticks(range(len(rows)), [label for label, _, _ in rows], fontsize=8.5)
        axes.invert_yaxis()
        axes.set_xlim(0, max(values, default=0.0) * 1.22 or 1.0)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        axes.set_title(f"{estimator.name}: {estimator.value}", loc="left", fontsize=9.5)
    return svg(figure)


def spikes_by_layer(counts: Counts, phase: Phase) -> str:
    """Spikes of the frame-differential network by sign, and the changes that `stream` needs for the same result."""
    size = len(counts.layers)
    figure, (axes,) = figure_of(1.6 + 0.2 * size)
    frames = len(phase.frames)
    layers = [[frame.layers[index] for frame in phase.frames] for index in range(size)]
    positive = [sum(layer.differential.positive for layer in these) / frames for these in layers]
    negative = [sum(layer.differential.negative for layer in these) / frames for these in layers]
    changes = [sum(layer.changes for layer in these) / frames for these in layers]
    axes.barh(range(size), positive, color=COLOURS[Row.DIFFERENTIAL], height=0.7, label="spikes, positive")
    axes.barh(range(size), [-n for n in negative], color=COLOURS[Row.RESET], height=0.7, label="spikes, negative")
    axes.plot(changes, range(size), "|", color=INK, markersize=7, label="changed activations (stream)")
    axes.axvline(0, color=EDGE, linewidth=0.8)
    _layers(axes, counts)
    axes.xaxis.set_major_formatter(lambda value, _: count(abs(value)))
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel("a frame")
    figure.legend(loc="outside lower left", ncols=2, fontsize=8, frameon=False, handlelength=1.2)
    return svg(figure)


def density_by_layer(counts: Counts, phase: Phase) -> str:
    """Spikes per synapse and frame, by layer, over the band in which published break-even points lie."""
    size = len(counts.layers)
    figure, (axes,) = figure_of(1.6 + 0.2 * size)
    low, high = DAMPFHOFFER
    axes.axvspan(low, high, color="#009e73", alpha=0.15, linewidth=0, label=f"published break-even, {low} to {high}")
    for row, marker in ((Row.RESET, "o"), (Row.DIFFERENTIAL, "D")):
        found = np.array([layer_spikes_per_synapse(row, counts, frame) for frame in phase.frames]).mean(0)
        shown = np.where(found > 0, found, np.nan)
        label = row.value.replace(" (ViStream)", "")
        axes.plot(shown, range(size), marker, color=COLOURS[row], markersize=4.5, label=label)
    axes.set_xscale("log")
    _decades(axes.xaxis, "{:g}".format)
    _layers(axes, counts)
    axes.set_xlabel("spikes per synapse and frame")
    axes.grid(axis="x", color=GRID)
    figure.legend(loc="outside lower left", ncols=2, fontsize=8, frameon=False, handlelength=1.2)
    return svg(figure)


def activity_picture(run: EnergyRun) -> str:
    """The last frame, and how much of a layer changed where, from the first layer to the last."""
    height, width = run.last.shape[:2]
    tall = len(run.activity) // 2 + 1
    figure, panels = figure_of(tall * (WIDTH / 2 * height / width + 0.45) + 0.3, rows=tall, columns=2)
    panels[0].imshow(run.last, interpolation="nearest")
    panels[0].set_title("the last frame", loc="left", fontsize=9)
    for axes, activity in zip(panels[1:], run.activity, strict=False):
        share = activity.changes / activity.channels
        image = axes.imshow(share, cmap="magma", vmin=0, vmax=1, interpolation="nearest", extent=(0, width, height, 0))
        axes.set_title(f"{activity.layer}: {100 * share.mean():.0f} %", loc="left", fontsize=9)
    for axes in panels:
        axes.set_axis_off()
    bar = figure.colorbar(image, ax=panels, location="bottom", fraction=0.05, aspect=40, pad=0.02)
    bar.set_label("share of activations that change, frame to frame", fontsize=8.5)
    bar.ax.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    return svg(figure)


def all_plots(run: EnergyRun) -> list[tuple[str, str, str]]:
    """Title, what to see in it, SVG; in reading order."""
    counts = run.counts
    phase = phases(counts)[-1]
    plots = [
        (
            "Work per frame",
            "Multiply-accumulates and accumulates together; the scale is logarithmic. The first frame has nothing to "
            "build on: stream and the frame-differential SNN do all of it.",
            work_over_time(counts),
        ),
        (
            f"Energy of a frame ({phase.name})",
            "Each estimator has a scale of its own. Compare rows within a panel, never between panels.",
            energy_bars(counts, phase),
        ),
        (
            f"Spikes by layer ({phase.name})",
            "Of the frame-differential SNN. A tick is the number of activations that really changed.",
            spikes_by_layer(counts, phase),
        ),
        (
            f"Spikes per synapse ({phase.name})",
            "Right of the band a quantised network is cheaper by the published accounts, left of it a spiking one. "
            "A layer without a mark reads pixels, or other values that are no single spikes.",
            density_by_layer(counts, phase),
        ),
    ]
    if run.activity:  # of a single frame there is none
        note = "Bright: most of the layer's channels change from frame to frame there."
        plots.append(("Where activity is", note, activity_picture(run)))
    return plots


def _layers(axes: Axes, counts: Counts) -> None:
    axes.set_yticks(range(len(counts.layers)), [shortened(layer.name, 26) for layer in counts.layers], fontsize=8)
    axes.set_ylim(len(counts.layers) - 0.4, -0.6)


def _decades(axis: Axis, written: Callable[[float], str]) -> None:
    """Ticks of a logarithmic axis at 1, 2 and 5 of every decade, `written` so; matplotlib's own are formulas."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(lambda value, _: written(value))
    axis.set_minor_formatter(NullFormatter())
