"""The integer form against the float network, its parts against theirs, and its executors against each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from spike2formerweights import small_network
from torch import Tensor, nn

from vistream.engine.reference import Dense
from vistream.engine.stream.engine import Stream
from vistream.ir.operations import Input, Neuron, TokenSum
from vistream.models.resnet import STD
from vistream.models.spike2former.integer import BLANK, OUTPUTS, integer_network, predictions
from vistream.models.spike2former.integer.builder import Builder, Sum, Term, quantised
from vistream.models.spike2former.integer.folding import folded, sequence
from vistream.models.spike2former.network import Network
from vistream.models.spike2former.neuron import Neuron as Spikes
from vistream.models.spike2former.sdtv2 import RepConv
from vistream.models.spike2former.sizes import Backbone, Head
from vistream.types import Frame

SIZE = (50, 70)


def frames(count: int = 1) -> list[Frame]:
    """Noise, of which a patch changes from frame to frame; the last two are equal."""
    numbers = np.random.default_rng(0)
    found = [numbers.integers(0, 256, (*SIZE, 3), dtype=np.uint8)]
    for _ in range(count - 2):
        after = found[-1].copy()
        y, x = numbers.integers(0, 40), numbers.integers(0, 60)
        after[y : y + 9, x : x + 9] = numbers.integers(0, 256, (1, 1, 3), dtype=np.uint8)
        found.append(after)
    return [*found, found[-1]][:count]


def normalised(frame: Frame) -> Tensor:
    """As the float network takes it, with a mean of whole grey levels, so that both pad with the same colour."""
    pixels = (frame.astype(np.float32) - np.array(BLANK, np.float32)) / np.array(STD, np.float32)
    return torch.from_numpy(pixels.transpose(2, 0, 1)[None].copy())


def levels_of(network: Network, frame: Frame) -> dict[str, Tensor]:
    """The integers of every neuron of the float network, and what comes out."""
    found: dict[str, Tensor] = {}
    hooks = [
        module.register_forward_hook(lambda module, _, out, name=name: found.update({name: out / module.scale}))
        for name, module in network.named_modules()
        if isinstance(module, Spikes)
    ]
    found["classes"], found["masks"] = network(normalised(frame))
    for hook in hooks:
        hook.remove()
    return found


def planes(levels: Tensor) -> Tensor:
    return levels.permute(2, 0, 1).to(torch.float32)


@pytest.mark.parametrize("head", ["semantic", "panoptic"])
def test_with_16_bits_every_integer_is_that_of_the_float_network(head: Head) -> None:
    """Of E-SpikeFormer, all of whose weights are powers of two here, so that no sum is near a tie."""
    network = small_network("sdtv3", head)
    floats = levels_of(network, frames()[0])
    integers = integer_network(network, *SIZE, 16, mean=BLANK)
    values = Dense(integers).step(frames()[0])
    same = {
        "backbone.block3.1.attn.q_spike": "backbone.block3.1.attn.q_conv",
        "backbone.block3.1.attn.attn_spike": "backbone.block3.1.attn.attn_spike",
        "backbone.block4.0.attn.v_spike": "backbone.block4.0.attn.v_conv",
        "decode_head.pixel_decoder.encoder.layers.1.dcn.mask_spike": "pixel_decoder.encoder.layers.1.dcn.mask",
        "decode_head.pixel_decoder.encoder.layers.1.dcn.output_proj.spike1": (
            "pixel_decoder.encoder.layers.1.dcn.sampled.spikes"
        ),
        "decode_head.pixel_decoder.output_convs_spike.1": "pixel_decoder.lateral_convs.1",
        "decode_head.pixel_decoder.mask_feature_spike": "pixel_decoder.output_convs.0",
    }
    for theirs, ours in same.items():
        expected, found = floats[theirs], planes(values[ours])
        assert (expected.reshape(found.shape) != found).float().mean() < 2e-4, theirs
        assert expected.min() < expected.max(), theirs
    queries = floats["decode_head.mask_embed_spike"][0]
    torch.testing.assert_close(values["mask_embed_spike"][0].float(), queries, rtol=0, atol=0)
    outputs = {output.name: output.real(values[output.source]) for output in integers.outputs}
    classes, masks = predictions(outputs)
    torch.testing.assert_close(classes, floats["classes"], rtol=1e-3, atol=1e-3)
    assert ((masks - floats["masks"]).abs() > 2e-3).float().mean() < 2e-3
    assert floats["masks"].std() > 0.05


def test_with_16_bits_the_first_blocks_of_the_other_backbone_are_those_of_the_float_network() -> None:
    """Farther on the rounding of what has no neuron between two convolutions meets a tie, of which these have many."""
    network = small_network("sdtv2")
    floats = levels_of(network, frames()[0])
    values = Dense(integer_network(network, *SIZE, 16, mean=BLANK)).step(frames()[0])
    for block in ("ConvBlock1_1.0", "ConvBlock1_2.0"):
        expected, found = floats[f"backbone.{block}.spike2"][0], planes(values[f"backbone.{block}.conv1"])
        assert (expected != found).float().mean() < 1e-2, block


@pytest.mark.parametrize(("backbone", "head", "bits", "backend"), [
    ("sdtv2", "semantic", 8, "auto"), ("sdtv2", "panoptic", 16, "auto"), ("sdtv3", "semantic", 8, "torch"),
])  # fmt: skip
def test_the_stream_is_the_dense_network(backbone: Backbone, head: Head, bits: int, backend: str) -> None:
    integers = integer_network(small_network(backbone, head), *SIZE, bits)
    dense, stream = Dense(integers), Stream(integers, backend=backend)
    for number, frame in enumerate(frames(4)):
        expected = dense.step(frame)
        step = stream.step(frame)
        wrong = [name for name, levels in expected.items() if not torch.equal(stream.levels(name), levels)]
        assert not wrong, (number, wrong[:3])
    assert step.work.macs == 0  # a repeated frame


def test_with_dead_zones_too() -> None:
    zones = (8, 6)
    integers = integer_network(small_network(), *SIZE, held=True)
    dense, stream = Dense(integers, *zones), Stream(integers, *zones)
    for frame in frames(4):
        expected = dense.step(frame)
        stream.step(frame)
        assert all(torch.equal(stream.levels(name), levels) for name, levels in expected.items())
    holding = {layer.name for layer in integers.neurons if layer.holds}
    assert holding == {layer.name for layer in integers.neurons if layer.name.endswith(".held")}
    assert len(holding) > 100


def test_without_a_dead_zone_held_neurons_change_nothing() -> None:
    network, frame = small_network(), frames()[0]
    plain, held = (Dense(integer_network(network, *SIZE, held=held)).step(frame) for held in (False, True))
    assert plain.keys() < held.keys()
    differing = sum(int((held[name] != levels).sum()) for name, levels in plain.items())
    assert differing <= sum(levels.numel() for levels in plain.values()) * 1e-4
    for name in OUTPUTS:
        torch.testing.assert_close(plain[name], held[name], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("backend", ["auto", "torch"])
@pytest.mark.parametrize("bias", [1.0, -100.0])
def test_many_tokens_are_summed_whole_or_by_what_changed(bias: float, backend: str) -> None:
    """3000 tokens of 16 channels in 8 heads. With the lower bias all are 0."""
    builder, size = Builder(), (50, 60)
    image = builder.add(Input("image", 3, BLANK, size), 1 / 58, torch.tensor(BLANK, dtype=torch.float64) - 128)
    weight = torch.randn(16, 3, 1, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    spikes = builder.spikes("spikes", Sum((Term(image, weight),), bias), 16, 4, 1.0)
    network = builder.network(found=builder.add(TokenSum("kv", spikes.name, spikes.name, 8)))
    numbers = np.random.default_rng(0)
    first = numbers.integers(0, 256, (*size, 3), dtype=np.uint8)
    second = first.copy()
    second[10:20, 5:50] = 255 - second[10:20, 5:50]
    dense, stream = Dense(network), Stream(network, backend=backend)
    for frame in (first, second, 255 - second, 255 - second):
        expected = dense.step(frame)["kv"]
        stream.step(frame)
        assert torch.equal(stream.levels("kv"), expected)
    assert (expected.abs().max() > 1000) == (bias > 0)


@pytest.mark.parametrize("size", [(64, 64), (37, 53)], ids=str)
def test_any_size_is_taken(size: tuple[int, int]) -> None:
    integers = integer_network(small_network(), *size)
    step = Stream(integers).step(np.zeros((*size, 3), np.uint8))
    assert step.main.levels.shape == (-(-size[0] // 2), -(-size[1] // 2), 5)


@given(st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=12), st.sampled_from([8, 16]))
def test_whole_weights_are_the_nearest(numbers: list[float], bits: int) -> None:
    weight = torch.tensor(numbers, dtype=torch.float64).reshape(1, -1, 1, 1)
    parts, unit = quantised(weight, bits)
    assert len(parts) == bits // 8 and all(part.to(torch.int16).abs().max() <= 127 for part, _ in parts)
    found = torch.stack([part.to(torch.float64) * worth for part, worth in parts]).sum(0) * unit
    assert (found - weight).abs().max() <= unit.max() * 0.5000001
    steps = 127 if bits == 8 else 127 * 255
    assert float(unit) <= float(weight.abs().max()) / steps * 1.0001 or not weight.any()


def test_a_re_parameterised_convolution_is_one() -> None:
    torch.manual_seed(0)
    layers = nn.Sequential(RepConv(8), nn.BatchNorm2d(8)).eval().requires_grad_(False)
    for module in layers.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean):
                assert values is not None
                values.normal_()
            assert module.running_var is not None
            module.running_var.uniform_(0.5, 2)
    conv, x = sequence(layers), torch.randn(1, 8, 6, 7)
    found = nn.functional.conv2d(x.double(), conv.weight, conv.bias, padding=1)
    torch.testing.assert_close(found.float(), layers(x), rtol=1e-4, atol=1e-4)


def test_a_linear_layer_is_a_convolution() -> None:
    layer = nn.Linear(3, 2)
    conv, x = folded(layer), torch.randn(5, 3)
    found = nn.functional.conv2d(x.double()[:, :, None, None], conv.weight, conv.bias)[:, :, 0, 0]
    torch.testing.assert_close(found.float(), layer(x))


@pytest.mark.parametrize("bits", [8, 16])
def test_a_level_that_is_not_zero_may_stand_for_zero(bits: int) -> None:
    builder = Builder(bits)
    image = builder.add(Input("image", 3, (10, 20, 30)), 0.5, torch.tensor([10.0, 20.0, 30.0]) - 128)
    weight = torch.randn(4, 3, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = builder.real("found", Sum((Term(image, weight),), 1.5), 4)
    frame = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    values = Dense(builder.network(found=found)).step(frame)["found"]
    real = (torch.from_numpy(frame).double() - torch.tensor([10.0, 20.0, 30.0])) * 0.5
    expected = nn.functional.conv2d(real.permute(2, 0, 1)[None], weight, padding=1)[0] + 1.5
    error = (planes(values) - expected).abs().max() / expected.abs().max()
    assert error < (0.02 if bits == 8 else 1e-4)
    assert isinstance(builder.layers[-1], Neuron)
