"""ResNet-18 and ResNet-50: the published sizes and names, the cut at stride 8, the way through the quantiser."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from resnetfiles import state_dict, with_steps
from torch import nn
from weighterror import weight_errors

from vistream.models.resnet import MEAN, STD, Depth, ResNet, ResNetFeatures
from vistream.quantize.convert import convert, quantize
from vistream.quantize.ranges import Preprocess
from vistream.quantize.scales import Levels
from vistream.quantize.trace import trace

PREPROCESS = Preprocess(MEAN, STD)


@pytest.mark.parametrize(
    ("depth", "parameters", "convolutions", "keys", "with_learned_steps"),
    [
        (18, 11_689_512, 20, 122, 139),  # parameters: torchvision's published model cards
        (50, 25_557_032, 53, 320, 369),
    ],
)
def test_sizes_are_the_published_ones(
    depth: Depth, parameters: int, convolutions: int, keys: int, with_learned_steps: int
) -> None:
    with torch.device("meta"):
        network = ResNet(depth)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert sum(isinstance(part, nn.Conv2d) for part in network.modules()) == convolutions
    state = state_dict(depth)
    assert (len(state), len(with_steps(state, depth))) == (keys, with_learned_steps)


def test_names_are_those_of_the_checkpoints() -> None:
    names = with_steps(state_dict(50), 50)
    for name in (
        "conv1.weight", "bn1.running_mean", "relu.s", "layer1.0.conv3.weight", "layer1.0.downsample.0.weight",
        "layer1.0.downsample.1.num_batches_tracked", "layer1.0.relu1.s", "layer2.3.relu3.s", "layer4.2.bn3.bias",
        "layer4.2.relu3.s", "fc.bias",
    ):  # fmt: skip
        assert name in names
    assert "layer1.0.relu3.s" not in with_steps(state_dict(18), 18)
    assert "layer1.0.downsample.0.weight" not in state_dict(18)
    assert tuple(names["layer2.0.conv2.weight"].shape) == (128, 128, 3, 3)
    assert tuple(names["layer3.0.downsample.0.weight"].shape) == (1024, 512, 1, 1)


def test_the_classifier_has_the_strides_of_the_paper() -> None:
    """Stride 32 in all, the second of each pair in the 3x3 convolution of the first block."""
    network = ResNet(50).eval()
    strides = {name: part.stride for name, part in network.named_modules() if isinstance(part, nn.Conv2d)}
    strided = {name for name, stride in strides.items() if stride != (1, 1)}
    blocks = {f"layer{i}.0.{name}" for i in (2, 3, 4) for name in ("conv2", "downsample.0")}
    assert strided == {"conv1"} | blocks
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 33, 65)).shape == (1, 1000)


@pytest.mark.parametrize(("depth", "channels"), [(18, 256), (50, 1024)])
def test_the_cut_ends_at_stride_8(depth: Depth, channels: int) -> None:
    features = ResNetFeatures(depth).eval()
    with torch.no_grad():
        assert features(torch.zeros(1, 3, 64, 40)).shape == (1, channels, 8, 5)
        assert features(torch.zeros(1, 3, 33, 17)).shape == (1, channels, 5, 3)


def test_only_the_strides_of_layer3_differ_from_the_whole_network() -> None:
    torch.manual_seed(0)
    whole, cut = ResNet(18).eval(), ResNetFeatures(18).eval()
    mine = cut.state_dict()
    cut.load_state_dict({name: value for name, value in whole.state_dict().items() if name in mine})
    with torch.no_grad():
        stem = cut.maxpool(cut.relu(cut.bn1(cut.conv1(torch.randn(1, 3, 64, 64)))))
        x = whole.get_submodule("layer2")(cut.layer1(stem))
        dense = cut.get_submodule("layer3.0.conv1")(x)
        strided = whole.get_submodule("layer3.0.conv1")(x)
    assert dense.shape == (1, 256, 8, 8)
    torch.testing.assert_close(dense[:, :, ::2, ::2], strided)


@pytest.mark.parametrize("depth", [18, 50])
def test_the_quantiser_takes_it_with_one_neuron_layer_a_relu(depth: Depth) -> None:
    """Batch norms, shortcuts and projections are gone into synapses; level 16 means 0..7 everywhere."""
    features = ResNetFeatures(depth).eval()
    program = trace(features)
    names = [name for name, part in features.named_modules() if isinstance(part, nn.ReLU)]
    network = convert(program, {}, PREPROCESS, Levels(7, 7), scales=dict.fromkeys(names, 0.5))
    assert len(network.neurons) == len(names)
    assert {(neuron.lo, neuron.hi, neuron.scale) for neuron in network.neurons} == {(0, 7, 0.5)}
    assert sorted({len(neuron.synapses) for neuron in network.neurons}) == [1, 2]


def test_eight_bit_weights_err_as_rounding_must() -> None:
    """Normal weights, steps of max / 127 by channel: errors spread evenly over a step, of RMS step / sqrt(12)."""
    torch.manual_seed(0)
    features = ResNetFeatures(18).eval().requires_grad_(False)
    frame = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    network = quantize(features, [frame], PREPROCESS)
    errors = weight_errors(trace(features), network, PREPROCESS)
    assert set(errors) == {neuron.name for neuron in network.neurons}
    for name in ("layer1.0.conv1", "layer2.0.conv1", "layer3.1.conv1"):
        weight = features.get_parameter(f"{name}.weight").double()
        step = weight.abs().amax((1, 2, 3)) / 127
        expected = float((step.square().mean() / 12).sqrt() / weight.square().mean().sqrt())
        assert errors[name] == pytest.approx(expected, rel=0.05)
    assert max(errors.values()) < 0.02
