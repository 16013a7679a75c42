"""One training run, from its configuration to its weights: alone, or as one of torchrun's processes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from vistream.errors import VistreamError
from vistream.models.classes import class_set
from vistream.models.spike2former import load, save
from vistream.models.spike2former.head import Predictions
from vistream.models.spike2former.loading import load_backbone
from vistream.models.spike2former.model import Spike2Former
from vistream.storage.claim import claimed
from vistream.storage.names import FileName
from vistream.train.config import ScheduleConfig, TrainConfig
from vistream.train.data import batches
from vistream.train.initial import initialise
from vistream.train.log import Log
from vistream.train.losses import Losses, losses
from vistream.train.optimiser import make_optimiser, rate_factor
from vistream.train.pairs import Pair, check_sizes, find_pairs
from vistream.train.processes import Processes
from vistream.train.state import State, differences, read_state, write_state
from vistream.train.validation import Asking, never, validate

log = logging.getLogger("vistream")

WEIGHTS, BEST, STATE, TABLE = "last.safetensors", "best.safetensors", "state.pt", "log.csv"
LOGGED_EVERY = 20


@dataclass(frozen=True, slots=True)
class Start:
    """What a run starts from: nothing, ImageNet's backbone, the weights of a whole network, or its own last state."""

    backbone: Path | None = None
    weights: str | None = None
    resume: bool = False


class _Rows(nn.Module):
    """All rows of queries, as `DistributedDataParallel` wants a forward: plain tensors."""

    def __init__(self, model: Spike2Former) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        rows = self.model.all_rows(images)
        return [row.classes for row in rows], [row.masks for row in rows]


