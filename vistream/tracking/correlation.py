"""Correlation heads: where in a search window an object is, by a filter in the Fourier domain.

Two heads, as in UniTrack (Wang et al., NeurIPS 2021): a discriminative correlation filter (multi-channel, after
Danelljan et al., "Accurate scale estimation for robust visual tracking", BMVC 2014, equations 3 to 6), which learns on;
and plain cross-correlation with the first look of the object (Bertinetto et al., "Fully-convolutional Siamese
networks", ECCVW 2016). Both take windows of features and return responses; boxes and scales are the task's business.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import binary_dilation

from vistream.tracking.edges import enlarge
from vistream.tracking.template import Template

Window = NDArray[np.float32]
Array = NDArray[np.float64]
Spectrum = NDArray[np.complex64]


class Head(Protocol):
    """What finds the object of the window that it learned first, in later windows of the same grid."""

    def learn(self, window: Window) -> None:
        """Take one look: float32 `[g, g, C]` with the object in the middle."""

    def response(self, window: Window) -> Array:
        """`[g, g]`: how well the object fits when moved by (row, column) from the middle, modulo g; about 1 at best."""


class CorrelationFilter:
    """The discriminative head. `target`: the object's (height, width) in cells; `sigma`: of the label, in shares of it.

    `regularisation`: what is added to the energy of every frequency, where the mean energy is 1. `rate`: the share of
    the newest look in the running mean.
    """

    def __init__(
        self, grid: int, target: tuple[float, float], sigma: float, regularisation: float, rate: float
    ) -> None:
        self.regularisation = regularisation
        self.rate = rate
        self._label: Spectrum = _spectrum(gaussian_label(grid, target, sigma).astype(np.float32)[:, :, None])
        self._taper = taper(grid)
        self._numerator: Spectrum | None = None
        self._denominator: NDArray[np.float32] | None = None

    def learn(self, window: Window) -> None:
        looks = _spectrum(window * self._taper)
        numerator = self._label * looks.conj()
        denominator = (looks.real**2 + looks.imag**2).sum(axis=2)
        if self._numerator is None or self._denominator is None:
            self._numerator, self._denominator = numerator, denominator
        else:
            self._numerator += np.float32(self.rate) * (numerator - self._numerator)
            self._denominator += np.float32(self.rate) * (denominator - self._denominator)

    def response(self, window: Window) -> Array:
        assert self._numerator is not None and self._denominator is not None, "learn comes first"
        joint = (self._numerator * _spectrum(window * self._taper)).sum(axis=2)
        energy = self._denominator + np.float32(self.regularisation) * self._denominator.mean()
        return _back(joint / energy, len(window))


class CrossCorrelation:
    """The plain head: the weighted mean cosine between the object's template and what lies there now. It learns once.

    `target`: the object's (height, width) in cells.
    """

    def __init__(self, grid: int, target: tuple[float, float]) -> None:
        self._target = target
        self._inside = inside(grid, target)
        self._template: Template | None = None
        self._filter: Spectrum | None = None

    def learn(self, window: Window) -> None:
        if self._template is None:
            cells = unit(window)
            self._template = Template.of(cells[self._inside], cells[outside(self._inside)])
            self._transform(self._template)

    def weigh(self, weights: Window) -> None:
        """Weigh the template's cells by those of a grid `[n, n]` over the object as well."""
        assert self._template is not None, "learn comes first"
        rows, columns = (int(self._inside.any(axis=axis).sum()) for axis in (1, 0))
        self._template.weigh(enlarge(weights, (columns, rows)).reshape(-1))
        self._transform(self._template)

    def on(self, grid: int) -> CrossCorrelation:
        """The same template, for windows of another `grid`, at least as large, whose cells are of the same size."""
        assert self._template is not None, "learn comes first"
        other = CrossCorrelation(grid, self._target)
        other._template = self._template
        other._transform(self._template)
        return other

    def response(self, window: Window) -> Array:
        assert self._filter is not None, "learn comes first"
        return _back((self._filter * _spectrum(unit(window))).sum(axis=2), len(window))

    def _transform(self, template: Template) -> None:
        whole = np.zeros((*self._inside.shape, template.values.shape[1]), np.float32)
        whole[self._inside] = template.values
        self._filter = _spectrum(whole).conj()


