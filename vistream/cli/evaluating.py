"""What `vistream eval` checks, shows while a dataset is run, and leaves."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import TimeRemainingColumn

from vistream.cli.console import PlainConsole, progress_bar
from vistream.cli.options import names_in
from vistream.errors import VistreamError
from vistream.evaluate.datasets.dataset import OnFrame, evaluate_dataset
from vistream.evaluate.datasets.job import Order
from vistream.evaluate.datasets.methods import BASELINES
from vistream.evaluate.datasets.observed import DEFAULTS
from vistream.evaluate.datasets.segmenting import SegmentationOrder, evaluate_segmentation
from vistream.evaluate.files.score import check_classes, evaluate_files
from vistream.evaluate.table import Table, save_tables
from vistream.models.spike2former.integer import BITS
from vistream.pipeline.tasks import AUTO, check_task
from vistream.segment.inference import Inference
from vistream.segment.network import DEFAULT as DEFAULT_SEGMENTATION
from vistream.segment.network import FLOAT, check_bits, segmentation_zones
from vistream.segment.network import TASKS as SEGMENTING

DEFAULT_FIDELITY = "exact"

log = logging.getLogger("vistream")


@dataclass(frozen=True, slots=True)
class DatasetOptions:
    """The options of a dataset run, as the command line has them; lists are separated by commas.

    To finished results that are scored `sequences`, `classes`, `max_frames` and `first_frame` alone say something.
    """

    task: str
    detections: str
    model: str
    fidelity: str
    baselines: bool
    classes: str
    sequences: str
    max_frames: int | None
    output: Path | None
    jobs: int
    first_frame: int

    def idle(self) -> dict[str, bool]:
        """Which of the options that are only for running a dataset are given, by name."""
        return {
            "--detections": bool(self.detections),
            "--model": self.model != AUTO,
            "--fidelity": self.fidelity != DEFAULT_FIDELITY,
            "--baselines": self.baselines,
            "--output": self.output is not None,
            "--jobs": self.jobs != 1,
        }


@dataclass(frozen=True, slots=True)
class SegmentationOptions:
    """The options that the tasks semseg and panoptic alone have."""

    dataset: str
    window: int | None
    augment: bool
    bits: int

    def idle(self) -> dict[str, bool]:
        """Which of those that are only for running a network are given, by name."""
        return {"--window": self.window is not None, "--augment": self.augment, "--bits": self.bits != BITS[0]}

    def check(self, task: str) -> None:
        """Raise VistreamError where one is given that the task can't use."""
        given = {"--dataset": self.dataset, "--window": self.window, "--augment": self.augment}
        wrong = [name for name, value in given.items() if value and task != "semseg"]
        if wrong:
            raise VistreamError(f"{wrong[0]} is for the task semseg, not {task}")
        check_bits(task, self.bits)


def check_files(wanted: Mapping[str, Path | None]) -> None:
    """Raise VistreamError where a file does not end as it should, by ending."""
    for suffix, path in wanted.items():
        if path is not None and path.suffix != suffix:
            raise VistreamError(f"{path}: give a name that ends in {suffix}")


def evaluate_pair(
    options: DatasetOptions, gt: Path | None, pred: Path | None, segmentation: SegmentationOptions
) -> Table:
    """Score finished results; raises VistreamError where one of the two is missing, or an option would do nothing."""
    if gt is None or pred is None:
        raise VistreamError("give --gt and --pred to score finished results, or --data to run the tracker")
    idle = [name for name, given in {**options.idle(), **segmentation.idle()}.items() if given]
    if idle:
        raise VistreamError(f"{idle[0]} is for --data: --gt and --pred score results that are finished")
    if options.first_frame != 1 and options.task != "mots":
        raise VistreamError(f"--first-frame is for the task mots, not {options.task}")
    sequences, classes = names_in(options.sequences), names_in(options.classes)
    rules, most = segmentation.dataset, options.max_frames
    return evaluate_files(options.task, gt, pred, options.first_frame, rules, sequences, classes, most)


def evaluate_dataset_tables(
    options: DatasetOptions,
    data: Path,
    gt: Path | None,
    pred: Path | None,
    segmentation: SegmentationOptions,
    *,
    quiet: bool,
) -> list[Table]:
    """Run the tracker over a dataset, with a progress bar; a table a fidelity and baseline. Or segment its pictures."""
    if gt is not None or pred is not None:
        raise VistreamError("--data runs the tracker, --gt and --pred score finished results: give one or the other")
    task = check_task(options.task)
    if options.first_frame != 1:
        raise VistreamError("--first-frame is for --gt and --pred: the sequences of a dataset tell it")
    if options.classes:
        check_classes(task)
    extra = BASELINES.get(task, ()) if options.baselines else ()
    if options.baselines and not extra:
        raise VistreamError(f"the task {task} has no baselines: {' and '.join(BASELINES)} have")
    if task in SEGMENTING:
        return _segmentation_tables(options, data, segmentation, quiet=quiet)
    sequences = names_in(options.sequences)
    with ExitStack() as stack:
        output = options.output or Path(stack.enter_context(TemporaryDirectory(prefix="vistream-eval-")))
        order = Order(
            task,
            options.detections or DEFAULTS[task],
            output,
            (*extra, *names_in(options.fidelity)),
            options.model,
            names_in(options.classes),
        )
        progress = stack.enter_context(progress_bar(quiet, TimeRemainingColumn()))

        def start(frames: int) -> OnFrame:
            bar = progress.add_task(f"{task}, {order.detections}", total=frames)
            return lambda done: progress.advance(bar, done)

        tables = evaluate_dataset(order, data, sequences, options.jobs, options.max_frames, start)
    return list(tables.values())


def _segmentation_tables(options: DatasetOptions, data: Path, how: SegmentationOptions, *, quiet: bool) -> list[Table]:
    if options.detections:
        raise VistreamError(f"--detections is for the tasks that track, not {options.task}")
    inference, fidelities = Inference(how.window, how.augment), names_in(options.fidelity)
    if inference != Inference() and fidelities != (FLOAT,):
        log.info("windows and augmentation are for the network in float (--fidelity float), which runs instead")
        fidelities = (FLOAT,)
    for fidelity in fidelities:
        segmentation_zones(fidelity)
    if options.jobs > 1:
        log.info("the task %s runs in one process, whose network takes all processors", options.task)
    with ExitStack() as stack:
        output = options.output or Path(stack.enter_context(TemporaryDirectory(prefix="vistream-eval-")))
        model = DEFAULT_SEGMENTATION if options.model == AUTO else options.model
        progress = stack.enter_context(progress_bar(quiet, TimeRemainingColumn()))
        tables: list[Table] = []
        for fidelity in fidelities:
            order = SegmentationOrder(options.task, output, model, how.dataset, inference, fidelity, how.bits)

            def start(frames: int, title: str = f"{options.task}, {fidelity}") -> OnFrame:
                bar = progress.add_task(title, total=frames)
                return lambda done: progress.advance(bar, done)

            sequences = names_in(options.sequences)
            tables.append(evaluate_segmentation(order, data, sequences, options.max_frames, start))
        return tables


def report(tables: Sequence[Table], json: Path | None, csv: Path | None, *, quiet: bool) -> None:
    """Print the tables, and write them where that is wanted."""
    console = PlainConsole(quiet=quiet)
    if not console.is_terminal:
        console.width = max(console.width, 120)  # a file has room for names
    for table in tables:
        console.print(table)
    for path in (json, csv):
        if path is not None:
            save_tables(tables, path)
