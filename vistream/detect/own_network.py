"""What detectors whose network is known beforehand share: its calibration comes with the program, so that it depends on
no video, and it is streamed, or runs in float on whole frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from vistream.detect.letterbox import Cells, Image, Placement
from vistream.detect.streaming import PictureStream, Prepared, Streaming
from vistream.engine.stream.step import Step
from vistream.ir.network import IntegerNetwork
from vistream.quantize.convert import converted
from vistream.quantize.named import shipped_ranges
from vistream.quantize.ranges import Preprocess
from vistream.quantize.trace import trace
from vistream.types import Frame, Observations, Work


class OwnNetwork:
    """See `StreamedDetector`. `module`: the float network, which takes pictures as `preprocess` makes them.

    `calm`: factors of the hysteresis, by how layers' names begin.
    """

    name: str

    def __init__(
        self,
        module: nn.Module,
        preprocess: Preprocess,
        streaming: Streaming | None,
        calm: Mapping[str, float] | None = None,
    ) -> None:
        self.module, self.preprocess = module, preprocess
        self._streaming = streaming
        self._network = None if streaming is None else shipped_network(self.name, module, preprocess)
        self._factors = {} if self._network is None else factors_of(self._network, calm or {})
        self._stream: PictureStream | None = None
        self._prepared = Prepared()
        self._seen: Observations | None = None  # in the last frame
        self._placement, self._shape = Placement((1.0, 1.0)), (0, 0)

    @property
    def work(self) -> Work:
        return Work() if self._stream is None else self._stream.work

    @property
    def recomputed(self) -> Cells | None:
        return None if self._stream is None else self._stream.recomputed(self._placement, self._shape)

    def body(self, frame: Frame) -> PictureStream | None:
        return self._stream_for(self.picture(frame))

    def picture(self, frame: Frame) -> Image:
        return self._placed(frame)[0]

    def prepare(self, frame: Frame) -> None:
        self._prepared.put(frame, self._placed(frame))

    def detect(self, frame: Frame, index: int) -> Observations:
        picture, placement = self._prepared.take(frame) or self._placed(frame)
        shape = (frame.shape[0], frame.shape[1])
        if (placement, shape) != (self._placement, self._shape):
            self._seen = None  # boxes of the same picture lie elsewhere in another frame
        self._placement, self._shape = placement, shape
        body = self._stream_for(picture)
        if body is None:
            return self._of_float(picture)
        step = body.step(picture)
        if step is not None or self._seen is None:
            self._seen = self._of_step(step or body.outputs, picture)
        return self._seen

    def reset(self) -> None:
        """Forget the video."""
        self._stream = self._seen = None

    def state_dict(self) -> dict[str, Any]:
        return {} if self._stream is None else self._stream.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.reset()
        if state and self._network is not None and self._streaming is not None:
            self._stream = PictureStream(self._network, self._streaming.zones, self._factors)
            self._stream.load_state_dict(state)

    def _stream_for(self, picture: Image) -> PictureStream | None:
        if self._network is None or self._streaming is None:
            return None
        if self._stream is None or not self._stream.fits(picture):
            self.reset()
            self._stream = PictureStream(self._network, self._streaming.zones, self._factors)
        return self._stream

    def _kind(self) -> str:
        """How it runs, in words."""
        return "float, dense" if self._streaming is None else f"streamed, {self._streaming.zones}"

    def _placed(self, frame: Frame) -> tuple[Image, Placement]:
        """The picture of a frame, and where the frame lies in it."""
        raise NotImplementedError

    def _of_float(self, picture: Image) -> Observations:
        """What the float network sees in a picture."""
        raise NotImplementedError

    def _of_step(self, step: Step, picture: Image) -> Observations:
        """What the network sees that gave `step` for a picture."""
        raise NotImplementedError


def shipped_network(name: str, module: nn.Module, preprocess: Preprocess) -> IntegerNetwork:
    """The integer network of a float module, by the calibration called `name`; its outputs are real numbers."""
    ranges = shipped_ranges(name)
    assert ranges is not None
    return converted(trace(module), ranges, preprocess, read_out=True)[0]


def maps_of(step: Step) -> dict[str, Tensor]:
    """The network's outputs as real numbers, `[1, h, w, C]`, by name."""
    return {name: torch.from_numpy(readout.values())[None] for name, readout in step.outputs.items()}


def factors_of(network: IntegerNetwork, calm: Mapping[str, float]) -> dict[str, float]:
    """How many times as wide the hysteresis is, by layer."""
    return {
        neuron.name: factor
        for neuron in network.neurons
        for prefix, factor in calm.items()
        if neuron.name.startswith(prefix)
    }
