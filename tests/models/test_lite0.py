"""EfficientNet-Lite0: the port gives a real photograph its ImageNet class, in floats and in integers."""

import cv2
import numpy as np
import pytest
import torch
from skimage import data

from vistream.engine.reference import Dense
from vistream.engine.stream.engine import Stream
from vistream.models import lite0
from vistream.quantize.convert import convert
from vistream.quantize.named import DEFAULT_MODEL, named_network, shipped_ranges
from vistream.quantize.ranges import Preprocess, calibrate
from vistream.quantize.trace import trace
from vistream.types import Frame

ESPRESSO = 967
TABBY, TIGER_CAT, EGYPTIAN_CAT = 281, 282, 285
PREPROCESS = Preprocess(lite0.MEAN, lite0.STD)


def photograph(name: str, side: int = 224) -> Frame:
    """The middle square of a photograph that scikit-image carries, resized."""
    image = getattr(data, name)()
    height, width = image.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    crop = image[top : top + short, left : left + short]
    return np.asarray(cv2.resize(crop, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.mark.parametrize(("name", "classes"), [("coffee", {ESPRESSO}), ("chelsea", {TABBY, TIGER_CAT, EGYPTIAN_CAT})])
def test_a_photograph_is_classified(name: str, classes: set[int]) -> None:
    image = photograph(name)
    assert int(lite0.load_lite0()(PREPROCESS(image)).argmax()) in classes


def test_the_whole_classifier_survives_quantisation() -> None:
    """Through global average-pool and the linear layer too."""
    program = trace(lite0.load_lite0())
    image = photograph("coffee")
    network = convert(program, calibrate(program, [image], PREPROCESS), PREPROCESS)
    logits = Dense(network).step(image)[network.output]
    assert logits.shape == (1, 1, 1000)
    assert int(logits.argmax()) == ESPRESSO
    assert torch.equal(Stream(network).step(image).levels, logits)


def test_the_shipped_calibration_fits_every_cut_and_keeps_the_features() -> None:
    ranges = shipped_ranges(DEFAULT_MODEL)
    assert ranges is not None
    image = photograph("astronaut", 160)
    for last in (2, 4, 7, 10):
        features = lite0.lite0_features(last)
        network = convert(trace(features), ranges, PREPROCESS)
        levels = Dense(network).step(image)[network.output].to(torch.float32) * network.scale
        expected = features(PREPROCESS(image))[0].permute(1, 2, 0)
        assert torch.cosine_similarity(levels, expected, 2).mean() > 0.97


def test_the_default_model_is_the_default_cut() -> None:
    named = named_network()
    assert named.name == DEFAULT_MODEL
    assert len(named.sha256) == 64
    height, width, _ = Dense(named.network).step(np.zeros((48, 64, 3), np.uint8))[named.network.output].shape
    assert (height, width) == (6, 8)  # stride 8
