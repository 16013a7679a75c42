"""What a module holds, noted and put back: its attributes, and all that can be changed within them.

To call a module may change more than its buffers. Hooks, caches and parts that are made at the first call stand in
dictionaries and lists that the module's attributes only point to, in objects of its author's, and in one another.
"""

from __future__ import annotations

import sys
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

FOREIGN = {*sys.stdlib_module_names, "torch", "numpy"}
"""Packages whose objects, modules apart, are not looked into: what a module holds is its author's."""


class Held:
    """What `roots`, modules and tensors, hold when this is made; `restore` puts it back.

    That is modules, dictionaries, lists, sets, deques and objects of the author's classes, however nested, and the
    numbers of all tensors in them but parameters, whose memory a recorded graph shares. What other threads do to these
    meanwhile is undone, too.
    """

    def __init__(self, roots: Iterable[nn.Module | Tensor]) -> None:
        self._containers: dict[int, tuple[Any, list[Any]]] = {}  # by identity, with what is in them
        self._tensors: dict[int, tuple[Tensor, Tensor]] = {}  # by identity, with their numbers
        left: list[Any] = list(roots)
        while left:
            value = left.pop()
            if isinstance(value, Tensor):
                if id(value) not in self._tensors and _has_numbers(value):
                    self._tensors[id(value)] = value, value.detach().clone()
            elif isinstance(value, tuple):
                left.extend(value)
            elif isinstance(value, (dict, list, set, deque)):
                if id(value) not in self._containers:
                    self._containers[id(value)] = value, _inside(value)
                    left.extend(_inside(value))
            elif _is_author_s(value):
                left.append(value.__dict__)

    def restore(self) -> None:
        """Put back what was changed, in place and in its order."""
        for container, before in self._containers.values():
            now = _inside(container)
            if len(now) != len(before) or any(a is not b for a, b in zip(now, before, strict=True)):
                _fill(container, before)
        for tensor, numbers in self._tensors.values():
            if not torch.equal(tensor, numbers):
                tensor.copy_(numbers)


def _has_numbers(tensor: Tensor) -> bool:
    """Whether its numbers are noted: some tensors have none that could be copied."""
    return tensor.layout is torch.strided and not (
        tensor.is_nested or tensor.is_meta or isinstance(tensor, nn.Parameter)
    )


def _is_author_s(value: Any) -> bool:
    """Whether its attributes are looked at."""
    if isinstance(value, (nn.Module, SimpleNamespace)):
        return True
    foreign = isinstance(value, type) or type(value).__module__.partition(".")[0] in FOREIGN
    return not foreign and type(getattr(value, "__dict__", None)) is dict


def _inside(container: Any) -> list[Any]:
    """Its members; of a dictionary the keys, then the values."""
    return [*container.keys(), *container.values()] if isinstance(container, dict) else list(container)


def _fill(container: Any, members: Sequence[Any]) -> None:
    """Put them in the place of all others, by the kind's own methods: derived classes may forbid to be changed."""
    if isinstance(container, dict):
        kind, half = OrderedDict if isinstance(container, OrderedDict) else dict, len(members) // 2
        kind.clear(container)
        for key, value in zip(members[:half], members[half:], strict=True):
            kind.__setitem__(container, key, value)
    elif isinstance(container, set):
        set.clear(container)
        set.update(container, members)
    elif isinstance(container, deque):
        deque.clear(container)
        deque.extend(container, members)
    else:
        list.__setitem__(container, slice(None), members)
