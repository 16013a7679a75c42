"""Segment the pictures of a dataset and score that: the engine of `vistream eval --data` for semseg and panoptic.

Predictions stay, in the formats that `vistream eval --gt --pred` reads; what is finished is not run again.

    DIR/semseg/NAME/KEY.png, DIR/panoptic/NAME.json    DIR/TASK/finished/NAME.json, written last

For another fidelity than exact the folders are called DIR/semseg-float and so on; with 16 bits, DIR/semseg-int16.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vistream.atomic import replacing
from vistream.errors import VistreamError
from vistream.evaluate.datasets.benchmarks import benchmark
from vistream.evaluate.datasets.job import commit
from vistream.evaluate.datasets.labelled import Footage, find_footage
from vistream.evaluate.datasets.naming import class_table, unknown_classes
from vistream.evaluate.files.pairs import Pair
from vistream.evaluate.files.panoptic import panoptic_table
from vistream.evaluate.files.semseg import maps_table
from vistream.evaluate.metrics.flicker import Flicker, flicker, still_pixels
from vistream.evaluate.table import Table
from vistream.machine import cores, cpu_name
from vistream.media.formats.davis import write_labels
from vistream.media.formats.jsonfields import Fields
from vistream.media.formats.panoptic import PanopticWriter
from vistream.media.formats.text import read_json
from vistream.segment.inference import Inference
from vistream.segment.network import DEFAULT, load_network, segmentation_zones
from vistream.segment.segmenter import Segmenter
from vistream.types import Frame, Result

OnFrame = Callable[[int], None]
COST = ("Flicker", "FPS")
"""Columns: of pixels that stood still, the share that changed class, 0..1; pictures a second of the network."""


@dataclass(frozen=True, slots=True)
class SegmentationOrder:
    """What is to be run; predictions go below the folder `output`. `dataset`: whose rules hold, "" for the layout's.

    `fidelity`: float, which alone knows other inference than whole frames, or that of the stream of integers, whose
    weights have so many `bits`.
    """

    task: str
    output: Path
    model: str = DEFAULT
    dataset: str = ""
    how: Inference = field(default_factory=Inference)
    fidelity: str = "exact"
    bits: int = 8

    @property
    def folder(self) -> Path:
        parts = [self.task, *([self.fidelity] if self.fidelity != "exact" else [])]
        return self.output / "-".join([*parts, *([f"int{self.bits}"] if self.bits != 8 else [])])

    def segmenter(self) -> Segmenter:
        """Raises VistreamError where there is no such network or fidelity."""
        zones = segmentation_zones(self.fidelity)
        return Segmenter(load_network(self.model, self.task), self.task, self.how, zones, self.bits)


@dataclass(frozen=True, slots=True)
class _Done:
    """What a finished sequence cost, and how it was made."""

    settings: Mapping[str, str]
    made: Mapping[str, str]
    frames: int
    seconds: float
    flicker: Flicker


def evaluate_segmentation(
    order: SegmentationOrder,
    root: Path,
    sequences: tuple[str, ...] = (),
    max_frames: int | None = None,
    start: Callable[[int], OnFrame] = lambda frames: lambda done: None,
) -> Table:
    """Run `order` on what lies under `root` and fits the globs (none: all), of each the first `max_frames` pictures.

    `start` is told of the pictures in all, and gives what is to be told of those done. Raises VistreamError for
    whatever is not there, can't be read or does not fit.
    """
    found = _found(order, root, sequences, max_frames)
    return segment_and_score(order, order.segmenter(), found, max_frames, start(sum(map(len, found))))


def _found(order: SegmentationOrder, root: Path, sequences: tuple[str, ...], max_frames: int | None) -> list[Footage]:
    if order.task == "panoptic" and order.how != Inference():
        raise VistreamError("the task panoptic takes whole frames: windows and augmentation are for semseg")
    found = [footage.first(max_frames) for footage in find_footage(order.task, root, sequences, order.dataset)]
    datasets = sorted({footage.dataset for footage in found})
    if len(datasets) > 1:
        raise VistreamError(f"{root} holds {' and '.join(datasets)}: choose one, by its folder or with --sequences")
    return found


def segment_and_score(
    order: SegmentationOrder,
    segmenter: Segmenter,
    found: Sequence[Footage],
    max_frames: int | None = None,
    on_frame: OnFrame = lambda done: None,
) -> Table:
    """The same for what was found, with a network that is loaded. `max_frames`: to which `found` was cut."""
    done = {footage.name: _finished(footage, order, segmenter, on_frame) for footage in found}
    table = _scored(order, found, max_frames)
    if order.task == "semseg":
        table = replace(table, notes=(*table.notes, *_notes(segmenter, found[0].dataset)))
    return _with_cost(table, done)


def _notes(segmenter: Segmenter, dataset: str) -> list[str]:
    """What the network can't find, which counts against it."""
    unknown = unknown_classes(segmenter.classes.names, benchmark(dataset).class_set.names)
    return [f"the network does not know {', '.join(unknown)} ({len(unknown)} classes)"] if unknown else []


