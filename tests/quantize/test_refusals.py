"""What no integer network can do is refused by cause, in a sentence that says what to do; the module is left alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

import vistream
from vistream.errors import VistreamError
from vistream.types import Frame

SIZE = (32, 40)


def frames(count: int = 2, channels: int = 3) -> list[Frame]:
    """Smooth random pictures."""
    generator = np.random.default_rng(1)
    coarse = generator.integers(0, 256, (count, SIZE[0] // 4, SIZE[1] // 4, channels), dtype=np.uint8)
    return [picture.repeat(4, 0).repeat(4, 1) for picture in coarse]


class Doing(nn.Module):
    """A convolution, and then anything."""

    def __init__(self, then: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, 2, 1)
        self.then = then

    def forward(self, x: Tensor) -> Any:
        return self.then(self.first(x))


class Remembering(nn.Module):
    """What it gives depends on the frame before."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, 2, 1)
        self.before: Tensor
        self.register_buffer("before", torch.zeros(1, 8, SIZE[0] // 2, SIZE[1] // 2))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.first(x)
        mixed: Tensor = y + 0.5 * self.before
        self.before = y.detach()
        return mixed


class Writing(Remembering):
    """As before, in the buffer itself; and it counts its frames, in a buffer and in a plain number."""

    def __init__(self) -> None:
        super().__init__()
        self.count: Tensor
        self.register_buffer("count", torch.zeros(1))
        self.frames = 0

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.first(x)
        self.frames += 1
        self.count += 1
        return self.keep(y)

    def keep(self, y: Tensor) -> Tensor:
        mixed: Tensor = y + 0.5 * self.before
        self.before.copy_(y)
        return mixed


class Counting(Writing):
    def keep(self, y: Tensor) -> Tensor:
        return y


class NoContainer:
    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


def with_nan() -> nn.Module:
    network = Doing(F.relu)
    network.first.weight.data[0] = float("nan")
    return network


def failing_later() -> nn.Module:
    calls: list[Tensor] = []

    def twice(x: Tensor) -> Tensor:
        calls.append(x)
        if len(calls) > 2:
            raise RuntimeError("only twice\nand never again")
        return x

    return Doing(twice)


def with_sparse() -> nn.Module:
    network = Doing(F.relu)
    network.register_buffer("mask", torch.eye(3).to_sparse())
    return network


class Derived(Tensor):
    pass


def exported() -> Any:
    return torch.export.export(nn.Conv2d(3, 8, 3).eval(), (torch.zeros(1, 3, *SIZE),))


CAUSES: dict[str, tuple[Callable[[], Any], str]] = {
    "branch": (lambda: Doing(lambda x: x if x.sum() > 0 else -x), "looks at the value of a tensor"),
    "item": (lambda: Doing(lambda x: x * x.max().item()), "looks at the value of a tensor"),
    "random": (lambda: Doing(lambda x: x + torch.rand_like(x)), "draws random numbers"),
    "size": (lambda: Doing(lambda x: x[x > 0]), "size depends on the pixels"),
    "state": (Remembering, "is not a function of the frame alone"),
    "writes": (Writing, "writes into a tensor that it keeps"),
    "steps": (lambda: Doing(lambda x: torch.sign(torch.sin(200 * x))), "does it have steps"),
    "lazy": (lambda: nn.Sequential(nn.LazyConv2d(8, 3)), "call the model once"),
    "meta": (lambda: nn.Sequential(nn.Conv2d(3, 8, 3, device="meta")), "load the weights first"),
    "nan": (with_nan, "not finite"),
    "fails later": (failing_later, r"can't be converted \(RuntimeError: only twice\)"),
    "sparse": (with_sparse, "is sparse or nested"),
    "complex": (lambda: Doing(lambda x: torch.fft.rfft(x)), "complex"),
    "container": (lambda: Doing(NoContainer), "returns a NoContainer"),
    "constant": (lambda: Doing(lambda x: torch.ones(3)), "returns no tensor that depends on the frame"),
    "channels": (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(4, 8, 3)), "cannot be run"),
    "numpy": (lambda: Doing(lambda x: torch.from_numpy(x.numpy().copy())), "looks at the value of a tensor"),
    "numpy branch": (lambda: Doing(lambda x: x if np.asarray(x).max() > 9 else -x), "looks at the value of a tensor"),
    "list": (lambda: Doing(lambda x: x * x.amax((2, 3)).tolist()[0][0]), "looks at the value of a tensor"),
    "other library": (lambda: Doing(lambda x: np.from_dlpack(x) if x.dim() else x), "looks at the value of a tensor"),
    "function": (lambda: F.relu, r"must be a torch\.nn\.Module, not a function: wrap a function"),
    "exported": (exported, r"must be a torch\.nn\.Module, not a ExportedProgram: give its \.module\(\)"),
    "two of a name": (lambda: Doing(lambda x: {"a": {"b": x}, "a.b": -x}), "two outputs of the model are called a.b"),
    "derived": (lambda: Doing(lambda x: {"a": x, "b": x.as_subclass(Derived)}), "returns a Derived"),
}


@pytest.mark.parametrize("name", CAUSES)
def test_it_is_refused_by_cause(name: str) -> None:
    make, cause = CAUSES[name]
    with pytest.raises(VistreamError, match=cause) as caught:
        vistream.stream(make(), frames())
    assert "\n" not in str(caught.value)


def test_sums_that_32_bits_may_not_hold() -> None:
    """Every input at its largest level, times its largest weight, would come out with another sign."""
    linear = nn.Linear(210 * 220 * 3, 2)
    nn.init.constant_(linear.weight, 0.01)
    network = nn.Sequential(nn.Flatten(), linear)
    white = np.full((210, 220, 3), 255, np.uint8)
    with pytest.raises(VistreamError, match="more than 32 bits hold"):
        vistream.stream(network, [white, white // 2])


def test_the_module_stays_as_it_was() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    network[1].eval()
    network[2].register_forward_hook(lambda *_: None)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    vistream.stream(network, frames())
    assert [module.training for module in network.modules()] == [True, True, False, True]
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not network[0]._forward_hooks and len(network[2]._forward_hooks) == 1
    for remembering in (Remembering(), Writing()):
        with pytest.raises(VistreamError):
            vistream.stream(remembering, frames())
        assert float(remembering.before.abs().max()) == 0.0
    counting = Counting()
    vistream.stream(counting, frames())
    assert float(counting.count) == counting.frames == 0


FRAMES: dict[str, tuple[Any, str]] = {
    "none": ([], "at least one frame"),
    "float": ([frame.astype(np.float32) / 255 for frame in frames()], r"\(frame \* 255\)\.round"),
    "path": (["clip.mp4"], "read pictures and videos first"),
    "channels": (frames(channels=4), "with 3 channels"),
    "large": ([frame.astype(np.int64) * 2 for frame in frames()], "whole numbers from 0 to 255"),
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames_that_are_none(name: str) -> None:
    given, cause = FRAMES[name]
    with pytest.raises(VistreamError, match=cause):
        vistream.stream(Doing(F.relu), given)


@pytest.mark.parametrize(
    ("mean", "std", "cause"),
    [
        ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "multiply both by 255"),
        ((0, 0, 0), (0, 0, 0), "above 0"),
        (128, None, "give both"),
        ((128, 128), (64, 64), "2 numbers|2 channels"),
        ("grey", 64, "must be numbers"),
        (float("nan"), 64, "not finite"),
    ],
)
def test_means_that_are_none(mean: Any, std: Any, cause: str) -> None:
    with pytest.raises(VistreamError, match=cause):
        vistream.stream(Doing(F.relu), frames(), mean=mean, std=std)


def test_one_channel_wants_a_mean_of_its_own() -> None:
    grey = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
    with pytest.raises(VistreamError, match="1-channel"):
        vistream.stream(grey, frames(channels=1))
    for given in (frames(channels=1), [frame[:, :, 0] for frame in frames(channels=1)]):
        assert vistream.stream(grey, given, mean=128, std=64).step(given[0]).levels.shape == (30, 38, 4)


def test_any_layout_is_the_same_frame() -> None:
    network = Doing(F.relu).eval()
    first = frames()[0]
    expected = vistream.stream(network, frames()).step(first).levels
    layouts: dict[str, Any] = {
        "negative strides": np.ascontiguousarray(first[:, ::-1])[:, ::-1],
        "fortran": np.asfortranarray(first),
        "tensor": torch.from_numpy(first),
        "channels first": torch.from_numpy(first).permute(2, 0, 1),
        "batch": torch.from_numpy(first).permute(2, 0, 1)[None],
        "picture": Image.fromarray(first),
        "int64": first.astype(np.int64),
        "list": first.tolist(),
    }
    for name, layout in layouts.items():
        stream = vistream.stream(network, [layout, *frames()[1:]])
        assert torch.equal(stream.step(layout).levels, expected), name
    for several in (np.stack(frames()), torch.from_numpy(np.stack(frames())), iter(frames())):
        assert torch.equal(vistream.stream(network, several).step(first).levels, expected)
    assert vistream.stream(network, first).step(first).levels.shape == expected.shape
