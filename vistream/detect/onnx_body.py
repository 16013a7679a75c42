"""The body of a detector's ONNX file, streamed; its tail, which decodes boxes, is left to onnxruntime.

The file is quantised for one size of picture, calibrated on the user's own frames, once: what comes of it is kept in
vistream's folder, under a name that file, size and frames decide. So a run is calibrated as it would have been alone.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.detect.layouts import FILL
from vistream.detect.letterbox import Cells, Image, Placement
from vistream.detect.streaming import PictureStream
from vistream.detect.window import Window
from vistream.engine.agreement import check_network
from vistream.engine.fidelity import DeadZones
from vistream.engine.stream.step import Step
from vistream.errors import VistreamError
from vistream.ir.plain_torch import with_plain_torch
from vistream.models.onnx_file import OnnxFile
from vistream.models.store import sha256
from vistream.quantize.convert import RULES
from vistream.quantize.onnx_network import OnnxNetwork, quantize_onnx
from vistream.quantize.onnx_store import load_onnx_network, onnx_network_path
from vistream.quantize.ranges import Preprocess

log = logging.getLogger("vistream")

ADVICE = "Fidelity float spares the attempt"
Outputs = dict[str, NDArray[np.generic]]


class OnnxBody:
    """A file's stream for pictures of one size: called with a picture, it gives the file's outputs.

    `window`: the part of each picture that may change; the rest is grey.
    """

    def __init__(self, onnx: OnnxNetwork, zones: DeadZones, key: str, window: Window) -> None:
        self.onnx, self.key, self.window = onnx, key, window
        self.stream = PictureStream(onnx.network, zones)
        self._around: Outputs | None = None  # of an empty picture

    def __call__(self, picture: Image) -> Outputs | None:
        """The file's outputs for the next picture; None where they are what they were."""
        step = self.stream.step(self.window.cut(picture))
        return None if step is None else self.finished(step, picture)

    def finished(self, step: Step, picture: Image) -> Outputs:
        """What the whole file gives where its body gave this."""
        values = self._values(step)
        if not self.window.is_whole:
            if self._around is None:
                self._around = self._values(self._empty(picture))
            values = {name: self.window.put(value, self._around[name]) for name, value in values.items()}
        return self.onnx.finish(values, picture)

    def recomputed(self, placement: Placement, frame: tuple[int, int]) -> Cells | None:
        """See `PictureStream.recomputed`."""
        return self.stream.recomputed(self.window.placed(placement), frame)

    def state_dict(self) -> dict[str, Any]:
        window = (*self.window.start, *self.window.size, *self.window.whole)
        return {"key": self.key, "window": list(window), "stream": self.stream.state_dict()}

    def _values(self, step: Step) -> Outputs:
        return {
            name: readout.values() if self.onnx.crossing[name].shift is None else readout.levels.numpy()
            for name, readout in step.outputs.items()
        }

    def _empty(self, picture: Image) -> Step:
        step = PictureStream(self.onnx.network, DeadZones()).step(np.full_like(picture, FILL))
        assert step is not None  # the first picture changes everything
        return step.copied()


def key_of(file: OnnxFile, preprocess: Preprocess, pictures: Sequence[Image]) -> str:
    """What decides a quantised file: itself and the files of its weights, what it expects of pixels, the pictures it is
    calibrated on, the rules."""
    digest = hashlib.sha256(file.encoded)
    for weights in file.outside:
        digest.update(sha256(weights).encode())
    digest.update(repr((RULES, preprocess, pictures[0].shape)).encode())
    for picture in pictures:
        digest.update(picture.tobytes())
    return digest.hexdigest()[:32]


@with_plain_torch
def quantised(file: OnnxFile, preprocess: Preprocess, pictures: Sequence[Image], key: str) -> tuple[OnnxNetwork, bool]:
    """The file quantised on pictures of one size, and whether that was done now: then it is not kept yet.

    Raises VistreamError for what the integer network can't take, or does not do as the file does.
    """
    found = load_onnx_network(file, key)
    if found is not None:
        return found, False
    height, width = pictures[0].shape[:2]
    log.info("%s: quantising for pictures of %d x %d, once for this video", file.path.name, width, height)
    check = partial(check_network, advice=ADVICE)
    return quantize_onnx(file, pictures, preprocess, check=check, read_out=True), True


def restored(file: OnnxFile, state: Mapping[str, Any], zones: DeadZones) -> OnnxBody:
    """The body whose `state_dict()` was `state`; raises VistreamError where its quantised file is gone."""
    key = str(state["key"])
    onnx = load_onnx_network(file, key)
    if onnx is None:
        raise VistreamError(
            f"the run to be resumed used {onnx_network_path(key)}, which is gone: begin anew, without --resume"
        )
    top, left, rows, columns, *whole = state["window"]
    window = Window((top, left), (rows, columns), (whole[0], whole[1]))
    body = OnnxBody(onnx, zones, key, window)
    body.stream.load_state_dict(state["stream"])
    return body
