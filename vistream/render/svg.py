"""Plots for our HTML pages: matplotlib figures as the text of an SVG element that follows the page's colours.

matplotlib is imported when the first one is drawn. Plots are narrow, so that their text stays legible on a phone.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 4.8  # inches, of 96 pixels each
INK, SOFT, EDGE, GRID = "#1b1b1b", "#444444", "#999999", "#eeeeee"
VARIABLES = {INK: "var(--ink)", SOFT: "var(--soft)", EDGE: "var(--edge)", GRID: "var(--grid)"}
"""Colours that the page may change, for a dark screen, and the names it knows them by."""
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "vistream",  # the same report gives the same bytes
    "text.parse_math": False,
    "text.color": INK,
    "font.size": 9.5,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": EDGE,
    "axes.facecolor": "none",
    "xtick.color": SOFT,
    "ytick.color": SOFT,
}


def figure_of(height: float, rows: int = 1, columns: int = 1, width: float = WIDTH) -> tuple[Figure, list[Axes]]:
    """An empty figure of `height` by `width` inches, and its axes row by row."""
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False)
    return figure, list(axes.flat)


def svg(figure: Figure, title: str = "") -> str:
    """The figure as an `<svg>` element without a background; `title` is what a screen reader says."""
    from html import escape

    from matplotlib import style

    buffer = io.StringIO()
    with style.context(STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, facecolor="none")
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub("|".join(VARIABLES), lambda colour: VARIABLES[colour[0]], text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1) if title else text


def whole_numbers(axes: Axes) -> None:
    """Ticks of the x axis at whole numbers only: frames."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
