"""The kinds of detector that come as ONNX files: how each wants its frame, what its outputs mean, how it is told.

A layout is named after the network that made it common; others share it (YOLOv7: yolov5; YOLO11: yolov8).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vistream.detect import detr, nanodet, yolo
from vistream.detect.letterbox import Image, Placement, letterbox, stretch
from vistream.types import Frame

Floats = NDArray[np.float64]
Outputs = Sequence[NDArray[np.float32]]
Shapes = Sequence[tuple[int, int]]

IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255
IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32) * 255


@dataclass(frozen=True, slots=True)
class Layout:
    """`prepare(frame, width, height)` gives the input `[1, 3, height, width]` and where the frame lies in it.

    `decode(outputs, width, height, classes)` gives corners `[N, 4]` and scores `[N, classes]`; `distinct`: an
    object comes once, so near-duplicates need not be removed.
    """

    name: str
    prepare: Callable[[Frame, int, int], tuple[NDArray[np.float32], Placement]]
    decode: Callable[[Outputs, int, int, int], tuple[Floats, Floats]]
    distinct: bool = False


def _input(image: Image, mean: NDArray[np.float32] | float, std: NDArray[np.float32] | float) -> NDArray[np.float32]:
    return np.ascontiguousarray(((image - mean) / std).transpose(2, 0, 1)[None], np.float32)


def _yolo(frame: Frame, width: int, height: int) -> tuple[NDArray[np.float32], Placement]:
    image, placement = letterbox(frame, width, height, 114, centred=True)
    return _input(image, 0.0, 255.0), placement


def _yolox(frame: Frame, width: int, height: int) -> tuple[NDArray[np.float32], Placement]:
    image, placement = letterbox(frame, width, height, 114, centred=False)
    return _input(image, 0.0, 1.0), placement


def _detr(frame: Frame, width: int, height: int) -> tuple[NDArray[np.float32], Placement]:
    image, placement = stretch(frame, width, height)
    return _input(image, IMAGENET_MEAN, IMAGENET_STD), placement


def _rtdetr(frame: Frame, width: int, height: int) -> tuple[NDArray[np.float32], Placement]:
    image, placement = stretch(frame, width, height)
    return _input(image, 0.0, 255.0), placement


def _rows(outputs: Outputs) -> NDArray[np.float32]:
    """The first output without its batch axis; further ones, as of intermediate levels, are not needed."""
    return outputs[0].reshape(outputs[0].shape[-2:])


_ALL = (
    Layout("yolov5", _yolo, lambda outputs, w, h, c: yolo.decode_yolov5(_rows(outputs))),
    Layout("yolov8", _yolo, lambda outputs, w, h, c: yolo.decode_yolov8(_rows(outputs))),
    Layout("yolov10", _yolo, lambda outputs, w, h, c: yolo.decode_yolov10(_rows(outputs), c), distinct=True),
    Layout("yolox", _yolox, lambda outputs, w, h, c: yolo.decode_yolox(_rows(outputs), w, h)),
    Layout("nanodet-plus", nanodet.prepared, lambda outputs, w, h, c: nanodet.HEAD_PLUS.decode(outputs, w, h)),
    Layout("detr", _detr, lambda outputs, w, h, c: detr.decode_detr(outputs, w, h), distinct=True),
    Layout("rtdetr", _rtdetr, lambda outputs, w, h, c: detr.decode_rtdetr(outputs, w, h), distinct=True),
)

LAYOUTS = {layout.name: layout for layout in _ALL}


def recognised(shapes: Shapes, width: int, height: int, classes: int | None) -> Layout | None:
    """The layout that outputs of these shapes (without batch axis) speak of, if it is one alone.

    `classes`: how many there are, if the file says so; else COCO's 80 settle what the shapes leave open.
    """
    if len(shapes) == 2 * len(nanodet.HEAD_PLUS.strides):
        levels = {across * down for across, down in nanodet.HEAD_PLUS.levels(width, height)}
        return LAYOUTS["nanodet-plus"] if {shape[0] for shape in shapes} == levels else None
    if len(shapes) == 2 and sum(shape[1] == 4 for shape in shapes) == 1:
        columns = next(shape[1] for shape in shapes if shape[1] != 4)
        counts = (80, 91) if classes is None else (classes,)
        if columns in counts:
            return LAYOUTS["rtdetr"]
        return LAYOUTS["detr"] if columns - 1 in counts else None
    return _recognised_rows(shapes[0], yolo.cells(width, height), classes)


def _recognised_rows(shape: tuple[int, int], cells: int, classes: int | None) -> Layout | None:
    """One output: what its rows are follows from how many there are, and how long."""
    rows, columns = shape
    if columns == 6 and rows <= 1000:
        return LAYOUTS["yolov10"]
    if columns == cells:
        return LAYOUTS["yolov8"]
    if rows == 3 * cells:
        return LAYOUTS["yolov5"]
    extra = columns - (80 if classes is None else classes)
    if rows == cells and extra in (4, 5):
        return LAYOUTS["yolov8" if extra == 4 else "yolox"]
    return LAYOUTS["rtdetr"] if rows <= 1000 and extra == 4 else None
