"""What others run: OpenVINO's int8 detector on whole pictures, or on crops around what moves, and ByteTrack."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from vistream.bench.contenders import openvino_request
from vistream.detect.candidates import Candidates, in_frame, joined
from vistream.detect.coco import CLASSES
from vistream.detect.letterbox import Image, Placement, fitted_size, letterbox
from vistream.detect.motion import MotionDetector
from vistream.detect.nanodet_g import FILL, LONGER, PREPROCESS, candidates
from vistream.detect.selection import Selection
from vistream.models.download import fetch
from vistream.models.nanodet import STRIDE, load_nanodet_g
from vistream.types import Frame, Observations

MOST_CROPS = 4  # a frame; beyond, the whole picture is cheaper


def compiled(pictures: Sequence[Image]) -> Any:  # Any: openvino's request, which has no types
    """NanoDet-g in int8 for pictures of one size; it takes them as they are, uint8 `[1, H, W, 3]`."""
    import nncf
    import openvino as ov
    from openvino.preprocess import PrePostProcessor

    height, width = pictures[0].shape[:2]
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):  # they draw bars, whatever one asks for
        warnings.simplefilter("ignore")
        model = ov.convert_model(load_nanodet_g(fetch("nanodet-g")), example_input=torch.zeros(1, 3, height, width))
        model.reshape([1, 3, height, width])
        dataset = nncf.Dataset(list(pictures), lambda picture: PREPROCESS(picture).numpy())
        model = nncf.quantize(model, dataset, subset_size=len(pictures))
        steps = PrePostProcessor(model)
        steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
        steps.input().model().set_layout(ov.Layout("NCHW"))
        steps.input().preprocess().convert_element_type(ov.Type.f32)
        steps.input().preprocess().mean(list(PREPROCESS.mean)).scale(list(PREPROCESS.std))
        model = steps.build()
    return openvino_request(model)


def _found(request: Any, picture: Image, least: float) -> Candidates:
    maps = [value[0].transpose(1, 2, 0) for value in request.infer(picture[None]).values()]
    return candidates([np.ascontiguousarray(level) for level in maps], least)


class OpenVinoDetector:
    """On whole pictures of the video's shape."""

    def __init__(self, samples: Sequence[Frame]) -> None:
        self._size = fitted_size(samples[0], LONGER, STRIDE)
        self._selection = Selection()
        self._request = compiled([letterbox(frame, *self._size, FILL, centred=False)[0] for frame in samples])

    def __call__(self, frame: Frame) -> Observations:
        picture, placement = letterbox(frame, *self._size, FILL, centred=False)
        found = _found(self._request, picture, self._selection.least())
        return in_frame(self._selection.chosen(found, CLASSES), CLASSES, placement)


class CroppedDetector:
    """On square crops around what moves, in the manner of Frigate: what stands still is not looked at."""

    def __init__(self, samples: Sequence[Frame], fps: float, side: int) -> None:
        self._motion, self._selection, self._side, self._index = MotionDetector(fps), Selection(), side, 0
        whole = [letterbox(frame, side, side, FILL, centred=False)[0] for frame in samples]
        self._request = compiled(whole)

    def __call__(self, frame: Frame) -> Observations:
        moving = self._motion.detect(frame, self._index)
        self._index += 1
        found = []
        for left, top, size in regions(moving.boxes.tolist(), frame.shape[1], frame.shape[0], self._side):
            picture, placement = letterbox(
                frame[top : top + size, left : left + size], self._side, self._side, FILL, centred=False
            )
            seen = _found(self._request, picture, self._selection.least())
            corners = placement.to_frame(seen.corners.reshape(-1, 2, 2)) + np.array([left, top])
            found.append(Candidates(corners.reshape(-1, 4), seen.scores, seen.labels))
        if not found:
            return Observations.none()
        return in_frame(self._selection.chosen(joined(found), CLASSES), CLASSES, Placement((1.0, 1.0)))


def regions(boxes: Sequence[Sequence[float]], width: int, height: int, side: int) -> list[tuple[int, int, int]]:
    """Squares (left, top, size) around boxes (x, y, w, h), at least `side` large; a box inside an earlier one has none.

    >>> regions([[10, 10, 20, 40], [30, 20, 10, 10]], 640, 480, 320)
    [(0, 0, 320)]
    """
    found: list[tuple[int, int, int]] = []
    for x, y, w, h in boxes:
        if any(left <= x and top <= y and x + w <= left + size and y + h <= top + size for left, top, size in found):
            continue
        size = min(max(side, int(1.2 * max(w, h))), max(width, height))
        left = round(min(max(x + w / 2 - size / 2, 0), max(width - size, 0)))
        top = round(min(max(y + h / 2 - size / 2, 0), max(height - size, 0)))
        found.append((left, top, size))
    return found if len(found) <= MOST_CROPS else [(0, 0, max(width, height))]


class ByteTrack:
    """ByteTrack of the package `trackers`, as shipped, told the frame rate."""

    def __init__(self, fps: float) -> None:
        from trackers import ByteTrackTracker

        self._tracker = ByteTrackTracker(frame_rate=fps)

    def __call__(self, seen: Observations) -> Iterator[tuple[float, ...]]:
        """(id, x, y, w, h) of the tracks of the next frame."""
        import supervision

        corners = np.concatenate([seen.boxes[:, :2], seen.boxes[:, :2] + seen.boxes[:, 2:]], 1)
        numbers = np.array([CLASSES.index(label) for label in seen.labels], int)
        found = self._tracker.update(
            supervision.Detections(corners.astype(np.float32), confidence=seen.scores, class_id=numbers)
        )
        ids = [] if found.tracker_id is None else found.tracker_id.tolist()
        for identity, (left, top, right, bottom) in zip(ids, found.xyxy.tolist(), strict=True):
            if identity >= 0:
                yield identity, left, top, right - left, bottom - top
