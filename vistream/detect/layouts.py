"""The kinds of detector that come as ONNX files: how each wants its frame, what its outputs mean, how it is told.

A layout is named after the network that made it common; others share it (YOLOv7: yolov5; YOLO11: yolov8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.detect import detr, finished, lists, nanodet, yolo
from vistream.detect.candidates import Candidates
from vistream.detect.geometry import Size, are_shares, oddity
from vistream.detect.letterbox import Image, Placement, letterbox, stretch
from vistream.detect.signature import SLACK, Decoder, Outputs, Signature
from vistream.errors import VistreamError
from vistream.quantize.ranges import Preprocess
from vistream.types import Frame

IMAGENET = ((0.485 * 255, 0.456 * 255, 0.406 * 255), (0.229 * 255, 0.224 * 255, 0.225 * 255))
FILL = 114  # grey level beside a letter-boxed frame
MISREAD = (ValueError, KeyError, IndexError, TypeError, ZeroDivisionError)
"""What it may raise to read outputs in a way that they aren't meant."""
ONE_PERSON = (
    "are no boxes, but maps: a network that wants the box of one person to find keypoints in it (RTMPose, ViTPose), or "
    "that segments, is no detector: choose one that gives boxes"
)

Fit = Callable[[Frame, int, int], tuple[Image, Placement]]
Colour = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """`fit(frame, width, height)` gives the picture `[height, width, 3]` that the network sees, R, G, B, and where the
    frame lies in it.

    Its pixels are wanted less `mean` over `std`, in grey levels, R, G, B; `bgr`: in the other order. `read(signature)`
    gives the decoder of a file's outputs, or None where the file is of another layout; `distinct`: an object comes
    once, so near-duplicates need not be removed; `ids`: classes have COCO's ids for numbers, where the file does not
    score them one by one; `pixels`: files whose corners are shares of the picture look alike, but are of another kind.
    """

    name: str
    fit: Fit
    read: Callable[[Signature], Decoder | None]
    mean: Colour = (0.0, 0.0, 0.0)
    std: Colour = (255.0, 255.0, 255.0)
    bgr: bool = False
    distinct: bool = False
    ids: bool = False
    pixels: bool = False

    def of_bytes(self) -> Layout:
        """The same for a file that takes pixels as they are, and does the rest itself."""
        return replace(self, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))

    @property
    def preprocess(self) -> Preprocess:
        """What the network expects of its pixels, channels in its own order."""
        return Preprocess(self.mean[::-1], self.std[::-1]) if self.bgr else Preprocess(self.mean, self.std)

    def picture(self, frame: Frame, width: int, height: int) -> tuple[Image, Placement]:
        """The picture that the network sees, uint8 `[height, width, 3]`, channels in its own order, and the frame's
        place in it."""
        image, placement = self.fit(frame, width, height)
        return (np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8) if self.bgr else image), placement

    def normalised(self, picture: Image) -> NDArray[np.float32]:
        """The network's input `[1, 3, height, width]` of its picture."""
        expected = self.preprocess
        mean, std = (np.array(numbers, np.float32) for numbers in (expected.mean, expected.std))
        return np.ascontiguousarray(((picture - mean) / std).transpose(2, 0, 1)[None], np.float32)

    def prepare(self, frame: Frame, width: int, height: int) -> tuple[NDArray[np.float32], Placement]:
        """The network's input for a frame, and where the frame lies in it."""
        picture, placement = self.picture(frame, width, height)
        return self.normalised(picture), placement


def _boxed(frame: Frame, width: int, height: int) -> tuple[Image, Placement]:
    """Letter-boxed, in the middle: what the YOLO family sees."""
    return letterbox(frame, width, height, FILL, centred=True)


def _cornered(frame: Frame, width: int, height: int) -> tuple[Image, Placement]:
    return letterbox(frame, width, height, FILL, centred=False)


