"""What a run needs to go on as if it had never stopped: weights, the optimiser's moments, how far it came."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vistream.atomic import replacing
from vistream.errors import VistreamError


@dataclass(slots=True)
class State:
    """`iteration`: how many are done; `validated`: after how many last; `best`: the best mIoU or PQ so far, 0..1."""

    iteration: int = 0
    validated: int = 0
    best: float | None = None


def write_state(
    path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, state: State, config: Mapping[str, Any]
) -> None:
    """Whole or not at all. `config`: what the run was told, for whoever goes on with it."""
    content = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "config": config, **asdict(state)}
    with replacing(path) as temporary:
        torch.save(content, temporary)


def read_state(
    path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, state: State, device: torch.device
) -> Mapping[str, Any]:
    """Into the model, the optimiser and the state; what the run was told, empty in files of earlier versions.

    Raises VistreamError where the file is not of this network.
    """
    if not path.is_file():
        raise VistreamError(f"{path}: there is nothing to resume; leave --resume out")
    try:
        content = torch.load(path, map_location=device, weights_only=True)
        model.load_state_dict(content["model"])
        optimiser.load_state_dict(content["optimiser"])
        state.iteration, state.best = int(content["iteration"]), content["best"]
        state.validated = int(content.get("validated", state.iteration))  # earlier versions did not say
        config: Mapping[str, Any] = content.get("config", {})
    except Exception as error:  # a damaged archive fails in any way it likes
        reason = textwrap.shorten(str(error).partition("\n")[0] or type(error).__name__, 120, placeholder=" ...")
        raise VistreamError(f"{path}: is no state of this run ({reason})") from None
    return config


def differences(before: Mapping[str, Any], now: Mapping[str, Any], place: str = "") -> Iterator[str]:
    """What one run was told otherwise than another.

    >>> list(differences({"schedule": {"batch": 8, "seed": 0}}, {"schedule": {"batch": 4, "seed": 0}, "new": 1}))
    ['schedule.batch was 8, is 4']
    """
    for key in (key for key in now if key in before):
        was, value = before[key], now[key]
        if isinstance(value, Mapping) and isinstance(was, Mapping):
            yield from differences(was, value, f"{place}{key}.")
        elif was != value:
            yield f"{place}{key} was {was}, is {value}"
