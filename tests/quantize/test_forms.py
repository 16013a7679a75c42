"""Ordinary networks in every form that people write them: the stream is near the float network, or it is refused."""

import copy
import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from squareclip import square_frames
from torch import Tensor, nn

import vistream
from vistream.engine.reference import Dense
from vistream.errors import VistreamError
from vistream.ir.file import load_network, save_network
from vistream.types import Frame

HEIGHT, WIDTH = 32, 48
MEAN, STD = 118.0, 58.0


def frames(count: int = 3) -> list[Frame]:
    return square_frames((HEIGHT, WIDTH), count)


class Net(nn.Module):
    """Parts by name, and a forward that is given."""

    def __init__(self, forward: Callable[[Any, Tensor], Any], **parts: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        for name, part in parts.items():
            self.add_module(name, part)
        self.function = forward

    def forward(self, x: Tensor) -> Any:
        return self.function(self, self.body(x))


class Scaled(nn.Conv2d):
    """A known module with a forward of its own."""

    def forward(self, x: Tensor) -> Any:
        return 1.7 * super().forward(x)


class Attention(nn.Module):
    """One head over all positions, with a norm before it and a shortcut around it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.mix = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Any:
        batch, channels, height, width = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        query, key, value = self.mix(self.norm(tokens)).chunk(3, -1)
        weights = torch.softmax(query @ key.transpose(1, 2) / math.sqrt(channels), -1)
        tokens = tokens + self.out(weights @ value)
        return tokens.transpose(1, 2).reshape(batch, channels, height, width)


def fused(net: Any, x: Tensor) -> Any:
    """Attention as vision transformers have it since torch 2: one operator, which could draw random numbers."""
    query, key, value = net.mix(x.flatten(2).transpose(1, 2)).unflatten(-1, (3, 2, 4)).permute(2, 0, 3, 1, 4).unbind(0)
    mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=0.1 if net.training else 0.0)
    return net.out(mixed.transpose(1, 2).flatten(2)).transpose(1, 2).reshape(x.shape)


class Gate(nn.Module):
    """Squeeze and excitation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1)

    def forward(self, x: Tensor) -> Any:
        return x * torch.sigmoid(self.up(F.relu(self.down(x.mean((2, 3), keepdim=True)))))


def overwritten(net: Any, x: Tensor) -> Any:
    y: Tensor = net.a(x)
    return y + net.b(F.relu_(y))


def added_to(net: Any, x: Tensor) -> Tensor:
    y = x
    x = x.clone()
    x += net.a(y)
    x[:, :2] *= 0.5
    return x


def halves(net: Any, x: Tensor) -> Tensor:
    left, right = x.chunk(2, 1)
    return torch.cat([net.a(left), right.neg(), left * right], 1)


