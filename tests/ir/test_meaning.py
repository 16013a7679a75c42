"""What operations mean: the reference, times scale and over divisor, is what torch makes of the same numbers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vistream.engine.reference import REFERENCE
from vistream.ir import operations as ops
from vistream.ir.formula import requantise, rounded
from vistream.ir.target import Target
from vistream.ir.value import Kind, Value
from vistream.ir.window import Window

law = settings(max_examples=40, deadline=None)


def levels(seed: int, height: int, width: int, channels: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-128, 128, (height, width, channels), generator=generator).to(torch.int8)


def planes(held: Tensor) -> Tensor:
    return held.permute(2, 0, 1)[None].to(torch.float64)


def run(layer: ops.Operation, held: Sequence[Tensor], zero: tuple[int, ...] = ()) -> Tensor:
    """What the reference gives, `[1, C, H, W]`, divided by the divisor."""
    layer.check()
    sources = [Value(value.shape[0], value.shape[1], value.shape[2], zero=zero) for value in held]
    laid = layer.lay(sources)
    found = REFERENCE[type(layer)](layer, sources, held)
    assert tuple(found.shape) == (*laid.grid, laid.channels) and found.dtype == laid.kind.dtype
    assert int(found.to(torch.int64).abs().max()) <= laid.peak
    return planes(found) / laid.divisor


sizes = st.tuples(st.integers(2, 9), st.integers(2, 9))
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@given(size=sizes, kernel=pairs, stride=pairs, ceil=st.booleans(), include=st.booleans(), seed=st.integers(0, 9))
@law
def test_pools(
    size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], ceil: bool, include: bool, seed: int
) -> None:
    padding = (kernel[0] // 2, kernel[1] // 2)
    held = levels(seed, *size, 2)
    window = Window(kernel, stride, padding=padding, ceil=ceil)
    try:
        expected = F.avg_pool2d(planes(held), kernel, stride, padding, ceil, include)
    except RuntimeError:
        with pytest.raises(ValueError, match="does not fit"):
            window.place(*size)
        return
    assert torch.allclose(run(ops.AveragePool("p", "x", window, include), [held]), expected)
    highest = F.max_pool2d(planes(held), kernel, stride, padding, 1, ceil)
    assert torch.equal(run(ops.MaxPool("p", "x", window), [held]), highest)


@given(
    size=sizes, kernel=pairs, stride=pairs, padding=st.integers(0, 1), groups=st.sampled_from([1, 2]), data=st.data()
)
@law
def test_transposed_convolution(
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: int,
    groups: int,
    data: st.DataObject,
) -> None:
    more = data.draw(st.integers(0, min(stride) - 1))
    held = levels(3, *size, 4)
    weight = levels(4, 4, 6 // groups, kernel[0] * kernel[1]).reshape(4, 6 // groups, *kernel)  # torch's order
    own = weight.reshape(groups, 4 // groups, 6 // groups, *kernel).transpose(1, 2).flatten(0, 1).contiguous()
    before, after = (padding, padding), (padding - more, padding - more)
    layer = ops.TransposedConvolution("t", "x", own, stride, before, after, groups=groups)
    try:
        expected = F.conv_transpose2d(planes(held), weight.double(), None, stride, padding, more, groups)
    except RuntimeError:
        return
    assert torch.equal(run(layer, [held]), expected)


@given(size=sizes, target=sizes, seed=st.integers(0, 9))
@law
def test_resizing(size: tuple[int, int], target: tuple[int, int], seed: int) -> None:
    held = levels(seed, *size, 2)
    aim = Target(size=target)
    for corners, aligned in ((ops.Corners.HALF_PIXEL, False), (ops.Corners.ALIGNED, True)):
        expected = F.interpolate(planes(held), target, mode="bilinear", align_corners=aligned)
        assert torch.allclose(run(ops.Bilinear("b", "x", aim, corners), [held]), expected, atol=1e-9)
    for choice, mode in ((ops.Choice.FLOOR, "nearest"), (ops.Choice.CENTRE, "nearest-exact")):
        expected = F.interpolate(planes(held).float(), target, mode=mode)
        assert torch.equal(run(ops.Nearest("n", "x", aim, choice), [held]).float(), expected)


def test_the_weights_of_a_bilinear_factor_of_two_are_9_3_3_1() -> None:
    layer = ops.Bilinear("b", "x", Target(times=(2, 2)))
    assert layer.lay([Value(4, 6, 1)]).divisor == 16
    assert [axis[1][:, 1].tolist() for axis in layer.axes([Value(4, 6, 1)])] == [[3, 1], [3, 1]]


@pytest.mark.parametrize(("edge", "mode"), [(ops.Edge.ZERO, "constant"), (ops.Edge.REPEATED, "replicate"),
                                            (ops.Edge.MIRRORED, "reflect")])  # fmt: skip
def test_padding(edge: ops.Edge, mode: str) -> None:
    held = levels(1, 4, 5, 2)
    expected = F.pad(planes(held), (2, 3, 1, 2), mode)
    assert torch.equal(run(ops.Pad("p", "x", (1, 2), (2, 3), edge), [held]), expected)
    cropped = run(ops.Pad("p", "x", (-1, 0), (0, -2), edge), [held])
    assert torch.equal(cropped, planes(held)[:, :, 1:, :-2])


def test_padding_holds_what_stands_for_zero() -> None:
    held = levels(1, 2, 2, 2)
    corner = run(ops.Pad("p", "x", (1, 1), (0, 0)), [held], (7, -3))[0, :, 0, 0]
    assert corner.tolist() == [7, -3]
    window = Window((1, 1), padding=(1, 1))
    weight = torch.ones(1, 2, 1, 1, dtype=torch.int8)
    neuron = ops.Neuron("n", (ops.Synapse("x", weight, torch.ones(1), window),), torch.zeros(1))
    y = REFERENCE[ops.Neuron](neuron, [Value(2, 2, 2, zero=(7, -3))], [held])
    assert y[0, 0].tolist() == [4.0]


def test_products_of_matrices() -> None:
    query, key, value = (levels(seed, 3, 4, 6) for seed in (1, 2, 3))
    heads = [part.flatten(0, 1).double().reshape(12, 2, 3).transpose(0, 1) for part in (query, key, value)]
    scores = run(ops.MatrixProduct("s", "q", "k", 2, ops.Transposed.RIGHT), [query, key])
    assert torch.equal(scores[0].reshape(2, 12, 12).mT, heads[0] @ heads[1].mT)
    total = run(ops.TokenSum("t", "k", "v", 2), [key, value])
    expected = heads[1].mT @ heads[2]  # [heads, dk, dv]
    assert torch.equal(total[0, :, 0].reshape(2, 3, 3).mT, expected)
    mixed = levels(5, 1, 3, 6)
    product = run(ops.MatrixProduct("m", "q", "m", 2), [query, mixed])
    right = mixed.flatten(0, 1).double().reshape(3, 2, 3).transpose(0, 1)
    assert torch.equal(product[0].flatten(1).reshape(2, 3, 12).mT, heads[0] @ right)


def test_rearranging_is_reshaping() -> None:
    held = levels(1, 2, 3, 4)
    first, last = ops.Order.CHANNELS_FIRST, ops.Order.CHANNELS_LAST
    swapped = run(ops.Rearrange("r", "x", first, last, ("1", "C", "HW")), [held])
    assert torch.equal(swapped[0, :, 0].t(), planes(held)[0].flatten(1))
    again = run(ops.Rearrange("r", "x", first, last), [held])
    assert torch.equal(again[0].permute(1, 2, 0), planes(held).contiguous().reshape(2, 3, 4))


@given(seed=st.integers(0, 20), groups=st.sampled_from([1, 2]), summed=st.booleans())
@law
def test_deformable_sampling_is_bilinear_sampling(seed: int, groups: int, summed: bool) -> None:
    """Of each tap, by torch's own sampler, which is given the same points."""
    held = levels(seed, 5, 6, 4)
    window = Window((2, 3), padding=(1, 1))
    placed = window.place(5, 6)
    grid, taps = (placed.height, placed.width), 6
    torch.manual_seed(seed)
    offsets = torch.randn(*grid, 2 * taps * groups) * 2
    weights = levels(seed + 1, *grid, taps * groups)
    layer = ops.DeformableSampling("d", "x", "o", "w", window, groups, summed)
    sources = [Value(5, 6, 4), Value(*grid, 2 * taps * groups, Kind.REAL),
               Value(*grid, taps * groups)]  # fmt: skip
    found = REFERENCE[ops.DeformableSampling](layer, sources, [held, offsets, weights])
    rows, columns = torch.meshgrid(torch.arange(grid[0]), torch.arange(grid[1]), indexing="ij")
    expected = []
    for tap in range(taps):
        parts = []
        for group in range(groups):
            at = (group * taps + tap) * 2
            y = rows - 1 + tap // 3 + offsets[:, :, at]
            x = columns - 1 + tap % 3 + offsets[:, :, at + 1]
            points = torch.stack([(2 * x + 1) / 6 - 1, (2 * y + 1) / 5 - 1], -1)[None].double()
            share = planes(held)[:, group * 4 // groups : (group + 1) * 4 // groups]
            sampled = F.grid_sample(share, points, align_corners=False)[0].permute(1, 2, 0)
            parts.append(sampled * weights[:, :, group * taps + tap, None])
        expected.append(torch.cat(parts, 2))
    whole = torch.stack(expected).sum(0) if summed else torch.cat(expected, 2)
    assert torch.allclose(found.double(), whole, rtol=1e-3, atol=0.2)


@pytest.mark.parametrize(("positions", "fits"), [(2**24 - 1, True), (2**24, False)])
def test_a_mean_of_more_levels_than_32_bits_hold(positions: int, fits: bool) -> None:
    synapse = ops.Synapse("x", None, torch.ones(1), None)
    layer = ops.Neuron("n", (synapse,), torch.zeros(1))
    source = Value(1, positions, 1)
    if fits:
        assert layer.lay([source]).grid == (1, 1)
    else:
        with pytest.raises(ValueError, match="may reach 2147483648, more than 32 bits hold"):
            layer.lay([source])


@pytest.mark.parametrize("hysteresis", [0, 1, 3])
def test_a_neuron_that_holds_is_within_its_bound(hysteresis: int) -> None:
    """Of its pre-activation without a table, of what leaves it with one: docs/theory.md."""
    generator = torch.Generator().manual_seed(hysteresis)
    table = torch.randint(-128, 128, (256,), generator=generator, dtype=torch.int8)
    y = torch.zeros(500)
    held, looked_up = torch.zeros(500, dtype=torch.int8), table[128].expand(500)
    for _ in range(50):
        y = y + torch.randn(500, generator=generator) * 3
        clipped = y.clamp(-100, 90)
        held = requantise(y, -100, 90, held, hysteresis)
        assert float((held - clipped).abs().max()) <= 0.5 + hysteresis
        looked_up = requantise(y, -100, 90, looked_up, hysteresis, table=table)
        exact = table[rounded(clipped).long() + 128].int()
        assert int((looked_up.int() - exact).abs().max()) <= hysteresis
