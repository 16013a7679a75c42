"""Labelled pictures in folders, in an order and with changes that follow from the seed alone.

Sample n of a run is picture `n mod N` of a shuffle of its own for every pass, changed by random numbers that belong to
n: neither the number of processes and workers nor a resumed run makes a difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from vistream.errors import VistreamError
from vistream.models.classes import VOID, class_set
from vistream.train.augment import Labels, augmented
from vistream.train.config import FolderConfig, ScheduleConfig, TrainConfig
from vistream.types import Frame


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture and its label map."""

    image: Path
    labels: Path


def find_pairs(root: Path, folder: FolderConfig) -> tuple[Pair, ...]:
    """All pairs of a folder, by name; raises VistreamError where there are none, or a label map is missing."""
    images, labels = root / folder.images, root / folder.labels
    if folder.names is not None:
        listing = root / folder.names
        if not listing.is_file():
            raise VistreamError(f"{listing}: the list of pictures is not there")
        names = listing.read_text(encoding="utf-8").split()
    else:
        found = sorted(images.rglob(f"*{folder.images_end}"))
        names = [str(path.relative_to(images)).removesuffix(folder.images_end) for path in found]
    pairs = tuple(Pair(images / f"{name}{folder.images_end}", labels / f"{name}{folder.labels_end}") for name in names)
    if not pairs:
        raise VistreamError(f"{images}: there are no pictures *{folder.images_end}")
    missing = next((path for pair in pairs for path in (pair.image, pair.labels) if not path.is_file()), None)
    if missing is not None:
        raise VistreamError(f"{missing}: is missing, though its partner is there")
    return pairs


def read_pair(pair: Pair, config: TrainConfig) -> tuple[Frame, Labels]:
    """The picture, uint8 RGB `[H, W, 3]`, and its labels `[H, W]`, void where they are none of the classes."""
    read = cv2.imread(str(pair.image), cv2.IMREAD_COLOR)
    if read is None:
        raise VistreamError(f"{pair.image}: can't be read as a picture")
    image = cv2.cvtColor(read, cv2.COLOR_BGR2RGB)
    labels = _indices(pair.labels)
    if labels.shape != image.shape[:2]:
        raise VistreamError(f"{pair.labels}: is of another size than {pair.image.name}")
    if config.data.reduce_zero_label:
        labels = labels - 1  # 0 becomes 255, void
    labels[labels >= len(class_set(config.data.labels))] = VOID
    return np.asarray(image, np.uint8), labels


def _indices(path: Path) -> Labels:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            labels = np.array(picture)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise VistreamError(f"{path}: can't be read as a label map ({error})") from None
    if labels.ndim != 2 or labels.dtype != np.uint8:
        raise VistreamError(f"{path}: is no map of 8-bit labels, one a pixel")
    return labels


class Samples(Dataset[tuple[Tensor, Tensor]]):
    """Sample n of a run, n from 0 without end: float32 `[3, h, w]` and uint8 `[h, w]`."""

    def __init__(self, pairs: tuple[Pair, ...], config: TrainConfig) -> None:
        self.pairs, self.config = pairs, config

    def __getitem__(self, n: int) -> tuple[Tensor, Tensor]:
        cv2.setNumThreads(1)
        schedule, augment = self.config.schedule, self.config.augment
        turn, place = divmod(n, len(self.pairs))
        pair = self.pairs[int(np.random.default_rng([schedule.seed, 1, turn]).permutation(len(self.pairs))[place])]
        batch = np.random.default_rng([schedule.seed, 2, n // schedule.batch])
        crop = augment.crops[int(batch.integers(len(augment.crops)))]
        image, labels = read_pair(pair, self.config)
        rng = np.random.default_rng([schedule.seed, 3, n])
        picture, marked = augmented(image, labels, crop, rng, augment)
        return torch.from_numpy(picture), torch.from_numpy(marked)


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


def batches(
    pairs: tuple[Pair, ...], config: TrainConfig, first: int, rank: int, processes: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Of this process, from iteration `first` to the last: `[b, 3, h, w]` and `[b, h, w]`."""
    workers = config.schedule.workers
    loader = DataLoader(
        Samples(pairs, config),
        batch_sampler=_Numbers(config.schedule, first, rank, processes),
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        multiprocessing_context="spawn" if workers else None,
    )
    return iter(loader)
