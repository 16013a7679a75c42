"""Where eight bits go: steps by channel, tables that round once, and biases that give back what weights lose."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from ladder import RUNGS, assert_equal
from torch import Tensor, nn

from vistream.engine.reference import Dense
from vistream.errors import VistreamError
from vistream.ir.window import Window
from vistream.quantize.convert import converted
from vistream.quantize.meaning import Meaning
from vistream.quantize.program import Term
from vistream.quantize.ranges import Preprocess, Range, Ranges, calibrate, load_ranges, save_ranges
from vistream.quantize.scales import Levels, Weights
from vistream.quantize.synapses import offset_of, synapses_of
from vistream.quantize.tables import table_scale
from vistream.quantize.trace import trace
from vistream.types import Frame

PREPROCESS = Preprocess((127.5,) * 3, (127.5,) * 3)
CHANNELS = 16


def frames(count: int) -> list[Frame]:
    """Smooth random pictures, brighter than grey."""
    generator = np.random.default_rng(1)
    coarse = generator.integers(100, 256, (count, 6, 8, 3), dtype=np.uint8)
    return [picture.repeat(4, 0).repeat(4, 1) for picture in coarse]


class Uneven(nn.Module):
    """Two channels reach a hundred times as far as the others, and what reads them makes up for it."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.depthwise = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, groups=CHANNELS)
        self.leave = nn.Conv2d(CHANNELS, CHANNELS, 1)
        self.head = nn.Conv2d(CHANNELS, 4, 1)
        far = torch.ones(CHANNELS)
        far[:2] = 100.0
        with torch.no_grad():
            self.depthwise.weight.mul_(far[:, None, None, None])
            self.leave.weight.div_(far[None, :, None, None])

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.leave(self.depthwise(self.enter(x).relu())).relu())  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def uneven() -> nn.Module:
    torch.manual_seed(0)
    return Uneven().eval()


def error(model: nn.Module, ranges: Ranges) -> float:
    """The output's root mean square error over its deviation."""
    network, _ = converted(trace(model), ranges, PREPROCESS, read_out=True)
    wanted = torch.cat([model(PREPROCESS(frame)) for frame in frames(6)]).detach()
    dense = Dense(network)
    given = torch.stack([dense.step(frame)[network.output].permute(2, 0, 1) for frame in frames(6)])
    return float((given - wanted).square().mean().sqrt() / wanted.std((0, 2, 3)).mean())


def stripped(ranges: Ranges) -> Ranges:
    """As a calibration that did not look at channels."""
    return {name: Range(found.low, found.high) for name, found in ranges.items()}


def test_channels_that_reach_far_leave_the_others_their_levels(uneven: nn.Module) -> None:
    ranges = calibrate(trace(uneven), frames(6), PREPROCESS, by_channel=True)
    assert error(uneven, ranges) < 0.06
    assert error(uneven, stripped(ranges)) > 0.15


@pytest.mark.parametrize("rung", RUNGS)
def test_every_rung_equals_dense(uneven: nn.Module, rung: str) -> None:
    network, _ = converted(
        trace(uneven), calibrate(trace(uneven), frames(6), PREPROCESS, by_channel=True), PREPROCESS, Levels(15, 15)
    )
    run, dense = RUNGS[rung](network), Dense(network)
    for frame in frames(2):
        part = np.ascontiguousarray(frame[:6, :6])  # spikes take their time
        assert_equal(run(part), dense.step(part))


@pytest.mark.parametrize("weights", Weights)
def test_biases_give_back_what_rounded_weights_lose(weights: Weights) -> None:
    """Exactly, where the source has its mean everywhere."""
    generator = torch.Generator().manual_seed(0)
    weight, gain = torch.randn(6, 2, 3, 3, generator=generator), torch.rand(6, generator=generator) + 0.5
    term = Term("a", weight, gain, Window((3, 3)), groups=3)
    source = Meaning(torch.rand(6, generator=generator) + 0.1, torch.randn(6, generator=generator))
    level = torch.randint(-9, 9, (6,), generator=generator).to(torch.float64)
    mean = source.gain * level + source.offset
    synapses, lost = synapses_of(term, source, 0.5, weights, mean)
    charge = [F.conv2d(level.expand(1, 3, 3, 6).permute(0, 3, 1, 2), s.weight.double(), groups=3) for s in synapses]  # type: ignore[union-attr]
    given = sum(c.reshape(-1) * s.multiplier * 0.5 for c, s in zip(charge, synapses, strict=True))
    wanted = F.conv2d(mean.expand(1, 3, 3, 6).permute(0, 3, 1, 2), weight.double(), groups=3).reshape(-1) * gain
    assert torch.allclose(given + offset_of(term, source) + lost, wanted, atol=1e-4)
    assert not torch.allclose(given + offset_of(term, source), wanted, atol=1e-4)