_ALL = (
    Layout("nanodet-plus", _boxed, nanodet.nanodet_plus, nanodet.MEAN, nanodet.STD, bgr=True),
    Layout("mmdeploy", _boxed, finished.mmdeploy, nanodet.MEAN, nanodet.STD, bgr=True, distinct=True),
    Layout("rtmo", _cornered, finished.rtmo, std=(1.0, 1.0, 1.0), bgr=True),
    Layout("tensorflow", stretch, lists.tensorflow, std=(1.0, 1.0, 1.0), distinct=True, ids=True),
    Layout("rtdetr-lists", stretch, lists.rtdetr_lists, distinct=True),
    Layout("torchvision", _boxed, lists.torchvision, distinct=True, ids=True, pixels=True),
    Layout("efficient-nms", _boxed, lists.counted_lists, distinct=True),
    Layout("yolov7-nms", _boxed, finished.batched_rows, distinct=True),
    Layout("paddle", stretch, finished.paddle, distinct=True),
    Layout("paddle-imagenet", stretch, finished.paddle, *IMAGENET, distinct=True),
    Layout("yolov10", _boxed, finished.end_to_end, distinct=True),
    Layout("yolo-nas", _boxed, yolo.yolo_nas),
    Layout("yolov8", _boxed, yolo.yolov8),
    Layout("yolov6", _boxed, yolo.yolov6),
    Layout("yolox", _cornered, yolo.yolox, std=(1.0, 1.0, 1.0), bgr=True),
    Layout("yolox-rgb", _cornered, yolo.yolox, std=(1.0, 1.0, 1.0)),
    Layout("yolov5", _boxed, yolo.yolov5),
    Layout("rfdetr", stretch, detr.rfdetr, *IMAGENET, distinct=True),
    Layout("detr", stretch, detr.detr, *IMAGENET, distinct=True),
    Layout("rtdetr", stretch, detr.rtdetr, distinct=True),
)

LAYOUTS = {layout.name: layout for layout in _ALL}
"""By name; of those that a file fits, the first one counts: what follows one that looks the same has to be named."""


def layout_of(path: Path, name: str | None, signature: Signature) -> tuple[Layout, Decoder]:
    """The layout of the file at `path`, and its decoder: that called `name`, or (None) the one its outputs speak of.

    Raises VistreamError where there is none such, or the outputs don't fit it.
    """
    shown = _listed(signature.outputs)
    if name is None:
        found = recognised(signature)
        if not isinstance(found, str):
            return found
        if signature.of_one_person():
            raise VistreamError(f"{path}: its outputs {shown} {ONE_PERSON}")
        raise VistreamError(f"{path}: can't tell what its outputs {shown} mean{found}: {ask_for(path)}")
    if name not in LAYOUTS:
        raise VistreamError(f"no layout is called {name!r}: there are {', '.join(LAYOUTS)}")
    decoder = decoder_of(LAYOUTS[name], signature)
    if isinstance(decoder, str):
        why = f" ({decoder})" if decoder else ""
        raise VistreamError(f"{path}: its outputs {shown} are not of layout {name}{why}")
    return LAYOUTS[name], decoder


def ask_for(path: Path) -> str:
    """How the user names a file's layout."""
    return f"say onnx:{path},layout=NAME with one of {', '.join(LAYOUTS)}"


def recognised(signature: Signature) -> tuple[Layout, Decoder] | str:
    """The layout that a file's outputs speak of, and its decoder; else what speaks against the first that they fit."""
    against = ""
    for layout in _ALL:
        decoder = decoder_of(layout, signature)
        if not isinstance(decoder, str):
            return layout, decoder
        against = against or (decoder and f" (as {layout.name}: {decoder})")
    return against


def decoder_of(layout: Layout, signature: Signature) -> Decoder | str:
    """The decoder of outputs that fit a layout; else what speaks against it, empty where they don't look like it."""
    try:
        decoder = layout.read(signature)
    except MISREAD:
        return ""
    if decoder is None:
        return ""
    reason = _implausible(layout, decoder, signature)
    return decoder if reason is None else reason


def _implausible(layout: Layout, decoder: Decoder, signature: Signature) -> str | None:
    """What speaks against a decoder when it reads the dry run's outputs, empty where it can't read them; or None."""
    try:
        found = decoder.decode(signature.outputs, -np.inf)
    except VistreamError as error:
        return str(error)
    except MISREAD:
        return ""
    scores = found.scores
    if scores.size and not (scores.min() >= -SLACK and scores.max() <= 1 + SLACK):
        return f"scores would reach {max(scores.max(), -scores.min()):.3g}"
    return misplaced(layout, decoder, found, (signature.width, signature.height), signature.asked)


def misplaced(layout: Layout, decoder: Decoder, found: Candidates, size: Size, asked: bool) -> str | None:
    """What speaks against boxes in an input of `size` (width, height), or None; `asked`: the user names the layout."""
    if layout.pixels and not asked and are_shares(found, size):
        return "its corners lie between 0 and 1, where pixels were expected"
    return oddity(found, size, decoder.queries)


def _listed(outputs: Outputs) -> str:
    """The outputs' shapes, without batch axis."""
    shapes: Iterable[tuple[int, ...]] = (output.shape for output in outputs.values())
    return ", ".join(" x ".join(map(str, shape[1:] if len(shape) > 2 else shape)) for shape in shapes)
