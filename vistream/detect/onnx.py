"""A detector from any ONNX file with one of the common layouts."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vistream.detect.coco import CLASSES, CLASSES_BY_ID
from vistream.detect.layouts import LAYOUTS, Layout, recognised
from vistream.detect.onnxheader import OnnxHeader, read_onnx_header
from vistream.detect.onnxnet import OnnxNet
from vistream.detect.selection import Selection
from vistream.errors import VistreamError
from vistream.types import Frame, Observations

FREE_SIZE = 640  # where the file leaves its input's size open


class OnnxDetector:
    """Runs `path` in OpenCV. `layout` is a name in `LAYOUTS`; None: told from the shapes of the outputs.

    Class names are the file's own (metadata entry `names`, as Ultralytics writes it), else COCO's where their
    number fits, else "class 0" and so on. A dry run at construction finds files that don't work.
    """

    def __init__(self, path: Path, selection: Selection, layout: str | None = None, name: str | None = None) -> None:
        self.name = name or f"onnx:{path.name}"
        self._path, self._selection = path, selection
        header = read_onnx_header(path)
        self._width, self._height = _input_size(path, header)
        self._network = OnnxNet(path)
        outputs = self._network(np.zeros((1, 3, self._height, self._width), np.float32))
        shapes = [(output.shape[-2], output.shape[-1]) for output in outputs if output.ndim >= 2]
        own_names = _own_names(header)
        self._layout = self._chosen(layout, shapes, own_names)
        self._names = own_names or ()
        try:
            _, scores = self._layout.decode(outputs, self._width, self._height, len(own_names or CLASSES))
        except (ValueError, KeyError, IndexError, StopIteration) as error:
            raise VistreamError(
                f"{path}: its outputs {_listed(shapes)} are not of layout {self._layout.name}"
            ) from error
        self._names = own_names or _usual_names(scores.shape[1])
        if len(self._names) != scores.shape[1]:
            raise VistreamError(f"{path}: names {len(self._names)} classes but scores {scores.shape[1]}")
        selection.checked(self.name, self._names)

    def describe(self) -> str:
        kind = f"{self._layout.name} layout at {self._width} x {self._height}"
        return f"{self.name}: {self._path.name}, {kind}, {len(self._names)} classes; {self._selection}"

    def detect(self, frame: Frame, index: int) -> Observations:
        image, placement = self._layout.prepare(frame, self._width, self._height)
        outputs = self._network(image)
        corners, scores = self._layout.decode(outputs, self._width, self._height, len(self._names))
        return self._selection.observations(corners, scores, self._names, placement, self._layout.distinct)

    def reset(self) -> None:
        """Nothing is carried from frame to frame."""

    def _chosen(self, layout: str | None, shapes: list[tuple[int, int]], names: tuple[str, ...] | None) -> Layout:
        if layout is not None:
            if layout not in LAYOUTS:
                raise VistreamError(f"no layout is called {layout!r}: there are {', '.join(LAYOUTS)}")
            return LAYOUTS[layout]
        found = recognised(shapes, self._width, self._height, None if names is None else len(names)) if shapes else None
        if found is None:
            raise VistreamError(
                f"{self._path}: can't tell what its outputs {_listed(shapes)} mean: "
                f"say onnx:{self._path},layout=NAME with one of {', '.join(LAYOUTS)}"
            )
        return found


def _listed(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(" x ".join(str(size) for size in shape) for shape in shapes)


def _input_size(path: Path, header: OnnxHeader) -> tuple[int, int]:
    """(width, height) of the input; a free size is `FREE_SIZE`."""
    shape = header.input_shape
    if len(shape) != 4 or shape[0] not in (1, -1) or shape[1] not in (3, -1):
        raise VistreamError(f"{path}: its input is {_listed([shape])}, not 1 x 3 x height x width")
    height, width = (size if size > 0 else FREE_SIZE for size in shape[2:])
    return width, height


def _own_names(header: OnnxHeader) -> tuple[str, ...] | None:
    """Class names from the metadata: a Python literal, `{0: 'person', ...}` or a list."""
    try:
        names = ast.literal_eval(header.metadata.get("names", ""))
    except (ValueError, SyntaxError, RecursionError, MemoryError):  # all that a hostile literal can cause
        return None
    values = [names[number] for number in sorted(names)] if isinstance(names, dict) else names
    return tuple(str(value) for value in values) if isinstance(values, list | tuple) and values else None


def _usual_names(count: int) -> tuple[str, ...]:
    for usual in (CLASSES, CLASSES_BY_ID):
        if len(usual) == count:
            return usual
    return tuple(f"class {number}" for number in range(count))