def _scored(order: SegmentationOrder, found: Sequence[Footage], max_frames: int | None) -> Table:
    if order.task == "panoptic":
        results = {f.name: order.folder / f"{f.name}.json" for f in found}
        pairs = [Pair(f.name, f.panoptic, results[f.name], most=max_frames) for f in found if f.panoptic is not None]
        return panoptic_table(pairs)
    guesses = {
        f.name: [(path, order.folder / f.name / f"{key}.png") for key, path in f.ground_truth.items()] for f in found
    }
    return maps_table(guesses, benchmark(found[0].dataset))


def _with_cost(table: Table, done: Mapping[str, _Done]) -> Table:
    def cost(parts: Sequence[_Done]) -> dict[str, float]:
        steady = sum((part.flicker for part in parts), Flicker()).share
        return dict(zip(COST, (steady, sum(p.frames for p in parts) / sum(p.seconds for p in parts)), strict=True))

    rows = {name: {**row, **cost([done[name]])} for name, row in table.rows.items()}
    combined = None if table.combined is None else {**table.combined, **cost(list(done.values()))}
    about = dict(next(iter(done.values())).made)
    return replace(table, rows=rows, combined=combined, headline=(*table.headline, *COST), about=about)


def _finished(footage: Footage, order: SegmentationOrder, segmenter: Segmenter, on_frame: OnFrame) -> _Done:
    """What is there already, made with the same settings; else run it."""
    fidelity = "" if segmenter.zones is None else f", {order.fidelity}"
    model = f"{order.model}, weights {segmenter.network.sha256[:12]} ({segmenter.made_with}{fidelity})"
    made = {"model": model, "inference": str(order.how)}
    settings = {**made, "dataset": footage.dataset, "pictures": str(footage.most), "source": str(footage.video or "")}
    settings["source"] = settings["source"] or str(next(iter((footage.pictures or {}).values()), ""))
    made |= {"commit": commit(), "CPU": f"{cpu_name()}, {cores()} cores"}
    marker = order.folder / "finished" / f"{footage.name}.json"
    before = _read(marker)
    if before is not None and before.settings == settings:
        on_frame(before.frames)
        return before
    marker.unlink(missing_ok=True)
    frames, seconds, steady = _run(footage, order, segmenter, on_frame)
    done = _Done(settings, made, frames, seconds, steady)
    marker.parent.mkdir(exist_ok=True)
    values = {"settings": settings, "made": made, "frames": frames, "seconds": seconds}
    values |= {"changed": steady.changed, "still": steady.still}
    with replacing(marker) as temporary:
        temporary.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8", newline="\n")
    return done


def _read(marker: Path) -> _Done | None:
    if not marker.is_file():
        return None
    fields = Fields(read_json(marker), str(marker))
    words = [{str(k): str(v) for k, v in dict(fields.get(name)).items()} for name in ("settings", "made")]
    steady = Flicker(fields.whole("changed"), fields.whole("still"))
    return _Done(words[0], words[1], fields.whole("frames"), fields.number("seconds"), steady)


def _run(
    footage: Footage, order: SegmentationOrder, segmenter: Segmenter, on_frame: OnFrame
) -> tuple[int, float, Flicker]:
    """Frames, seconds of the network, and how steady its maps were."""
    order.folder.mkdir(parents=True, exist_ok=True)
    names = None if order.task == "panoptic" else benchmark(footage.dataset).class_set.names
    table = None if names is None else class_table(segmenter.classes.names, names)
    count, seconds, steady = 0, 0.0, Flicker()
    before: tuple[Frame, NDArray[np.uint8]] | None = None
    with ExitStack() as stack:
        write = _writer(footage, order, segmenter, stack)
        segmenter.reset()
        for count, (key, frame) in enumerate(footage.frames(), start=1):
            began = time.perf_counter()
            if not footage.consecutive:
                segmenter.reset()
            found = segmenter.step(frame)
            seconds += time.perf_counter() - began
            labels = found.class_map.labels
            if table is not None:
                labels = table[labels]
                found = replace(found, class_map=replace(found.class_map, labels=labels))
            if footage.consecutive and before is not None:
                steady += flicker(before[1], labels, still_pixels(before[0], frame))
            before = (frame, labels)
            write(key, found.result(count - 1, 0.0))
            on_frame(1)
    return count, seconds, steady


def _writer(
    footage: Footage, order: SegmentationOrder, segmenter: Segmenter, stack: ExitStack
) -> Callable[[str, Result], None]:
    """What keeps the prediction for a picture, given its key and result."""
    if footage.panoptic is not None:
        keys = tuple(footage.pictures or ())
        segments = PanopticWriter(order.folder / f"{footage.name}.json", segmenter.classes, keys)
        stack.enter_context(segments)
        return lambda key, result: segments.write(result)
    folder, palette = order.folder / footage.name, benchmark(footage.dataset).class_set.palette
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()

    def write(key: str, result: Result) -> None:
        if key in footage.ground_truth and result.class_map is not None:
            write_labels(folder / f"{key}.png", result.class_map.labels, palette)

    return write
