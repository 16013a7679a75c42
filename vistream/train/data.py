"""Labelled pictures in folders, in an order and with changes that follow from the seed alone.

Sample n of a run is picture `n mod N` of a shuffle of its own for every pass, changed by random numbers that belong to
n: neither the number of processes and workers nor a resumed run makes a difference.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from vistream.errors import VistreamError
from vistream.train.augment import augmented
from vistream.train.config import ScheduleConfig, TrainConfig
from vistream.train.pairs import Pair, read_pair

Sample = tuple[Tensor, Tensor]


class Samples(Dataset[Sample]):
    """Sample n of a run, n from 0 without end: float32 `[3, h, w]` and labels `[h, w]`, see `pairs.Labels`."""

    def __init__(self, pairs: tuple[Pair, ...], config: TrainConfig) -> None:
        self.pairs, self.config = pairs, config

    def __getitem__(self, n: int) -> Sample:
        cv2.setNumThreads(1)
        schedule, augment = self.config.schedule, self.config.augment
        turn, place = divmod(n, len(self.pairs))
        pair = self.pairs[int(np.random.default_rng([schedule.seed, 1, turn]).permutation(len(self.pairs))[place])]
        batch = np.random.default_rng([schedule.seed, 2, n // schedule.batch])
        crop = augment.crops[int(batch.integers(len(augment.crops)))]
        image, labels = read_pair(pair, self.config.data)
        rng = np.random.default_rng([schedule.seed, 3, n])
        picture, marked = augmented(image, labels, crop, rng, augment)
        return torch.from_numpy(picture), torch.from_numpy(marked)


class _Told(Dataset[Sample | VistreamError]):
    """The samples, or what is wrong with one: an exception would come out of a worker wrapped in its traceback."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def __getitem__(self, n: int) -> Sample | VistreamError:
        try:
            return self._samples[n]
        except VistreamError as error:
            return error


def _together(samples: list[Sample | VistreamError]) -> Sample | VistreamError:
    for sample in samples:
        if isinstance(sample, VistreamError):
            return sample
    return default_collate(samples)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Which samples make up each batch of this process."""

    schedule: ScheduleConfig
    first: int
    rank: int
    processes: int

    def __iter__(self) -> Iterator[list[int]]:
        share = self.schedule.batch // self.processes
        for iteration in range(self.first, self.schedule.iterations):
            start = iteration * self.schedule.batch + self.rank * share
            yield list(range(start, start + share))


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes that begin here do not hear a Ctrl-C, which a terminal sends to all: this one ends them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # as it begins it lets this process hear again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def batches(pairs: tuple[Pair, ...], config: TrainConfig, first: int, rank: int, processes: int) -> Iterator[Sample]:
    """Of this process, from iteration `first` to the last: `[b, 3, h, w]` and `[b, h, w]`."""
    workers = config.schedule.workers
    loader = DataLoader(
        _Told(Samples(pairs, config)),
        batch_sampler=_Numbers(config.schedule, first, rank, processes),
        num_workers=workers,
        collate_fn=_together,
        pin_memory=torch.cuda.is_available(),
        multiprocessing_context="spawn" if workers else None,
    )
    with _deaf():
        made = iter(loader)
    for batch in made:
        if isinstance(batch, VistreamError):
            raise batch
        yield batch