def shuffled(net: Any, x: Tensor) -> Any:
    batch, channels, height, width = x.shape
    return net.a(x.view(batch, 2, channels // 2, height, width).transpose(1, 2).reshape(batch, channels, height, width))


def gathered(net: Any, x: Tensor) -> Tensor:
    """Every position takes the one beside it, left or right; the addresses are computed, in integers."""
    size = x.shape[2:]
    across = (torch.arange(size[1]) + 1.9 * torch.tanh(net.a(x)[:, 0])).clamp(0, size[1] - 1).round().long()
    place = torch.arange(size[0])[:, None] * size[1] + across
    return x.flatten(2).gather(2, place.view(1, 1, -1).expand(-1, x.shape[1], -1)).view(x.shape)


def masked(net: Any, x: Tensor, mask: Tensor | None = None) -> Any:
    return net.a(x) if mask is None else net.a(x) * mask


def swish(net: Any, x: Tensor) -> Tensor:
    y: Tensor = net.a(x)
    return y * y.sigmoid()


def conv(inputs: int = 8, outputs: int = 8, kernel: int = 3, **options: Any) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, **options)


def then(part: nn.Module) -> Net:
    """The part between two convolutions."""
    return Net(lambda net, x: net.b(net.part(net.a(x))), a=conv(), part=part, b=conv(kernel=1))


STEPS = torch.arange(1.0, 9.0).view(1, 8, 1, 1)
PLACES = torch.linspace(-1.0, 1.0, 384).view(1, 1, HEIGHT // 2, WIDTH // 2)
FUNCTIONS = [
    "SiLU", "Hardswish", "GELU", "Sigmoid", "LeakyReLU", "Tanh", "ELU", "Mish", "Softplus", "Hardsigmoid", "RReLU",
]  # fmt: skip
FORMS: dict[str, Callable[[], nn.Module]] = {
    **{
        name: lambda name=name: then(getattr(nn, name)())  # type: ignore[misc]
        for name in FUNCTIONS
    },
    "PReLU": lambda: then(nn.PReLU()),
    "PReLU by channel": lambda: then(nn.PReLU(8, init=0.3)),
    "swish by hand": lambda: Net(swish, a=conv()),
    "h-swish by hand": lambda: Net(lambda net, x: net.a(x) * F.relu6(x + 3) / 6, a=conv()),
    "clamp above 0": lambda: Net(lambda net, x: net.a(x).clamp(0.1, 0.7), a=conv()),
    "where": lambda: Net(lambda net, x: torch.where(x > 0.5, net.a(x), net.a(x) - 0.01 * x), a=conv()),
    "mask": lambda: Net(lambda net, x: x * (torch.sigmoid(net.a(x)) > 0.5), a=conv(8, 1)),
    "whole numbers": lambda: Net(gathered, a=conv(8, 1)),
    "positions added to a mean": lambda: Net(lambda net, x: net.a(x.mean((2, 3), keepdim=True) + PLACES), a=conv()),
    "GroupNorm": lambda: then(nn.GroupNorm(2, 8)),
    "InstanceNorm": lambda: then(nn.InstanceNorm2d(8)),
    "LayerNorm": lambda: then(nn.LayerNorm([8, HEIGHT // 2, WIDTH // 2])),
    "batch statistics": lambda: then(nn.BatchNorm2d(8, track_running_stats=False)),
    "pixel shuffle": lambda: Net(lambda net, x: net.b(F.pixel_shuffle(net.a(x), 2)), a=conv(), b=conv(2)),
    "pixel unshuffle": lambda: Net(lambda net, x: net.b(F.pixel_unshuffle(x, 2)), b=conv(32)),
    "channel shuffle": lambda: Net(shuffled, a=conv()),
    "transposed": lambda: Net(lambda net, x: net.a(x), a=nn.ConvTranspose2d(8, 6, 3, 2, 1, 1, groups=2)),
    "bilinear": lambda: Net(lambda net, x: net.a(F.interpolate(x, scale_factor=2, mode="bilinear")), a=conv()),
    "to a size": lambda: Net(lambda net, x: net.a(F.interpolate(x, size=(20, 30))), a=conv()),
    "average": lambda: then(nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False)),
    "maximum": lambda: then(nn.MaxPool2d(3, 2, 1, ceil_mode=True)),
    "maximum, padded unevenly": lambda: Net(
        lambda net, x: net.a(F.max_pool2d(F.pad(x - 1, (0, 1, 0, 1), value=-math.inf), 3, 2)), a=conv()
    ),
    "adaptive": lambda: then(nn.AdaptiveAvgPool2d((5, 7))),
    "reflected": lambda: then(nn.ReflectionPad2d((1, 2, 0, 1))),
    "replicated": lambda: then(nn.Conv2d(8, 8, 3, padding=1, padding_mode="replicate")),
    "cropped": lambda: Net(lambda net, x: net.a(x[:, :, 1:-1, 2:]), a=conv()),
    "squeeze": lambda: then(Gate(8)),
    "spatial gate": lambda: Net(lambda net, x: x * torch.sigmoid(net.a(x.mean(1, keepdim=True))), a=conv(1, 1)),
    "attention": lambda: then(Attention(8)),
    "fused attention": lambda: Net(fused, mix=nn.Linear(8, 24), out=nn.Linear(8, 8)),
    "subclass": lambda: then(Scaled(8, 8, 3, padding=1)),
    "weight norm": lambda: then(torch.nn.utils.parametrizations.weight_norm(conv())),
    "overwritten": lambda: Net(overwritten, a=conv(), b=conv()),
    "added to": lambda: Net(added_to, a=conv()),
    "halves": lambda: Net(halves, a=conv(4, 4)),
    "one channel": lambda: Net(lambda net, x: x + net.a(x), a=conv(8, 1)),
    "one position": lambda: Net(lambda net, x: net.a(x) + x.mean((2, 3), keepdim=True), a=conv()),
    "constants": lambda: Net(lambda net, x: 2.0 - (net.a(x) * 3.0 - 1.0) / STEPS, a=conv()),
    "positions": lambda: Net(lambda net, x: net.a(x + torch.linspace(0, 1, WIDTH // 2)), a=conv()),
    "linear over width": lambda: then(nn.Linear(WIDTH // 2, 20)),
    "channels last": lambda: Net(lambda net, x: net.a(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), a=nn.Linear(8, 6)),
    "head": lambda: Net(lambda net, x: net.a(F.adaptive_avg_pool2d(x, 1).flatten(1)), a=nn.Linear(8, 5)),
    "mean head": lambda: Net(lambda net, x: net.a(x.mean([-2, -1])), a=nn.Linear(8, 5)),
    "whole head": lambda: Net(lambda net, x: net.a(F.max_pool2d(x, 8).view(x.size(0), -1)), a=nn.Linear(48, 5)),
    "tokens": lambda: Net(lambda net, x: net.a(x).flatten(2), a=conv()),
    "flat": lambda: Net(lambda net, x: net.a(x).flatten(1), a=conv()),
    "a few numbers": lambda: Net(lambda net, x: net.a(x).flatten(1)[:, :50], a=conv(8, 1)),
    "softmax": lambda: Net(lambda net, x: F.softmax(net.a(x), 1), a=conv()),
    "optional": lambda: Net(masked, a=conv()),
    "shapes": lambda: Net(lambda net, x: net.a(F.pad(x, (0, x.shape[3] % 5, 0, 1))), a=conv()),
    "root": lambda: Net(lambda net, x: (net.a(x) ** 2 + net.b(x) ** 2).sqrt(), a=conv(), b=conv()),
    "by NumPy": lambda: Net(lambda net, x: net.a(x) + torch.tensor(1 / torch.arange(1.0, 25.0).numpy()), a=conv()),
    "half": lambda: Net(lambda net, x: net.a(x), a=conv()).half(),
    "double": lambda: Net(lambda net, x: net.a(x), a=conv()).double(),
}  # fmt: skip


def made(name: str) -> nn.Module:
    torch.manual_seed(2)
    network = FORMS[name]()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_var is not None:
            module.running_var.uniform_(0.5, 1.5)
    return network.eval()


def expected(network: nn.Module, frame: Frame) -> Tensor:
    """The float network's own output, float32, channels last where it is a map, without the batch."""
    dtype = next(network.parameters()).dtype
    with torch.no_grad():
        y: Tensor = network(((torch.from_numpy(frame).permute(2, 0, 1)[None].float() - MEAN) / STD).to(dtype))
    return y[0].permute(1, 2, 0).float() if y.dim() == 4 else y[0].float()


@pytest.mark.parametrize(
    "options", [{"deadband": 1.5}, {"hysteresis": "wide"}, {"tolerance": float("nan")}, {"tolerance": "wide"}], ids=str
)
def test_a_number_that_is_none_is_named_before_anything_is_quantised(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(VistreamError, match=f"^{name} is "):
        vistream.stream(nn.Identity(), [], **options)


@pytest.mark.parametrize("name", FORMS)
def test_the_stream_is_near_the_float_network(name: str) -> None:
    network = made(name)
    stream = vistream.stream(network, frames()[::2], mean=MEAN, std=STD)
    dense = Dense(stream.network)
    for frame in frames():
        step, wanted = stream.step(frame), expected(network, frame)
        assert torch.equal(step.levels, dense.step(frame)[stream.network.output])
        found = torch.from_numpy(step.values())
        found = found.reshape(wanted.shape) if wanted.dim() == 1 else found
        assert found.shape == wanted.shape
        assert float((found - wanted).norm() / wanted.norm()) < 0.12


@dataclass
class Parts:
    near: Tensor
    far: Tensor
    score: float = 0.5


class Pair(NamedTuple):
    near: Tensor
    far: Tensor


CONTAINERS: dict[str, tuple[Callable[[Tensor, Tensor], Any], list[str]]] = {
    "dict": (lambda a, b: {"near": a, "far": b}, ["near", "far"]),
    "tuple": (lambda a, b: (a, b), ["0", "1"]),
    "nested": (lambda a, b: {"maps": [a, {"far": b}], "none": None}, ["maps.0", "maps.1.far"]),
    "dataclass": (Parts, ["near", "far"]),
    "named tuple": (Pair, ["near", "far"]),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_are_named_outputs(name: str) -> None:
    pack, names = CONTAINERS[name]
    torch.manual_seed(0)
    network = Net(lambda net, x: pack(net.a(x), net.b(x)), a=conv(), b=conv(8, 4, stride=2)).eval()
    step = vistream.stream(network, frames(), mean=MEAN, std=STD).step(frames()[0])
    assert list(step.outputs) == names
    near, far = step.outputs.values()
    assert near.values().shape == (16, 24, 8) and far.values().shape == (8, 12, 4)
    assert step.levels is near.levels


def test_a_batch_that_is_not_the_first_axis_is_an_axis_like_others() -> None:
    torch.manual_seed(2)
    network = Net(lambda net, x: (net.a(x).flatten(2).permute(2, 0, 1), x.mean()), a=conv()).eval()
    step = vistream.stream(network, frames(), mean=MEAN, std=STD).step(frames()[0])
    with torch.no_grad():
        tokens, mean = network((torch.from_numpy(frames()[0]).permute(2, 0, 1)[None].float() - MEAN) / STD)
    first, second = (torch.from_numpy(readout.values()) for readout in step.outputs.values())
    assert first.shape == tokens.shape == (384, 1, 8)
    assert float((first - tokens).norm() / tokens.norm()) < 0.12
    assert abs(float(second) - float(mean)) < 0.12 * abs(float(mean))


def test_a_network_that_knows_its_size_takes_no_other() -> None:
    larger = np.zeros((HEIGHT + 8, WIDTH, 3), np.uint8)
    for name, free in (
        ("squeeze", True),
        ("channel shuffle", True),
        ("adaptive", True),
        ("whole head", False),
        ("tokens", False),
    ):
        stream = vistream.stream(made(name), frames(), mean=MEAN, std=STD)
        if free:
            assert stream.step(larger).levels.numel()
        else:
            with pytest.raises(VistreamError, match=f"takes frames of {WIDTH}x{HEIGHT} pixels alone"):
                stream.step(larger)


def test_what_a_step_gave_stays() -> None:
    torch.manual_seed(0)
    stream = vistream.stream(Net(lambda net, x: net.a(x), a=conv()).eval(), frames(), mean=MEAN, std=STD)
    kept = [stream.step(frame).levels for frame in frames()]
    stream.reset()
    assert all(torch.equal(levels, stream.step(frame).levels) for levels, frame in zip(kept, frames(), strict=True))
    assert not torch.equal(kept[0], kept[2])


def test_a_stream_can_be_copied_in_the_middle() -> None:
    first, second, _ = frames()
    stream = vistream.stream(made("SiLU"), frames(), mean=MEAN, std=STD)
    assert copy.deepcopy(stream).step(first).work == stream.step(first).work
    for copied in (copy.deepcopy(stream), pickle.loads(pickle.dumps(stream))):
        again = copied.step(second)
        assert again.work.share < 1.0
        assert torch.equal(again.levels, Dense(stream.network).step(second)[stream.network.output])


def test_the_surroundings_do_not_matter() -> None:
    torch.manual_seed(0)
    network = Net(lambda net, x: net.a(x), a=conv()).eval()
    wanted = vistream.stream(network, frames(), mean=MEAN, std=STD).step(frames()[0]).levels
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(vistream.stream(network, frames(), mean=MEAN, std=STD).step(frames()[0]).levels, wanted)
    with torch.inference_mode():
        assert torch.equal(vistream.stream(network, frames(), mean=MEAN, std=STD).step(frames()[0]).levels, wanted)
    try:
        torch.set_default_dtype(torch.float64)
        assert torch.equal(vistream.stream(network, frames(), mean=MEAN, std=STD).step(frames()[0]).levels, wanted)
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", ["attention", "GroupNorm", "tokens", "bilinear", "squeeze"])
def test_what_is_saved_is_the_same(name: str, tmp_path: Path) -> None:
    network = vistream.stream(made(name), frames(), mean=MEAN, std=STD).network
    save_network(network, tmp_path / "net.safetensors")
    again = load_network(tmp_path / "net.safetensors")
    for frame in frames():
        before, after = Dense(network).step(frame), Dense(again).step(frame)
        assert all(torch.equal(before[layer], after[layer]) for layer in before)


@pytest.mark.parametrize("target", ["aten.relu_.default", "aten.from_file.default", "aten.ones.default", "prim.print"])
def test_an_island_in_a_file_calls_no_more_than_arithmetic(target: str, tmp_path: Path) -> None:
    network = vistream.stream(made("GroupNorm"), frames(), mean=MEAN, std=STD).network
    save_network(network, tmp_path / "net.safetensors")
    with safe_open(str(tmp_path / "net.safetensors"), "pt") as file:
        metadata = file.metadata()
    tensors = load_file(tmp_path / "net.safetensors")
    metadata["structure"] = metadata["structure"].replace("aten.native_group_norm.default", target)
    save_file(tensors, tmp_path / "net.safetensors", metadata)
    with pytest.raises(VistreamError, match="is damaged"):
        load_network(tmp_path / "net.safetensors")
