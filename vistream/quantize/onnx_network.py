"""An ONNX file as an integer network: its body calibrated and quantised, its tail in onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.ir.network import IntegerNetwork
from vistream.models.onnx_file import DTYPES, Node, OnnxFile
from vistream.models.onnx_session import OnnxSession
from vistream.quantize.convert import converted
from vistream.quantize.meaning import Meaning
from vistream.quantize.onnx_left import announce
from vistream.quantize.onnx_module import image_of
from vistream.quantize.onnx_part import Fed, part_of
from vistream.quantize.onnx_quantized import is_quantised, read_quantised
from vistream.quantize.onnx_split import split
from vistream.quantize.program import Program
from vistream.quantize.ranges import Preprocess, calibrate
from vistream.quantize.scales import FULL, Levels, Weights
from vistream.quantize.unforeseen import in_one_sentence
from vistream.types import Frame

Array = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Crossing:
    """A tensor of the file that leaves the body: `dtype` as in `DTYPES`.

    `shift`: where it is integers of the file's own, what levels here lack to these; else None: it is real values.
    """

    dtype: int
    shape: tuple[int, ...]
    shift: int | None = None

    def tensor(self, value: Array) -> Array:
        """The file's tensor from a map `[h, w, C]` of levels or of real values, or from what is no map as it is."""
        shifted = value if self.shift is None else value.astype(np.int16) + self.shift
        is_map = len(self.shape) == 4 and self.shape[0] == 1
        ordered = shifted.transpose(2, 0, 1) if is_map else shifted
        return ordered.reshape(self.shape).astype(DTYPES[self.dtype])


@dataclass(frozen=True, eq=False)
class OnnxNetwork:
    """`network` is the body; `finish` turns what it gives into what the file gives.

    `crossing`: the tensors that leave the body, by name; `tail`: the rest, as an ONNX model, or None where nothing is
    left.
    """

    file: OnnxFile
    network: IntegerNetwork
    preprocess: Preprocess
    crossing: Mapping[str, Crossing]
    tail: bytes | None

    def finish(self, values: Mapping[str, Array], frame: Frame) -> dict[str, Array]:
        """The file's outputs, by name, for a frame.

        `values`: the body's outputs `[h, w, C]`, levels where they cross as the file's integers, else as real values.
        """
        fed = {name: self.crossing[name].tensor(value) for name, value in values.items()}
        given = {output.name: fed[output.name] for output in self.file.outputs if output.name in fed}
        if self._tail is None:
            return given
        image = image_of(self.file)
        if image.name in self._tail.inputs:
            fed[image.name] = self.preprocess(frame).numpy().astype(DTYPES[image.dtype])
        return given | self._tail({name: fed[name] for name in self._tail.inputs})

    @cached_property
    def _tail(self) -> OnnxSession | None:
        return None if self.tail is None else OnnxSession(self.file, self.tail)


Check = Callable[[Program, IntegerNetwork, Mapping[str, Meaning], Sequence[Frame], Preprocess], None]
"""What looks at a finished conversion on a few frames, and raises VistreamError where it does not like it."""

CHECKED = 2  # frames that are kept for that


def quantize_onnx(
    file: OnnxFile,
    frames: Iterable[Frame],
    preprocess: Preprocess,
    levels: Levels = FULL,
    check: Check | None = None,
    weights: Weights = Weights.INT8,
    read_out: bool = False,
) -> OnnxNetwork:
    """The integer network of an ONNX file, calibrated on frames (uint8 `[H, W, C]`, RGB), all of one size.

    Where the file leaves the size of its image open, that of the frames is taken. A file that is quantised already
    keeps its own scales. `read_out`: see `converted`. Raises VistreamError for a file of which nothing can be taken, or
    that wants other frames.
    """
    shown = iter(frames)
    kept = list(islice(shown, CHECKED))
    if not kept:
        raise VistreamError("calibration needs at least one frame")
    size = _size(file, kept[0])
    pictures = _checked(file.path, chain(kept, shown), size)
    if is_quantised(file):
        next(pictures)
        with in_one_sentence(f"{file.path}:"):
            return _as_quantised(file, preprocess, size)
    with in_one_sentence(f"{file.path}:"):
        parts = split(file, size)
        announce(file, parts.facts.nodes, parts.rest, parts.facts.why, parts.facts.shapes, size)
    ranges = calibrate(parts.program, pictures, preprocess, by_channel=True)
    with in_one_sentence(f"{file.path}:"):
        network, meanings = converted(parts.program, ranges, preprocess, levels, weights=weights, read_out=read_out)
        if check is not None:
            check(parts.program, network, meanings, kept, preprocess)
        leaving = {name: Crossing(fed.dtype, fed.shape) for name, fed in parts.leaving.items()}
        return _with_tail(file, network, preprocess, leaving, parts.rest, size)


def _as_quantised(file: OnnxFile, preprocess: Preprocess, size: tuple[int, int]) -> OnnxNetwork:
    """A file that is quantised already."""
    body = read_quantised(file, preprocess)
    grids = body.network.lay(*size)
    leaving = {
        name: Crossing(held.scale.dtype, (1, held.channels, *grids[held.layer].grid), held.scale.shift)
        for name, held in body.crossing.items()
    }
    announce(file, file.nodes, body.rest, body.why, {}, size)
    return _with_tail(file, body.network, preprocess, leaving, body.rest, size)


def _with_tail(
    file: OnnxFile,
    network: IntegerNetwork,
    preprocess: Preprocess,
    leaving: Mapping[str, Crossing],
    rest: Sequence[Node],
    size: tuple[int, int],
) -> OnnxNetwork:
    image = image_of(file)
    wanted = [output.name for output in file.outputs if output.name not in leaving]
    if not wanted:
        return OnnxNetwork(file, network, preprocess, leaving, None)
    fed = {name: Fed(crossing.dtype, crossing.shape) for name, crossing in leaving.items()}
    if image.name in wanted or any(image.name in node.reads for node in rest):
        fed[image.name] = Fed(image.dtype, (1, len(preprocess.mean), *size))
    return OnnxNetwork(file, network, preprocess, leaving, part_of(file, rest, fed, wanted))


def _size(file: OnnxFile, frame: Frame) -> tuple[int, int]:
    """Rows and columns of the image."""
    rows, columns = (image_of(file).shape or (1, 3, -1, -1))[2:]
    return rows if rows > 0 else frame.shape[0], columns if columns > 0 else frame.shape[1]


def _checked(path: Path, frames: Iterable[Frame], size: tuple[int, int]) -> Iterator[Frame]:
    """All frames; a VistreamError at one that has another size."""
    for frame in frames:
        if frame.shape[:2] != size:
            given = f"{frame.shape[1]}x{frame.shape[0]}"
            raise VistreamError(f"{path}: takes frames of {size[1]}x{size[0]} pixels, not {given}: resize them")
        yield frame
