"""The compiled kernels on layers as wide as real ones: chunks, panels, runs of positions, strides, several threads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from graphs import graphs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toys import clips

from vistream.engine.reference import Dense
from vistream.engine.stream import allocate
from vistream.engine.stream.compiled_backend import CompiledBackend
from vistream.engine.stream.engine import Stream
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import (
    AveragePool,
    Bilinear,
    Concat,
    Input,
    MaxPool,
    Nearest,
    Neuron,
    Operation,
    PickChannels,
    Product,
    Slice,
    Synapse,
    TransposedConvolution,
    Upsample,
)
from vistream.ir.window import POINTWISE, Window
from vistream.kernels.library import Variant, variants
from vistream.types import Frame


def conv(
    source: str, inputs: int, outputs: int, window: Window, random: np.random.Generator, groups: int = 1
) -> Synapse:
    shape = (outputs, inputs // groups, *window.kernel)
    flat = random.integers(-128, 128, shape)
    drawn = flat if random.random() < 0.5 else np.clip(np.rint(random.normal(0, 30, shape)), -128, 127)
    weight = torch.from_numpy(drawn.astype(np.int8))
    step = 20.0 / (70 * 40 * weight[0].numel() ** 0.5)
    return Synapse(source, weight, torch.full((outputs,), step), window, groups)


LOWEST = st.sampled_from([0, -17, -63, -127, -128])


def neuron(name: str, synapses: tuple[Synapse, ...], random: np.random.Generator, lowest: int) -> Neuron:
    bias = torch.from_numpy(random.normal(0, 10, len(synapses[0].multiplier)).astype(np.float32))
    return Neuron(name, synapses, bias, lowest, 63 if lowest < -17 else 127, 1.0)


@st.composite
def wide_networks(draw: st.DrawFn) -> IntegerNetwork:
    """A stem, then a wide layer of one kind over it, alone or with the stem added, then a pool."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="weights"))
    channels = draw(st.sampled_from([8, 16, 24, 32, 40, 48, 96, 144, 240, 300]), label="channels")
    kernel = draw(st.sampled_from([1, 2, 3, 5]), label="kernel")
    stride, dilation = draw(st.sampled_from([1, 1, 2, 3])), draw(st.sampled_from([1, 1, 2]))
    kind = draw(st.sampled_from(["depthwise", "dense", "residual", "depthwise residual"]), label="kind")
    padding = draw(st.sampled_from([None, (0, 0), (kernel // 2, kernel // 2)]), label="padding")
    if "residual" in kind:
        stride, padding = 1, None
    window = Window((kernel, kernel), (stride, stride), (dilation, dilation), padding)
    depthwise = kind.startswith("depthwise")
    outputs = channels if depthwise or kind == "residual" else draw(st.sampled_from([16, 40, 64, 96, 272, 520]))
    synapses = [conv("stem", channels, outputs, window, random, channels if depthwise else 1)]
    if "residual" in kind:
        synapses.insert(0, Synapse("stem", None, torch.full((channels,), 0.25), POINTWISE))
    layers: tuple[Operation, ...] = (
        Input("x", 3),
        neuron("stem", (conv("x", 3, channels, Window((3, 3), (2, 2), (1, 1), None), random),), random, draw(LOWEST)),
        neuron("wide", tuple(synapses), random, draw(LOWEST)),
        MaxPool("pool", "wide", Window((3, 3), (2, 2), (1, 1), (1, 1))),
    )
    return IntegerNetwork.of(layers)


def frames(seed: int, height: int, width: int) -> list[Frame]:
    """Everything, then a blob, then scattered pixels, then everything again."""
    random = np.random.default_rng(seed)
    first = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    blob = first.copy()
    blob[height // 3 : height // 2, width // 3 :] ^= 0x55
    scattered = np.where(random.random((height, width, 1)) < 0.02, blob ^ 0x0F, blob)
    return [first, blob, scattered, random.integers(0, 256, first.shape, dtype=np.uint8)]


@settings(max_examples=60, deadline=None)
@given(
    network=wide_networks(),
    seed=st.integers(0, 99),
    hysteresis=st.sampled_from([0, 2]),
    threads=st.integers(1, 3),
    kernels=st.sampled_from(variants()),
)
def test_wide_layers_equal_the_dense_network(
    network: IntegerNetwork, seed: int, hysteresis: int, threads: int, kernels: Variant
) -> None:
    height, width = 26 + seed % 7, 40 + seed % 11
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "get_num_threads", lambda: threads)
        patch.setattr(allocate, "EPILOGUE", 1 << 12)  # so that even small layers are shared
        patch.setattr(CompiledBackend, "kernels", kernels)
        stream = Stream(network, 0, hysteresis, "compiled")
        dense, twin = Dense(network, 0, hysteresis), Stream(network, 0, hysteresis, "torch")
        for frame in frames(seed, height, width):
            step, other, expected = stream.step(frame), twin.step(frame), dense.step(frame)
            for name in ("stem", "wide", "pool"):
                assert torch.equal(stream.levels(name), expected[name]), name
            for one, two in zip(step.work.layers, other.work.layers, strict=True):
                assert one == two


COMPILED = (
    Neuron, MaxPool, Upsample, Nearest, Slice, Concat, PickChannels, AveragePool, Bilinear, Product,
    TransposedConvolution,
)  # fmt: skip


@pytest.mark.parametrize("kernels", variants(), ids=lambda kernels: kernels.name)
@given(kind=st.sampled_from(COMPILED), data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_variant_has_every_operation(kernels: Variant, kind: type[Operation], data: st.DataObject) -> None:
    """In random graphs: the same numbers as the reference; products and the like at the positions of the torch twin."""
    toy = data.draw(graphs(kind))
    alike = {layer.name for layer in toy.network.layers if isinstance(layer, Product | TransposedConvolution)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CompiledBackend, "kernels", kernels)
        stream, dense, twin = (
            Stream(toy.network, backend="compiled"),
            Dense(toy.network),
            Stream(toy.network, backend="torch"),
        )
        for frame in data.draw(clips(toy)):
            step, other, expected = stream.step(frame), twin.step(frame), dense.step(frame)
            assert all(torch.equal(stream.levels(name), value) for name, value in expected.items())
            works = zip(step.work.layers, other.work.layers, strict=True)
            assert all(one == two for one, two in works if one.name in alike)


def test_the_table_of_what_is_compiled_is_up_to_date() -> None:
    """Products and transposed convolutions of levels and of sums run in the kernels, not in torch."""
    layers: tuple[Operation, ...] = (
        Input("x", 3),
        TransposedConvolution("up", "x", torch.ones(4, 3, 3, 3, dtype=torch.int8), (2, 2), (1, 1), (1, 1)),
        Product("square", "up", "up"),
    )
    stream = Stream(IntegerNetwork.of(layers), backend="compiled")
    stream.step(np.zeros((6, 8, 3), np.uint8))
    assert isinstance(stream._backend, CompiledBackend)
    assert all(stream._backend._memory[layer.name].twin is None for layer in layers)
