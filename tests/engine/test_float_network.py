"""The float network as a session's baseline: close to the integer one, whole frames, the same everything else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vistream.engine.float_network import FloatNetwork
from vistream.engine.stream.engine import Stream
from vistream.errors import VistreamError
from vistream.media.video.source import open_source
from vistream.models.model import load_model
from vistream.pipeline.session import Session
from vistream.quantize.named import DEFAULT_MODEL, named_network

CLIP = str(Path(__file__).parents[2] / "demo_videos" / "plaza_static.mp4")


def test_it_sees_what_the_integer_network_sees() -> None:
    """On the same grid, and alike: 7 bits take little away."""
    with open_source(CLIP, max_frames=1) as source:
        frame = next(source).image[:200, :200]
    one = FloatNetwork(load_model(DEFAULT_MODEL)).features(frame, (200, 200))
    step, other = one.step, Stream(named_network().network).step(frame).features(frame)
    assert one.values.shape == other.values.shape and one.stride == other.stride
    a, b = (features.values[2:-2, 2:-2].reshape(-1, one.values.shape[2]) for features in (one, other))
    cosine = (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    assert np.median(cosine) > 0.97
    assert step.recomputed.shape == one.values.shape[:2] and bool(step.recomputed.all())


def test_its_work_is_that_of_the_dense_network() -> None:
    with open_source(CLIP, max_frames=1) as source:
        frame = next(source).image[:96, :128]
    works = {}
    for fidelity in ("float", "exact"):
        session = Session("mot", fidelity)
        works[fidelity] = [session.step(frame).work for _ in range(2)]
    assert [work.share for work in works["float"]] == [1.0, 1.0]
    assert works["exact"][1].share == 0.0
    assert works["float"][1].macs == works["exact"][0].macs_dense


def test_what_has_no_float_network_is_said() -> None:
    for model in (None, "calibrated.safetensors", named_network().network):
        with pytest.raises(VistreamError, match="float needs the name or the file of a float model"):
            Session("mot", "float", model)
    assert Session("mot", "float").model.startswith("efficientnet-lite0, weights 57934424")