class Trainer:
    """The network, its optimiser and how far they have come."""

    def __init__(self, config: TrainConfig, start: Start, processes: Processes) -> None:
        self.config, self.processes = config, processes
        torch.manual_seed(config.schedule.seed)
        self.model = make_model(config, start).to(processes.device).train().requires_grad_(True)
        cuda = processes.device.type == "cuda"
        rows: nn.Module = _Rows(self.model)
        if processes.count > 1:
            if cuda:
                rows = nn.SyncBatchNorm.convert_sync_batchnorm(rows)  # type: ignore[no-untyped-call]
            rows = DistributedDataParallel(rows, [processes.device] if cuda else None)
        self.rows = rows
        self.optimiser = make_optimiser(self.model, config.optimiser, fused=cuda)
        self.rates = [group["lr"] for group in self.optimiser.param_groups]
        self.state = State()
        precision = config.schedule.precision
        if precision != "float32" and not cuda and processes.first:
            log.warning("schedule.precision: %s is for CUDA; this CPU trains in float32", precision)
        self.scaler = torch.amp.GradScaler(processes.device.type, enabled=precision == "float16" and cuda)
        self.autocast = torch.autocast(
            processes.device.type, getattr(torch, precision), enabled=precision != "float32" and cuda
        )

    def step(self, images: Tensor, labels: Tensor) -> Losses:
        """One iteration."""
        factor = rate_factor(self.state.iteration, self.config.schedule)
        for group, rate in zip(self.optimiser.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        device = self.processes.device
        images, labels = images.to(device, non_blocking=True), labels.to(device, non_blocking=True)
        with self.autocast:
            classes, masks = self.rows(images)
        self._check_finite((*classes, *masks))
        predicted = [Predictions(*row) for row in zip(classes, masks, strict=True)]
        found = losses(predicted, labels, self.config.loss, self.processes.count, self._generator())
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(found.total).backward()  # type: ignore[no-untyped-call]
        self.scaler.unscale_(self.optimiser)
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.optimiser.clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.state.iteration += 1
        return found

    def _check_finite(self, tensors: Iterable[Tensor]) -> None:
        """Raise VistreamError where the run has come apart: no weights that follow from it are worth keeping."""
        if not all(bool(tensor.isfinite().all()) for tensor in tensors):
            raise VistreamError(
                f"iteration {self.state.iteration}: the network no longer gives finite numbers: lower optimiser.rate "
                "or optimiser.clip, or warm up for longer (schedule.warmup). What was saved before is sound"
            )

    def save(self, output: Path) -> None:
        """The weights, and what a run goes on from."""
        self._check_finite(self.model.parameters())
        save(self.model, output / WEIGHTS, torch.float16)
        write_state(output / STATE, self.model, self.optimiser, self.state, asdict(self.config))

    def _generator(self) -> torch.Generator:
        """Random numbers of this iteration and process: a resumed run draws the same."""
        turn = self.state.iteration * self.processes.count + self.processes.rank
        seed = np.random.SeedSequence([self.config.schedule.seed, turn]).generate_state(1, np.uint64)[0]
        return torch.Generator(self.processes.device).manual_seed(int(seed >> np.uint64(1)))


def make_model(config: TrainConfig, start: Start) -> Spike2Former:
    """The network to train; raises VistreamError where the weights to start from do not fit."""
    profile = config.profile()
    if start.weights is not None:
        model = load(start.weights)
        if model.class_set.names != class_set(config.data.labels).names:
            raise VistreamError(f"{start.weights}: its classes are not those of {config.data.labels}")
        if model.sizes.head != config.network.head:
            raise VistreamError(f"{start.weights}: its head is {model.sizes.head}, not {config.network.head}")
        return model
    model = Spike2Former(config.network.sizes(len(class_set(config.data.labels))), profile)
    initialise(model, config.network.gamma)
    if start.backbone is not None:
        for note in load_backbone(start.backbone, model.backbone):
            log.info("%s: %s", start.backbone, note)
    return model


def train(
    config: TrainConfig,
    data: Path,
    output: Path,
    start: Start,
    processes: Processes,
    told: Callable[[str], None],
    *,
    overwrite: bool = False,
    stopped: Asking = never,
) -> float | None:
    """Train to the end; the best mIoU or PQ, 0..1, or None where nothing was validated.

    `data`: the folder that the configuration's paths lie under. In `output` there are afterwards the weights of the
    last and of the best iteration, the state to resume from, and a table of losses. `told` hears of progress.
    `overwrite`: replace files there that no earlier run wrote. `stopped` is asked whether to end: then the present
    iteration is done and saved; a validation is broken off, and made when the run goes on.
    Raises VistreamError for data that does not fit, before the first iteration where sizes and names show it, and for
    files in `output` that are not of an earlier run.
    """
    if config.schedule.batch % processes.count:
        raise VistreamError(f"a batch of {config.schedule.batch} can't be shared by {processes.count} processes")
    pairs, held = find_pairs(data, config.data.train), find_pairs(data, config.data.validation)
    check_sizes(held)  # those to train on are soon read, these only when hours are spent
    trainer = Trainer(config, start, processes)
    if start.resume:
        before = read_state(output / STATE, trainer.model, trainer.optimiser, trainer.state, processes.device)
        for difference in differences(before, asdict(config)):
            told(f"not as before: {difference}")
        told(f"resumed at iteration {trainer.state.iteration}")
        if trainer.state.iteration >= config.schedule.iterations:
            told(f"nothing to do: it has its {config.schedule.iterations} iterations")
    names = [FileName("in --output", output / name, written=True) for name in (WEIGHTS, BEST, STATE, TABLE)]
    claim = claimed(names, "by another training run", overwrite=overwrite or start.resume)
    with claim if processes.first else nullcontext():
        _run(trainer, pairs, held, output, told, stopped)
    return trainer.state.best


def _run(
    trainer: Trainer,
    pairs: tuple[Pair, ...],
    held: tuple[Pair, ...],
    output: Path,
    told: Callable[[str], None],
    stopped: Asking,
) -> None:
    """All iterations that are left, with what is saved and said in between."""
    processes, schedule, state = trainer.processes, trainer.config.schedule, trainer.state
    table = Log(output / TABLE, state.iteration) if processes.first else None
    if table is not None and state.validated < state.iteration and _due(state.iteration, schedule):
        _validate(trainer, held, output, table, told, stopped)  # that broke off
        trainer.save(output)
    began, seen = time.monotonic(), state.iteration
    for images, labels in batches(pairs, trainer.config, seen, processes.rank, processes.count):
        if processes.any(stopped()):
            if table is not None:
                trainer.save(output)
                log.warning("stopped at iteration %d of %d; go on with --resume", state.iteration, schedule.iterations)
            return
        found = trainer.step(images, labels)
        number, last = state.iteration, state.iteration == schedule.iterations
        if table is None:
            continue  # the others wait at the next exchange of gradients
        if number % LOGGED_EVERY == 0 or last:
            pace = (time.monotonic() - began) / (number - seen)
            table.losses(number, trainer.optimiser.param_groups[-1]["lr"], found, pace)
            loss, left = float(found.total.detach()), pace * (schedule.iterations - number)
            told(f"{number}/{schedule.iterations}: loss {loss:.3f}, {pace:.3f} s each, {left:.0f} s left")
        try:
            if _due(number, schedule):
                _validate(trainer, held, output, table, told, stopped)
        finally:  # hours of training outlast a picture that can't be read
            if number % schedule.save_every == 0 or last:
                trainer.save(output)


def _due(iteration: int, schedule: ScheduleConfig) -> bool:
    return iteration % schedule.validate_every == 0 or iteration == schedule.iterations


def _validate(
    trainer: Trainer,
    held: tuple[Pair, ...],
    output: Path,
    table: Log,
    told: Callable[[str], None],
    stopped: Asking,
) -> None:
    trainer.model.eval()
    result = validate(trainer.model, held, trainer.config, stopped)
    trainer.model.train()
    if result is None:
        return
    state = trainer.state
    table.validation(state.iteration, trainer.config.measure, result.mean)
    classes = ", ".join(f"{name} {value:.2f}" for name, value in result.by_class.items())
    told(f"iteration {state.iteration}: {trainer.config.measure} {result.mean:.3f} ({classes})")
    state.validated = state.iteration
    if state.best is None or result.mean > state.best:
        state.best = result.mean
        save(trainer.model, output / BEST, torch.float16)