def inside(grid: int, target: tuple[float, float]) -> NDArray[np.bool_]:
    """The cells, bool `[grid, grid]`, of a target of (height, width) cells in the middle.

    >>> inside(5, (1.0, 3.4)).astype(int)[2]
    array([0, 1, 1, 1, 0])
    """
    rows, columns = (max(1, min(grid, round(side))) for side in target)
    cells = np.zeros((grid, grid), np.bool_)
    top, left = (grid - rows) // 2, (grid - columns) // 2
    cells[top : top + rows, left : left + columns] = True
    return cells


def outside(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The cells that are not `cells`, and do not touch them either."""
    return ~binary_dilation(cells, np.ones((3, 3), np.bool_))


def gaussian_label(grid: int, target: tuple[float, float], sigma: float) -> Array:
    """The wanted response `[grid, grid]`: 1 at no displacement, falling off with `sigma` times the target's size.

    >>> gaussian_label(5, (2.0, 4.0), 0.5)[0].round(2)
    array([1.  , 0.88, 0.61, 0.61, 0.88])
    """
    steps = fft.fftfreq(grid, 1.0 / grid)
    down, across = (np.exp(-0.5 * (steps / (sigma * side)) ** 2) for side in target)
    label: Array = down[:, None] * across
    return label


def taper(grid: int) -> Window:
    """A cosine window `[grid, grid, 1]`: 1 in the middle, almost 0 at the border."""
    line = np.hanning(grid + 2)[1:-1]
    return (line[:, None, None] * line[None, :, None]).astype(np.float32)


def peak(response: Array) -> tuple[float, float, float]:
    """The (row, column) displacement of the maximum, in cells from -g/2 to g/2 and between them, and its height.

    Between cells a parabola through the maximum and its two neighbours decides.

    >>> response = np.zeros((7, 7)); response[6, 2], response[6, 3] = 1.0, 0.5
    >>> [round(value, 3) for value in peak(response)]
    [-1.0, 2.167, 1.0]
    """
    grid = len(response)
    row, column = (int(i) for i in np.unravel_index(np.argmax(response), response.shape))
    best = float(response[row, column])

    def refined(before: float, after: float, place: int) -> float:
        before, after = float(before), float(after)
        bend = before + after - 2.0 * best
        offset = 0.5 * (before - after) / bend if bend < 0 else 0.0
        return (place + grid // 2) % grid - grid // 2 + offset

    return (
        refined(response[row - 1, column], response[(row + 1) % grid, column], row),
        refined(response[row, column - 1], response[row, (column + 1) % grid], column),
        best,
    )


def sidelobe_ratio(response: Array, place: tuple[float, float], around: float) -> float:
    """The peak-to-sidelobe ratio: by how many standard deviations a response stands out of those elsewhere.

    `place`: its (row, column) displacement, as from `peak`; `around`: rows and columns beside it that do not count. 0
    where nothing else is left, or all of it is equal.
    Source: Bolme et al., "Visual object tracking using adaptive correlation filters", CVPR 2010, section 3.5.

    >>> response = np.tile([0.0, 0.2], (6, 3)); response[1, 5] = 0.6
    >>> round(sidelobe_ratio(response, (1.2, -1.0), 1.0), 1)
    4.9
    """
    grid = len(response)
    row, column = (round(step) % grid for step in place)
    steps = np.arange(grid)
    down, across = (np.abs((steps - at + grid // 2) % grid - grid // 2) for at in (row, column))
    sidelobe = response[(down[:, None] > around) | (across > around)]
    spread = float(sidelobe.std()) if sidelobe.size else 0.0
    return (float(response[row, column]) - float(sidelobe.mean())) / spread if spread > 0 else 0.0


def _spectrum(window: Window) -> Spectrum:
    return np.asarray(fft.rfft2(window, axes=(0, 1)), dtype=np.complex64)


def _back(spectrum: Spectrum, grid: int) -> Array:
    return np.asarray(fft.irfft2(spectrum, s=(grid, grid), axes=(0, 1)), dtype=np.float64)


def unit(window: Window) -> Window:
    """The vectors `[..., C]` at length 1; what has none stays 0.

    >>> unit(np.array([[3, 4], [0, 0]], np.float32))
    array([[0.6, 0.8],
           [0. , 0. ]], dtype=float32)
    """
    length = np.sqrt((window * window).sum(axis=-1, keepdims=True))
    return np.asarray(np.divide(window, length, out=np.zeros_like(window), where=length > 0))
