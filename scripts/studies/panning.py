"""Would shifting the caches with a panning camera pay? How much of the picture stands still after the best shift.

    python scripts/studies/panning.py ../shared/data

Caches of all layers can only be shifted together by whole cells of the coarsest one, that is, by multiples of 8 pixels.
For each pair of frames: the translation (phase correlation), and the share of pixels that stay (within 0, 4 and 8 grey
levels of the frame before, in every channel) without a shift, after the best shift by multiples of 8, and after the
best by whole pixels; pixels that come into view have changed. Then the same against frames further back, since slow
pans add up, and for the levels of three layers. A still picture panned by 8 pixels a frame is the upper bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from common import clip_frames, parser_of, percent, print_table
from numpy.typing import NDArray

from vistream.engine.stream.engine import Stream
from vistream.quantize.named import named_network
from vistream.types import Frame

CLIPS = ("bedroom", "libby", "blackswan")
STRIDE = 8  # of the default cut
TOLERANCES = (0, 4, 8)
BACK = (1, 4, 8)  # frames: slow pans add up to a whole cell
PAIRS = 8
Shift = tuple[int, int]
Grey = NDArray[np.float32]


def grey(frame: Frame) -> Grey:
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.float32)


def translation(before: Frame, after: Frame) -> tuple[float, float]:
    """(x, y) pixels by which the content moved."""
    size = (before.shape[1], before.shape[0])
    window = cv2.createHanningWindow(size, cv2.CV_32F)
    (x, y), _ = cv2.phaseCorrelate(grey(before), grey(after), window)
    return float(x), float(y)


def staying(before: Frame, after: Frame, shift: Shift, tolerance: int) -> float:
    """The share of pixels of `after` that are within the tolerance of `before` moved by `shift` (x, y)."""
    x, y = shift
    height, width = after.shape[:2]
    if abs(x) >= width or abs(y) >= height:
        return 0.0
    new = after[max(y, 0) : height + min(y, 0), max(x, 0) : width + min(x, 0)]
    old = before[max(-y, 0) : height + min(-y, 0), max(-x, 0) : width + min(-x, 0)]
    distance = cv2.absdiff(new, old).max(2)
    return float((distance <= tolerance).sum() / (height * width))


def candidates(moved: tuple[float, float], step: int) -> list[Shift]:
    """No shift, and those multiples of `step` next to a translation."""
    around = [(int(np.floor(v / step)) * step, int(np.ceil(v / step)) * step) for v in moved]
    return [(0, 0), *product(around[0], around[1])]


def panned(still: Frame, count: int) -> list[Frame]:
    """A window that moves over a picture by 8 pixels a frame, exactly."""
    width = still.shape[1] - STRIDE * count
    return [np.ascontiguousarray(still[:, STRIDE * n : STRIDE * n + width]) for n in range(count)]


def clips(root: Path, count: int) -> Iterator[tuple[str, list[Frame]]]:
    for name in CLIPS:
        yield name, clip_frames(root, name, count)
    yield "a still, panned", panned(clip_frames(root, "blackswan", 1)[0], count)


def pixel_rows(name: str, frames: Sequence[Frame]) -> Iterator[list[str]]:
    for back in BACK:
        pairs = [(frames[n], frames[n + back]) for n in range(0, len(frames) - back, max(1, len(frames) // PAIRS))]
        moves = [translation(*pair) for pair in pairs]
        cells = [name, str(back), f"{np.median(np.hypot(*np.transpose(moves))):.1f}"]
        for tolerance in TOLERANCES:
            shares = [np.mean([staying(*pair, (0, 0), tolerance) for pair in pairs])]
            for step in (STRIDE, 1):
                tried = [candidates(moved, step) for moved in moves]
                best = [
                    max(staying(*pair, shift, tolerance) for shift in of) for pair, of in zip(pairs, tried, strict=True)
                ]
                shares.append(np.mean(best))
            cells.append(", ".join(f"{100 * share:.1f}" for share in shares))
        yield cells


def level_rows(name: str, frames: Sequence[Frame]) -> Iterator[list[str]]:
    """The same for the levels of layers, exact: a shift of the input by 8 is one by 8 / stride of a layer."""
    network = named_network().network
    stream = Stream(network)
    layers = ("_conv_stem", "_blocks.1._project_conv", network.output)
    held: list[list[NDArray[np.int8]]] = []
    for frame in frames[: PAIRS + 1]:
        stream.step(frame)
        held.append([stream.levels(layer).numpy().copy() for layer in layers])
    moves = [translation(frames[n], frames[n + 1]) for n in range(PAIRS)]
    for number, layer in enumerate(layers):
        stride = round(frames[0].shape[1] / held[0][number].shape[1])
        still, shifted = [], []
        for n, moved in enumerate(moves):
            shifts = candidates(moved, STRIDE)
            shares = [same(held[n][number], held[n + 1][number], (x // stride, y // stride)) for x, y in shifts]
            still.append(shares[0])
            shifted.append(max(shares))
        yield [name, layer, percent(float(np.mean(still))), percent(float(np.mean(shifted)))]


def same(before: NDArray[np.int8], after: NDArray[np.int8], shift: Shift) -> float:
    """The share of positions all of whose levels are those of the shifted frame before."""
    x, y = shift
    height, width = after.shape[:2]
    new = after[max(y, 0) : height + min(y, 0), max(x, 0) : width + min(x, 0)]
    old = before[max(-y, 0) : height + min(-y, 0), max(-x, 0) : width + min(-x, 0)]
    return float((new == old).all(2).sum() / (height * width))


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--frames", type=int, default=24)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    found = list(clips(arguments.root, arguments.frames))
    header = ["clip", "frames back", "moved, pixels (median)"]
    header += [f"% of pixels within {t}: no shift, by 8s, by 1s" for t in TOLERANCES]
    print_table(header, (row for name, frames in found for row in pixel_rows(name, frames)))
    print_table(
        ["clip", "layer", "positions that stay, no shift", "best shift by 8s"],
        (row for name, frames in found for row in level_rows(name, frames)),
    )


if __name__ == "__main__":
    main()
