"""The kinds of detector that come as ONNX files: how each wants its frame, what its outputs mean, how it is told.

A layout is named after the network that made it common; others share it (YOLOv7: yolov5; YOLO11: yolov8).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vistream.detect import detr, finished, nanodet, yolo
from vistream.detect.letterbox import Image, Placement, letterbox, stretch
from vistream.detect.signature import Decoder, Signature
from vistream.types import Frame

IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255
IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32) * 255

SLACK = 0.01  # by which scores may leave 0..1

Prepare = Callable[[Frame, int, int], tuple[NDArray[np.float32], Placement]]


@dataclass(frozen=True, slots=True)
class Layout:
    """`prepare(frame, width, height)` gives the input `[1, 3, height, width]` and where the frame lies in it.

    `read(signature)` gives the decoder of a file's outputs, or None where the file is of another layout; `distinct`:
    an object comes once, so near-duplicates need not be removed; `ids`: classes have COCO's ids for numbers, where the
    file does not score them one by one.
    """

    name: str
    prepare: Prepare
    read: Callable[[Signature], Decoder | None]
    distinct: bool = False
    ids: bool = False


def _input(image: Image, mean: NDArray[np.float32] | float, std: NDArray[np.float32] | float) -> NDArray[np.float32]:
    return np.ascontiguousarray(((image - mean) / std).transpose(2, 0, 1)[None], np.float32)


def _boxed(frame: Frame, width: int, height: int) -> tuple[NDArray[np.float32], Placement]:
    """Letter-boxed, in 0..1: what the YOLO family sees."""
    image, placement = letterbox(frame, width, height, 114, centred=True)
    return _input(image, 0.0, 255.0), placement


def _yolox(frame: Frame, width: int, height: int) -> tuple[NDArray[np.float32], Placement]:
    image, placement = letterbox(frame, width, height, 114, centred=False)
    return _input(image, 0.0, 1.0), placement


def _normalised(frame: Frame, width: int, height: int) -> tuple[NDArray[np.float32], Placement]:
    """Stretched, by ImageNet's mean and deviation: DETR."""
    image, placement = stretch(frame, width, height)
    return _input(image, IMAGENET_MEAN, IMAGENET_STD), placement


def _stretched(frame: Frame, width: int, height: int) -> tuple[NDArray[np.float32], Placement]:
    """Stretched, in 0..1: RT-DETR."""
    image, placement = stretch(frame, width, height)
    return _input(image, 0.0, 255.0), placement


_ALL = (
    Layout("nanodet-plus", nanodet.prepared, nanodet.nanodet_plus),
    Layout("mmdeploy", nanodet.prepared, finished.mmdeploy, distinct=True),
    Layout("rtdetr-lists", _stretched, finished.rtdetr_lists, distinct=True),
    Layout("torchvision", _boxed, finished.torchvision, distinct=True, ids=True),
    Layout("efficient-nms", _boxed, finished.counted_lists, distinct=True),
    Layout("yolov7-nms", _boxed, finished.batched_rows, distinct=True),
    Layout("yolov10", _boxed, finished.end_to_end, distinct=True),
    Layout("yolo-nas", _boxed, yolo.yolo_nas),
    Layout("yolov8", _boxed, yolo.yolov8),
    Layout("yolov6", _boxed, yolo.yolov6),
    Layout("yolox", _yolox, yolo.yolox),
    Layout("yolov5", _boxed, yolo.yolov5),
    Layout("rfdetr", _normalised, detr.rfdetr, distinct=True),
    Layout("detr", _normalised, detr.detr, distinct=True),
    Layout("rtdetr", _stretched, detr.rtdetr, distinct=True),
)

LAYOUTS = {layout.name: layout for layout in _ALL}
"""By name; of those that a file fits, the first one counts."""


def recognised(signature: Signature) -> tuple[Layout, Decoder] | None:
    """The layout that a file's outputs speak of, and its decoder."""
    for layout in _ALL:
        decoder = layout.read(signature)
        if decoder is not None and implausible(decoder, signature) is None:
            return layout, decoder
    return None


def implausible(decoder: Decoder, signature: Signature) -> str | None:
    """What speaks against a decoder when it reads the dry run's outputs, or None."""
    try:
        scores = decoder.decode(signature.outputs, -np.inf).scores
    except (ValueError, KeyError, IndexError, TypeError) as error:
        return str(error)
    if scores.size and not (scores.min() >= -SLACK and scores.max() <= 1 + SLACK):
        return f"scores would reach {max(scores.max(), -scores.min()):.3g}"
    return None
