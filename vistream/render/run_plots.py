"""The plots of a run's report: who was there when, work over time, changes by layer. Each is the text of an SVG."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vistream.energy.units import count, shortened
from vistream.render.colours import colour_of
from vistream.render.history import History
from vistream.render.svg import EDGE, GRID, SOFT, figure_of, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 60
MOST_CLASSES = 12
WORK, DENSE, CHANGES = "#0072b2", "#d55e00", "#e69f00"  # Okabe and Ito's


def tracks_over_time(history: History) -> str:
    """A row for each track, a bar for each stay, in the track's colour."""
    rows = history.longest(MOST_ROWS)
    figure, (axes,) = figure_of(0.8 + 0.19 * max(4, len(rows)))
    for place, presence in enumerate(rows):
        ends = [(history.seconds(first - 0.5), history.seconds(last + 0.5)) for first, last in presence.stays]
        bars = [(begin, end - begin) for begin, end in ends]
        red, green, blue = colour_of(presence.id)
        axes.broken_barh(bars, (place - 0.36, 0.72), facecolors=f"#{red:02x}{green:02x}{blue:02x}")
    axes.set_yticks(range(len(rows)), [str(presence.id) for presence in rows], fontsize=8)
    axes.set_ylim(max(4, len(rows)) - 0.4, -0.6)
    axes.set_ylabel("id")
    _seconds(axes, history)
    return svg(figure, "Tracks over time")


def work_over_time(history: History) -> str:
    """The share of the dense network's multiply-accumulates that was done, frame by frame."""
    figure, (axes,) = figure_of(2.6)
    values = [100 * share for share in history.shares.values]
    axes.axhline(100, color=DENSE, linewidth=1, linestyle="--")
    axes.annotate("dense", (1, 100), (0, 3), ("axes fraction", "data"), "offset points", color=SOFT, ha="right")
    moments = [history.seconds(frame) for frame in history.shares.frames]
    axes.fill_between(moments, values, step="mid", color=WORK, alpha=0.25, linewidth=0)
    axes.step(moments, values, where="mid", color=WORK, linewidth=1.2)
    axes.set_ylim(0, 112)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0f} %")
    axes.set_ylabel("of dense work")
    axes.grid(axis="y", color=GRID)
    _seconds(axes, history)
    return svg(figure, "Work per frame, beside that of the dense network")


def classes_over_time(history: History, colours: Mapping[str, str]) -> str:
    """The shares of the classes, one on the other, the largest below; `colours` by name, `#rrggbb`."""
    figure, (axes,) = figure_of(3.4)
    largest = sorted(history.classes, key=lambda name: -sum(history.classes[name].values))[:MOST_CLASSES]
    values = [[100 * share for share in history.classes[name].values] for name in largest]
    moments = [history.seconds(frame) for frame in history.classes[largest[0]].frames]
    tints = [colours.get(name, EDGE) for name in largest]
    axes.stackplot(moments, values, labels=largest, colors=tints, step="mid", linewidth=0)
    axes.set_ylim(0, 100)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0f} %")
    axes.set_ylabel("of the pixels")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=3, frameon=False, fontsize=8)
    _seconds(axes, history)
    return svg(figure, "Classes over time")


def changes_by_layer(history: History) -> str:
    """Activations that took a new value, a frame, by layer; beside each bar the share of positions recomputed."""
    size = len(history.layers)
    figure, (axes,) = figure_of(0.9 + 0.19 * size)
    means = [layer.mean(history.frames - 1) for layer in history.layers]
    axes.barh(range(size), [changes for _, _, changes in means], color=CHANGES, height=0.72)
    for place, (recomputed, _, changes) in enumerate(means):
        label = f"{count(round(changes))}; {100 * recomputed:.0f} %"
        axes.annotate(label, (changes, place), (3, 0), textcoords="offset points", va="center", fontsize=8, color=SOFT)
    names = [shortened(layer.name, 24) for layer in history.layers]
    axes.set_yticks(range(size), names, fontsize=8)
    axes.set_ylim(size - 0.4, -0.6)
    axes.set_xlim(0, 1.35 * max((changes for _, _, changes in means), default=0.0) or 1.0)
    axes.xaxis.set_major_formatter(lambda value, _: count(value))
    axes.locator_params(axis="x", nbins=4)
    axes.set_xlabel("changed activations a frame")
    axes.spines["left"].set_color(EDGE)
    return svg(figure, "Changes by layer")


def _seconds(axes: Axes, history: History) -> None:
    begin, end = history.seconds(history.first - 0.5), history.seconds(max(history.last, history.first + 1) + 0.5)
    axes.set_xlim(begin, max(end, begin + 0.01))
    axes.set_xlabel("seconds")
