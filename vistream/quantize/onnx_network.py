"""An ONNX file as an integer network: its body calibrated and quantised, its tail in onnxruntime."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.ir.network import IntegerNetwork
from vistream.models.onnx_file import DTYPES, OnnxFile, read_onnx
from vistream.models.onnx_session import OnnxSession
from vistream.quantize.convert import convert
from vistream.quantize.onnx_module import image_of
from vistream.quantize.onnx_split import Split, split
from vistream.quantize.ranges import Preprocess, calibrate
from vistream.quantize.scales import Levels
from vistream.types import Frame

Maps = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class OnnxNetwork:
    """`network` is the body; `finish` turns what it gives into what the file gives."""

    file: OnnxFile
    split: Split
    network: IntegerNetwork
    preprocess: Preprocess

    def finish(self, values: Maps, frame: Frame) -> dict[str, NDArray[np.generic]]:
        """The file's outputs, by name, from the body's as real values `[h, w, C]`, for the frame that they are of."""
        dtype = DTYPES[image_of(self.file).dtype]
        fed: dict[str, NDArray[np.generic]] = {
            name: value.transpose(2, 0, 1).reshape(self.split.shapes[name]).astype(dtype)
            for name, value in values.items()
        }
        given = {output.name: fed[output.name] for output in self.file.outputs if output.name in fed}
        if self.split.reads_image:
            fed[image_of(self.file).name] = self.preprocess(frame).numpy().astype(dtype)
        return given if self._tail is None else given | self._tail(fed)

    @cached_property
    def _tail(self) -> OnnxSession | None:
        return None if self.split.tail is None else OnnxSession(self.file, self.split.tail)


def quantize_onnx(
    path: Path, frames: Iterable[Frame], preprocess: Preprocess, levels: Levels | None = None
) -> OnnxNetwork:
    """The integer network of an ONNX file, calibrated on frames (uint8 `[H, W, 3]`, RGB), all of one size.

    Where the file leaves the size of its image open, that of the frames is taken.
    Raises VistreamError for a file that can't be read, of which nothing can be taken, or that wants other frames.
    """
    file = read_onnx(path)
    shown = iter(frames)
    first = next(shown, None)
    if first is None:
        raise VistreamError("calibration needs at least one frame")
    height, width = _size(file, first)
    parts = split(file, (height, width))
    ranges = calibrate(parts.program, _checked(path, first, shown, (height, width)), preprocess)
    return OnnxNetwork(file, parts, convert(parts.program, ranges, preprocess, levels or Levels()), preprocess)


def _size(file: OnnxFile, frame: Frame) -> tuple[int, int]:
    """Rows and columns of the image."""
    rows, columns = (image_of(file).shape or (1, 3, -1, -1))[2:]
    return rows if rows > 0 else frame.shape[0], columns if columns > 0 else frame.shape[1]


def _checked(path: Path, first: Frame, others: Iterator[Frame], size: tuple[int, int]) -> Iterator[Frame]:
    """All frames; a VistreamError at one that has another size."""
    for frame in (first, *others):
        if frame.shape[:2] != size:
            given = f"{frame.shape[1]}x{frame.shape[0]}"
            raise VistreamError(f"{path}: takes frames of {size[1]}x{size[0]} pixels, not {given}: resize them")
        yield frame
