"""What networks give that remove duplicates themselves, in outputs of their own: boxes, scores and class numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from vistream.detect.candidates import Candidates, WholeMasks
from vistream.detect.finished import listed
from vistream.detect.signature import Array, Decoder, Outputs, Signature

TENSORFLOW = ("detection_boxes", "detection_scores", "detection_classes")
"""Of its object detection API, whose corners begin with y, and classes at 1; or with `:0` behind them."""

Reader = Callable[[Outputs, float], tuple[Candidates, Array]]
"""The candidates above a score, and their rows in the file's list."""


def torchvision(signature: Signature) -> Decoder | None:
    """Boxes `[N, 4]`, class numbers and scores `[N]`, which are all valid: torchvision's own export.

    Of Mask R-CNN with masks `[N, 1, H, W]` in 0..1, of Keypoint R-CNN with keypoints `[N, K, 3]`, whose own scores
    `[N, K]` are no shares of anything.
    """
    if signature.to_size and not signature.asked:
        return None
    masks = [name for name in signature.of_rank(4) if signature.shape(name)[1] == 1][:1]
    points = [name for name in signature.of_rank(3) if signature.shape(name)[2] == 3][:1]
    shapes = [signature.shape(name)[:2] for name in points]
    scored = [name for name in signature.of_rank(2) if signature.shape(name) in shapes]
    read = _reader(signature, counted=False, besides=(*masks, *points, *scored))
    if read is None:
        return None

    def decode(outputs: Outputs, least: float) -> Candidates:
        found, rows = read(outputs, least)
        for name in masks:
            found = replace(found, masks=WholeMasks(np.asarray(outputs[name], np.float32)[rows, 0], 0.5))
        for name in points:
            found = replace(found, keypoints=np.asarray(outputs[name], np.float64)[rows])
        return found

    return Decoder(decode, keypoints=sum(count for _, count in shapes), masks=bool(masks))


def rtdetr_lists(signature: Signature) -> Decoder | None:
    """The same, of RT-DETR's and D-FINE's own export, which takes the size that the boxes are brought to."""
    return _lists(signature, counted=False) if signature.to_size or signature.asked else None


def counted_lists(signature: Signature) -> Decoder | None:
    """The same with the number of valid boxes: TensorRT's EfficientNMS form, which MMYOLO writes, too."""
    return _lists(signature, counted=True)


def tensorflow(signature: Signature) -> Decoder | None:
    """Boxes `[1, N, 4]` as (y1, x1, y2, x2) in shares of the input, scores and class numbers `[1, N]`, among others."""
    named = {name.partition(":")[0]: name for name in signature.outputs}
    if not set(TENSORFLOW) <= set(named):
        return None
    box, score, label = (named[name] for name in TENSORFLOW)

    def decode(outputs: Outputs, least: float) -> Candidates:
        corners = np.asarray(outputs[box], np.float64).reshape(-1, 4)[:, [1, 0, 3, 2]]
        return listed(
            corners * np.array((signature.width, signature.height) * 2), outputs[score], outputs[label], least
        )[0]

    return Decoder(decode)


def _lists(signature: Signature, counted: bool) -> Decoder | None:
    read = _reader(signature, counted)
    return None if read is None else Decoder(lambda outputs, least: read(outputs, least)[0])


def _reader(signature: Signature, counted: bool, besides: tuple[str, ...] = ()) -> Reader | None:
    """Boxes `[1, N, 4]` as corners in pixels, scores and class numbers `[1, N]`, with or without the batch axis.

    `besides`: outputs that are something else.
    """
    outputs = {name: output for name, output in signature.outputs.items() if name not in besides}
    boxes = [name for name, output in outputs.items() if output.ndim in (2, 3) and output.shape[-1] == 4]
    if len(boxes) != 1 or len(outputs) != 3 + counted or boxes[0].partition(":")[0] in TENSORFLOW:
        return None
    box = boxes[0]
    flat = [name for name in outputs if name != box and signature.shape(name) == signature.shape(box)[:-1]]
    counts = [name for name in outputs if name not in (box, *flat) or "num" in name]
    flat = [name for name in flat if name not in counts]
    labels = [name for name in flat if outputs[name].dtype.kind in "iu" or "label" in name or "class" in name]
    if len(flat) != 2 or len(labels) != 1 or any(outputs[name].size != 1 for name in counts):
        return None
    score = next(name for name in flat if name != labels[0])

    def read(outputs: Outputs, least: float) -> tuple[Candidates, Array]:
        scores = np.array(outputs[score], np.float64).reshape(-1)
        for name in counts:
            scores[int(outputs[name].reshape(-1)[0]) :] = -np.inf
        return listed(outputs[box], scores, outputs[labels[0]], least)

    return read