@pytest.mark.parametrize(
    ("function", "identity"),
    [(nn.LeakyReLU(0.1), True), (nn.SiLU(), False)],
    ids=["leaky", "silu"],
)
def test_a_leaky_relu_rounds_what_is_positive_once(function: Callable[[Tensor], Tensor], identity: bool) -> None:
    found = Range(-5.0, 7.0, (-5.0, -0.5), (7.0, 0.7), (0.0, 0.0))
    scale = table_scale("a", function, found, 127, by_channel=True)
    assert scale.table is not None
    positive = scale.table[128:].to(torch.int32)
    assert torch.equal(positive, torch.arange(128, dtype=torch.int32)) is identity
    assert (scale.shares is not None) is identity  # the others' table is of one size of steps
    if scale.shares is not None:
        assert scale.shares[1] < 0.5 * scale.shares[0]


@pytest.mark.parametrize("function", [nn.SiLU(), nn.Hardswish(), nn.GELU(), nn.Mish()], ids=str)
@pytest.mark.parametrize("low", [-12.0, -300.0, -3e5])
def test_a_channel_that_is_switched_off_takes_no_levels(function: Callable[[Tensor], Tensor], low: float) -> None:
    scale = table_scale("a", function, Range(low, 6.0), 127, by_channel=False)
    assert scale.table is not None
    z = torch.cat([torch.linspace(-8.0, 6.0, 500), torch.tensor([low])])
    levels = torch.floor(z / scale.step + scale.shift + 0.5).clamp(scale.lo, scale.hi).to(torch.int64)
    error = scale.table[levels + 128] * scale.gives - function(z)
    assert float(error.abs().max()) < 6.0 / 127


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.LeakyReLU(0.1), nn.Identity()], ids=str)
@pytest.mark.parametrize("by_channel", [False, True])
def test_the_unit_of_a_layer_does_not_matter(tmp_path: Path, activation: nn.Module, by_channel: bool) -> None:
    """All levels stay the same where a hidden layer, and the output, count in something else. One channel is silent."""
    found = []
    for unit in (1.0, 2.0**-60):
        torch.manual_seed(0)
        middle, last = nn.Conv2d(8, 8, 3), nn.Conv2d(8, 4, 1, bias=False)
        for parameter in middle.parameters():
            parameter.data *= unit
            parameter.data[0] = 0.0
        program = trace(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), middle, activation, last).eval())
        save_ranges(calibrate(program, frames(3), PREPROCESS, by_channel=by_channel), tmp_path / "ranges.json")
        network, _ = converted(program, load_ranges(tmp_path / "ranges.json"), PREPROCESS)
        found.append(Dense(network).step(frames(1)[0])[network.output])
    assert len(set(found[0].flatten().tolist())) > 100
    assert float((found[0].float() - found[1]).abs().max()) <= 2, "ranges are written down in decimals"


def test_ranges_of_channels_round_trip_and_join(tmp_path: Path) -> None:
    path = tmp_path / "ranges.json"
    both = Range(-1.0, 2.0, (-1.0, 0.0), (1.0, 2.0), (0.5, 1.0)).joined(
        Range(-2.0, 1.0, (-2.0, 0.5), (1.0, 1.0), (-1.0, 1.0), seen=2)
    )
    assert both == Range(-2.0, 2.0, (-2.0, 0.0), (1.0, 2.0), (-0.5, 1.0), seen=3)
    save_ranges({"a": both}, path)
    assert load_ranges(path)["a"].means == both.means
    for text in ('{"a": [0, 1, [0], [1]]}', '{"a": [0, 1, [0], [1], []]}', '{"a": [0, 1, [0], [1], [NaN]]}'):
        path.write_text(text, encoding="utf-8", newline="\n")
        with pytest.raises(VistreamError, match=r"ranges\.json"):
            load_ranges(path)
