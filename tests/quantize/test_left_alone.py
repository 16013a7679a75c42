"""A module that changes as it is called, in whatever it holds: afterwards it is what it was, and streams if it can."""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from squareclip import square_frames
from torch import Tensor, nn

import vistream
from vistream.engine.reference import Dense
from vistream.errors import VistreamError

FRAMES = square_frames((24, 32), 3)


class Lazy(nn.Module):
    """Two layers, and something that is put in place when it is called first."""

    def __init__(self, install: Callable[[Any], None]) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 8, 3, 1, 1), nn.Conv2d(8, 8, 3, 1, 1)
        self.install = install

    def forward(self, x: Tensor) -> Any:
        if "ready" not in self.__dict__:
            self.install(self)
            self.ready = True
        x = getattr(self, "extra", nn.Identity())(x)
        return self.last(torch.relu(self.first(x))) + getattr(self, "more", 0)


def add_hook(net: Any) -> None:
    net.first.register_forward_hook(lambda _module, _given, result: result * 1.5)


def add_pre_hook(net: Any) -> None:
    net.last.register_forward_pre_hook(lambda _module, given: (given[0] * 1.5,))


def change_hook(net: Any) -> None:
    """Those that there are go; another one comes."""
    net.first._forward_hooks.clear()
    add_hook(net)


def add_module(net: Any) -> None:
    torch.manual_seed(1)
    net.extra = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU())


def add_parameter(net: Any) -> None:
    net.more = nn.Parameter(torch.full((8, 1, 1), 0.5))


def add_buffer(net: Any) -> None:
    net.register_buffer("more", torch.full((8, 1, 1), 0.5), persistent=False)


def remove_module(net: Any) -> None:
    net.first = nn.Sequential(net.first, nn.ReLU())


INSTALLS = (add_hook, add_pre_hook, change_hook, add_module, add_parameter, add_buffer, remove_module)


def names(net: nn.Module) -> list[str]:
    """All that is registered, hooks included."""
    parts = net.named_modules()
    hooks = [f"{name}:{[*part._forward_hooks.values(), *part._forward_pre_hooks.values()]}" for name, part in parts]
    tensors = [name for name, _ in (*net.named_parameters(), *net.named_buffers())]
    return hooks + tensors + sorted(net.__dict__)


@pytest.mark.parametrize("install", INSTALLS, ids=lambda install: str(install.__name__))
def test_what_comes_with_the_first_call_is_streamed_and_gone_again(install: Callable[[Any], None]) -> None:
    torch.manual_seed(0)
    net = Lazy(install).eval()
    net.first.register_forward_hook(lambda _module, _given, result: result + 0.25)
    before = names(net)
    stream = vistream.stream(net, FRAMES, mean=118, std=58)
    assert names(net) == before
    found = stream.step(FRAMES[1]).values()
    for name, levels in Dense(stream.network).step(FRAMES[1]).items():
        assert torch.equal(stream.levels(name), levels), name
    with torch.no_grad():
        picture = torch.from_numpy((FRAMES[1].astype(np.float32) - 118) / 58).permute(2, 0, 1)[None]
        wanted = net(picture)[0].permute(1, 2, 0).numpy()
    assert np.sqrt(np.square(found - wanted).mean() / np.square(wanted).mean()) < 0.05


class Keeping(nn.Module):
    """Keeps something of each frame, and gives what does not depend on it."""

    def __init__(self, held: Any, keep: Callable[[Any, Tensor], object]) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, 2, 1)
        self.held, self.keep = held, keep

    def forward(self, x: Tensor) -> Any:
        y = self.first(x)
        self.keep(self.held, y)
        return y


class Memory:
    """A user's own container."""

    def __init__(self) -> None:
        self.last: Tensor | None = None
        self.all: list[Tensor] = []

    def take(self, y: Tensor) -> None:
        self.last = y
        self.all.append(y)


def in_itself() -> list[Any]:
    one: list[Any] = [1]
    one.append(one)
    return one


