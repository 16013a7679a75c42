"""Run the tracker over a dataset and score it: the engine of `vistream eval --data`.

Clips are run in one process or several; what is finished already stays. The scores are those of the result files.
"""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import Empty, Queue

from vistream.errors import VistreamError
from vistream.evaluate.datasets.clips import Clip, find_clips
from vistream.evaluate.datasets.cut import cut_clip
from vistream.evaluate.datasets.ground_truth import object_boxes
from vistream.evaluate.datasets.job import Order, run_clip
from vistream.evaluate.datasets.methods import check_methods
from vistream.evaluate.datasets.observed import check_detections
from vistream.evaluate.datasets.store import Finished, object_path, read_finished, result_path
from vistream.evaluate.files.mot import mot_table
from vistream.evaluate.files.mots import mots_table
from vistream.evaluate.files.pairs import Pair
from vistream.evaluate.files.pose import pose_table
from vistream.evaluate.files.sot import sot_objects_table
from vistream.evaluate.files.vos import vos_table
from vistream.evaluate.metrics.sot import SotScores, sot_scores
from vistream.evaluate.table import Row, Table
from vistream.machine import cores
from vistream.media.formats.otb import read_otb
from vistream.pipeline.tasks import check_task

OnFrame = Callable[[int], None]
COST = ("Work", "FPS")
"""Columns: the share of the dense work that was done, 0..1, and frames a second of network and tracking."""


def evaluate_dataset(
    order: Order,
    root: Path,
    sequences: tuple[str, ...] = (),
    jobs: int = 1,
    max_frames: int | None = None,
    start: Callable[[int], OnFrame] = lambda frames: lambda done: None,
) -> dict[str, Table]:
    """Run `order` on the sequences under `root` that fit the globs (none given: all); a table a method.

    `max_frames`: of each sequence the first ones only. `jobs`: processes.
    `start` is told of the frames to be done in all, and gives what is to be told of those that were done.
    Raises VistreamError for whatever is not there or can't be read.
    """
    check_task(order.task)
    check_methods(order.task, order.methods)
    check_detections(order.task, order.detections)
    clips = find_clips(order.task, root, sequences)
    if max_frames is not None:
        ground_truths = order.output / f"{order.task}-truth-{max_frames}"
        clips = [cut_clip(clip, max_frames, ground_truths) for clip in clips]
    on_frame = start(sum(map(_frames, clips)) * len(order.methods))
    with _naming_originals(clips):
        if jobs == 1 or len(clips) == 1:
            for clip in clips:
                run_clip(clip, order, on_frame)
        else:
            _run_parallel(clips, order, jobs, on_frame)
        return {method: score(order, clips, method) for method in order.methods}


@contextmanager
def _naming_originals(clips: Sequence[Clip]) -> Iterator[None]:
    """Whatever is wrong with a ground truth that was cut is wrong with the user's own file, so that is named."""
    try:
        yield
    except VistreamError as error:
        message = str(error)
        for clip in clips:
            if clip.origin is not None:
                message = message.replace(str(clip.ground_truth), str(clip.origin))
        raise VistreamError(message) from None


def _tables(classes: tuple[str, ...]) -> dict[str, Callable[[Sequence[Pair]], Table]]:
    """How each task but sot is scored, on objects of `classes` where its ground truth has names for them."""
    return {
        "mot": partial(mot_table, names=classes),
        "mots": partial(mots_table, names=classes),
        "vos": vos_table,
        "pose": pose_table,
    }


def _frames(clip: Clip) -> int:
    with clip.open() as source:
        return source.frame_count or 0


def _run_parallel(clips: Sequence[Clip], order: Order, jobs: int, on_frame: OnFrame) -> None:
    """The longest clips first. After a failure nothing more is begun, and the first error is raised."""
    spawn = multiprocessing.get_context("spawn")  # a forked torch can lock up
    with spawn.Manager() as manager:
        done: Queue[int] = manager.Queue()
        threads = max(1, cores() // jobs)
        with ProcessPoolExecutor(jobs, spawn, _limit_threads, (threads,)) as pool:
            waiting = {pool.submit(_run_and_tell, clip, order, done) for clip in sorted(clips, key=_frames)[::-1]}
            try:
                while waiting:
                    finished, waiting = wait(waiting, timeout=0.2)
                    _drain(done, on_frame)
                    for future in finished:
                        future.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _limit_threads(threads: int) -> None:
    import cv2
    import torch

    cv2.setNumThreads(threads)
    torch.set_num_threads(threads)


def _run_and_tell(clip: Clip, order: Order, done: Queue[int]) -> None:
    run_clip(clip, order, done.put)


def _drain(done: Queue[int], on_frame: OnFrame) -> None:
    while True:
        try:
            on_frame(done.get_nowait())
        except Empty:
            return


def score(order: Order, clips: Sequence[Clip], method: str) -> Table:
    """Score the results of one method, all of which must be there; with their cost, and how they were made."""
    folder = order.folder(method)
    if order.task == "sot":
        table = sot_objects_table({clip.name: _sot(folder, clip) for clip in clips})
    else:
        pairs = [Pair(c.name, c.ground_truth, result_path(order.task, folder, c), c.starts) for c in clips]
        table = _tables(order.classes)[order.task](pairs)
    costs = {clip.name: _finished(folder, clip) for clip in clips}
    rows = {name: {**row, **_cost([costs[name]])} for name, row in table.rows.items()}
    combined = None if table.combined is None else {**table.combined, **_cost(list(costs.values()))}
    headline = (*(table.headline or tuple(table.overall)), *COST)
    title = f"{table.title} ({order.detections}, {method})"
    return replace(table, title=title, rows=rows, combined=combined, headline=headline, about=_about(costs))


def _sot(folder: Path, clip: Clip) -> Mapping[int, SotScores]:
    scores = {}
    for number, (_, boxes) in object_boxes(clip).items():
        path = object_path(folder, clip, number)
        try:
            scores[number] = sot_scores(boxes, read_otb(path))
        except ValueError as error:
            raise VistreamError(f"{clip.ground_truth} against {path}: {error}") from None
    return scores


def _finished(folder: Path, clip: Clip) -> Finished:
    found = read_finished(folder, clip)
    if found is None:
        raise VistreamError(f"{folder} has no finished result of {clip.name}: run it first")
    return found


def _cost(finished: Sequence[Finished]) -> Row:
    dense, seconds = sum(f.macs_dense for f in finished), sum(f.seconds for f in finished)
    share = sum(f.macs for f in finished) / dense if dense else float("nan")
    return dict(zip(COST, (share, sum(f.frames for f in finished) / max(seconds, 1e-9)), strict=True))


def _about(costs: Mapping[str, Finished]) -> dict[str, str]:
    """How the results were made; where clips differ, every answer."""
    made = [finished.made for finished in costs.values()]
    about = {name: " / ".join(dict.fromkeys(of[name] for of in made)) for name in made[0]}
    share = _cost(list(costs.values()))["Work"]
    return about if math.isnan(share) else {**about, "share of dense work": f"{share:.1%}"}
