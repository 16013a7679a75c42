"""The quantiser's door: what it takes, what it refuses by name, and that a saved network is the same network."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from vistream.engine.reference import Dense
from vistream.errors import VistreamError
from vistream.ir.file import load_network, save_network
from vistream.ir.formula import requantise
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import Concat, MaxPool, Upsample
from vistream.quantize.convert import quantize
from vistream.quantize.named import named_network
from vistream.quantize.ranges import Preprocess, Range, load_ranges, save_ranges
from vistream.types import Frame

PREPROCESS = Preprocess((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))


def frames(count: int = 2, height: int = 20, width: int = 24) -> list[Frame]:
    """Smooth random pictures."""
    generator = np.random.default_rng(1)
    coarse = generator.integers(0, 256, (count, height // 4, width // 4, 3), dtype=np.uint8)
    return [picture.repeat(4, 0).repeat(4, 1) for picture in coarse]


def test_the_reference_is_found_where_scripts_look_for_it() -> None:
    from vistream.quantize.dense import Dense as Found

    assert Found is Dense


class Everything(nn.Module):
    """Every operation that is taken, as modules, functions and methods."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 2, 1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.grouped = nn.Conv2d(16, 24, 3, padding="same", dilation=2, groups=4)
        self.depthwise = nn.Conv2d(24, 24, 5, padding=2, groups=24)
        self.point = nn.Conv2d(24, 16, 1)
        self.pool = nn.MaxPool2d(2)
        self.up = nn.Upsample(scale_factor=2)
        self.mix = nn.Conv2d(32, 16, 3, padding=1)
        self.head = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn(self.stem(x)))
        y = F.relu6(self.grouped(x))
        y = self.point(F.hardtanh(self.depthwise(y), -2.0, 2.0))
        x = (x + y).relu()
        low = self.pool(x)
        x = torch.cat([self.up(low), x], 1)
        x = self.mix(x).clamp(0.0, 4.0)
        x = F.avg_pool2d(x, 2)
        x = F.adaptive_avg_pool2d(x, 1)
        logits: Tensor = self.head(torch.flatten(x, 1))
        return logits


@pytest.fixture(scope="module")
def everything() -> tuple[nn.Module, IntegerNetwork]:
    torch.manual_seed(0)
    model = Everything().eval()
    return model, quantize(model, frames(), PREPROCESS)


def test_integers_follow_the_floats(everything: tuple[nn.Module, IntegerNetwork]) -> None:
    model, network = everything
    for frame in frames():
        levels = Dense(network).step(frame)[network.output].to(torch.float32) * network.scale
        with torch.no_grad():
            expected = model(PREPROCESS(frame))[0]
        assert torch.allclose(levels[0, 0], expected, atol=float(0.1 * expected.abs().max()))


def test_concat_and_its_kin_move_levels_of_one_scale(everything: tuple[nn.Module, IntegerNetwork]) -> None:
    _, network = everything
    kinds = [type(layer) for layer in network.layers]
    assert {MaxPool, Upsample, Concat} <= set(kinds)


def test_a_saved_network_is_the_same_network(everything: tuple[nn.Module, IntegerNetwork], tmp_path: Path) -> None:
    _, network = everything
    save_network(network, tmp_path / "net.safetensors")
    loaded = load_network(tmp_path / "net.safetensors")
    assert named_network(str(tmp_path / "net.safetensors")).network.output == network.output
    for frame in frames():
        before, after = Dense(network).step(frame), Dense(loaded).step(frame)
        assert all(torch.equal(before[name], after[name]) for name in before)
    assert [path.name for path in tmp_path.iterdir()] == ["net.safetensors"]


def test_a_damaged_network_is_refused(everything: tuple[nn.Module, IntegerNetwork], tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    for content in (b"", b"no tensors", b"\xff" * 64):
        path.write_bytes(content)
        with pytest.raises(VistreamError, match=r"net\.safetensors"):
            load_network(path)
    save_file({"a": torch.zeros(1)}, str(path))
    with pytest.raises(VistreamError, match="holds no integer network"):
        load_network(path)
    _, network = everything
    save_network(network, path)
    from safetensors import safe_open

    with safe_open(str(path), "pt") as file:
        metadata = file.metadata()
    tensors = load_file(str(path))
    tensors["stem.synapses.0.weight"] = tensors["stem.synapses.0.weight"][:, :2].contiguous()
    save_file(tensors, str(path), metadata)
    with pytest.raises(VistreamError, match="does not fit its source"):
        load_network(path)


def test_ranges_round_trip_and_bad_ones_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "ranges.json"
    save_ranges({"a": Range(-1.5, 2.0)}, path)
    assert load_ranges(path) == {"a": Range(-1.5, 2.0)}
    for text in ("", "[1]", '{"a": [1]}', '{"a": [2, 1]}', '{"a": [0, NaN]}'):
        path.write_text(text)
        with pytest.raises(VistreamError, match=r"ranges\.json"):
            load_ranges(path)


@pytest.mark.parametrize(
    ("y", "held", "hysteresis", "level"),
    [
        (2.5, 2, 0, 3),  # without hysteresis a tie goes up, whatever was held
        (2.5, 3, 0, 3),
        (3.4, 2, 1, 2),  # inside the band: kept
        (3.5, 2, 1, 4),  # its upper end is open
        (0.5, 2, 1, 2),  # its lower end is closed
        (0.4, 2, 1, 0),
        (99.0, 6, 1, 6),  # the band is about the clipped value: 7 - 6 <= 1.5
        (99.0, 5, 1, 7),
    ],
)
def test_the_formula_at_its_edges(y: float, held: int, hysteresis: int, level: int) -> None:
    kept = requantise(torch.tensor([y]), 0, 7, torch.tensor([held], dtype=torch.int8), hysteresis)
    assert kept.tolist() == [level]