HELD: dict[str, tuple[Callable[[], Any], Callable[[Any, Tensor], object]]] = {
    "list": (lambda: [1, 2], lambda held, y: held.append(y)),
    "list in order": (lambda: [1, 2], lambda held, _: held.reverse()),
    "dict": (lambda: {"n": 0, "m": 1}, lambda held, y: held.update(n=held["n"] + 1, y=y)),
    "dict without": (lambda: {"n": 0, "m": 1}, lambda held, _: held.pop("n", None)),
    "ordered dict": (lambda: OrderedDict(a=1, b=2), lambda held, _: held.move_to_end("a")),
    "counter": (lambda: Counter("aab"), lambda held, _: held.update("ac")),
    "set": (lambda: {1, 2}, lambda held, y: held.add(y.shape[2] + len(held))),
    "deque": (lambda: deque([1, 2], maxlen=2), lambda held, y: held.append(y)),
    "nested": (lambda: {"a": [{"b": [1]}]}, lambda held, y: held["a"][0]["b"].append(y)),
    "in a tuple": (lambda: ([1], [2]), lambda held, y: held[1].append(y)),
    "object": (Memory, lambda held, y: held.take(y)),
    "namespace": (lambda: SimpleNamespace(all=[]), lambda held, y: held.all.append(y)),
    "object in a list": (lambda: [Memory()], lambda held, y: held[0].take(y)),
    "list in itself": (in_itself, lambda held, y: held.append(y)),
    "tensor": (lambda: torch.zeros(3), lambda held, _: held.add_(1)),
    "tensors": (lambda: [torch.zeros(3)], lambda held, _: held[0].add_(1)),
    "modules": (lambda: [nn.Identity()], lambda held, y: setattr(held[0], "last", y)),
}


def seen(held: Any, ancestors: tuple[int, ...] = ()) -> Any:
    """What it holds, in words."""
    if id(held) in ancestors:
        return "itself"
    ancestors = (*ancestors, id(held))
    if isinstance(held, Tensor):
        return held.tolist()
    if isinstance(held, dict):
        return [(key, seen(value, ancestors)) for key, value in held.items()]
    if isinstance(held, (list, tuple, deque)):
        return [seen(value, ancestors) for value in held]
    return seen(vars(held), ancestors) if hasattr(held, "__dict__") else repr(held)


@pytest.mark.parametrize("name", HELD)
def test_what_a_module_holds_is_as_before(name: str) -> None:
    make, keep = HELD[name]
    net = Keeping(make(), keep)
    held, before = net.held, seen(net.held)
    vistream.stream(net, FRAMES)
    assert net.held is held
    assert seen(held) == before


def test_what_a_refused_module_holds_is_as_before() -> None:
    def keep(held: Any, y: Tensor) -> None:
        held.append(y)
        y += sum(part.mean() for part in held)

    net = Keeping([], keep)
    with pytest.raises(VistreamError, match="is not a function of the frame alone"):
        vistream.stream(net, FRAMES)
    assert net.held == []


class Scaling(nn.Module):
    """Writes into the picture that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, 2, 1)

    def forward(self, x: Tensor) -> Any:
        x.mul_(0.5).add_(0.25)
        return self.first(x)


def test_a_module_may_write_into_the_picture() -> None:
    assert len(vistream.stream(Scaling(), FRAMES).step(FRAMES[0]).levels) == 12


@pytest.mark.filterwarnings("ignore:.torch.jit")
@pytest.mark.parametrize("train", [True, False])
def test_a_frozen_module_is_taken_though_it_has_no_mode(train: bool) -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    frozen = torch.jit.freeze(torch.jit.script(net.eval()))
    stream = vistream.stream(nn.Sequential(frozen, nn.Dropout()).train(train) if train else frozen, FRAMES)
    expected = vistream.stream(net, FRAMES).step(FRAMES[0]).values()
    np.testing.assert_allclose(stream.step(FRAMES[0]).values(), expected, atol=0.05 * expected.max())
