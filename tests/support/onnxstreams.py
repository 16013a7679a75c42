"""ONNX files as streams, and as onnxruntime runs them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxnets import pictures

import vistream
from vistream.engine.stream.model import OnnxStream

MEAN, STD = (127.5,) * 3, (64.0,) * 3
LOST = 0.12  # of an output's spread, in eight bits, over all layers


def streamed(path: Path, frames: list[NDArray[np.uint8]]) -> OnnxStream:
    stream = vistream.stream(path, frames, mean=MEAN, std=STD)
    assert isinstance(stream, OnnxStream)
    return stream


def wanted(path: Path, frame: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """What onnxruntime makes of the float file."""
    session = onnxruntime.InferenceSession(str(path))
    image = ((frame.astype(np.float32) - 127.5) / 64).transpose(2, 0, 1)[None]
    return dict(
        zip([output.name for output in session.get_outputs()], session.run(None, {"image": image}), strict=True)
    )


def assert_near(path: Path) -> OnnxStream:
    """What is finished of a frame has the shapes of the float file's outputs, and lies near them; the stream."""
    frames = pictures(3)
    stream = streamed(path, frames)
    found = stream.finished(stream.step(frames[2]), frames[2])
    for name, value in wanted(path, frames[2]).items():
        assert found[name].shape == value.shape
        assert np.abs(found[name].astype(np.float64) - value).mean() < LOST * value.std()
    return stream
