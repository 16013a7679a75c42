"""This process among those that train together: `torchrun` tells its number and theirs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from vistream.errors import VistreamError


@dataclass(frozen=True, slots=True)
class Processes:
    """`rank` of this one among `count`; `device`: its own."""

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.rank == 0

    def any(self, mine: bool) -> bool:
        """Whether it is so in one of them: all have to ask."""
        if self.count == 1:
            return mine
        flag = torch.tensor(int(mine), device=self.device)
        torch.distributed.all_reduce(flag, torch.distributed.ReduceOp.MAX)
        return bool(flag.item())


@contextmanager
def joined(device: str) -> Iterator[Processes]:
    """Join the others, if there are any. `device`: auto, cpu or cuda."""
    if device not in ("auto", "cpu", "cuda"):
        raise VistreamError(f"--device {device}: it is auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise VistreamError("--device cuda: torch finds no CUDA device here; take --device cpu")
    cuda = torch.cuda.is_available() if device == "auto" else device == "cuda"
    count, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    own = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(own)
    if count == 1:
        yield Processes(0, 1, own)
        return
    torch.distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Processes(rank, count, own)
    finally:
        torch.distributed.destroy_process_group()
