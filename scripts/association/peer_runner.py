"""Runs other people's trackers; executed by the Python of their own environment, so it imports nothing of ours.

    python peer_runner.py JOBS [FOLDER]

JOBS: JSON, a list of {"peer", "given", "frames", "result"}. `given`: an archive of `boxes` (x, y, w, h), `scores`,
`counts` (boxes a frame), `numbers` (which frames of the file `frames`) and `fps`. `result`: an archive with the rows
(k, id, x, y, w, h) of what was reported in the k-th frame. FOLDER: site-packages to be searched after the own ones.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Array = Any  # a NumPy array: no types of ours are known here
Step = Callable[[Array, Array, Array], tuple[Array, Array]]


def from_trackers(name: str, fps: float | None) -> Step:
    """A tracker of the package `trackers`, as shipped; with `fps`, told the frame rate."""
    import supervision
    import trackers

    tracker = getattr(trackers, name)(**({} if fps is None else {"frame_rate": fps}))

    def step(corners: Array, scores: Array, image: Array) -> tuple[Array, Array]:
        given = supervision.Detections(corners, confidence=scores, class_id=np.zeros(len(corners), int))
        found = tracker.update(given, frame=image)
        ids = np.zeros(0) if found.tracker_id is None else np.asarray(found.tracker_id)
        return ids, np.asarray(found.xyxy).reshape(-1, 4)

    return step


def from_boxmot(name: str, fps: float | None) -> Step:
    """A tracker of the package `boxmot` without appearance, as shipped; with `fps`, told the frame rate."""
    import boxmot  # type: ignore[import-not-found]

    options: dict[str, Any] = {} if fps is None else {"frame_rate": max(1, round(fps))}
    if name in ("BotSort", "DeepOcSort", "HybridSort", "OccluBoost"):
        options["use_embeddings"] = False
    if name == "HybridSort":
        options["with_longterm_reid"] = False
    tracker = getattr(boxmot, name)(**options)

    def step(corners: Array, scores: Array, image: Array) -> tuple[Array, Array]:
        rows = np.column_stack([corners, scores, np.zeros(len(corners))]).astype(np.float32)
        found = tracker.update(rows, image)
        found = np.asarray(getattr(found, "data", found), dtype=float)
        return (found[:, 4], found[:, :4]) if len(found) else (np.zeros(0), np.zeros((0, 4)))

    return step


LIBRARIES = {"trackers": from_trackers, "boxmot": from_boxmot}


def run(job: dict[str, Any]) -> None:
    given, frames = np.load(job["given"]), np.load(job["frames"], mmap_mode="r")
    library, name, told = job["peer"]
    step = LIBRARIES[library](name, float(given["fps"]) if told else None)
    ends = np.cumsum(given["counts"])
    rows = []
    for k, (number, count, end) in enumerate(zip(given["numbers"], given["counts"], ends, strict=True)):
        boxes, scores = given["boxes"][end - count : end], given["scores"][end - count : end]
        corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1).astype(np.float32)
        ids, found = step(corners, scores.astype(np.float32), np.ascontiguousarray(frames[number][:, :, ::-1]))
        rows += [
            (k, i, x, y, right - x, low - y)
            for i, (x, y, right, low) in zip(ids.tolist(), found.tolist(), strict=True)
            if i >= 0 and right > x and low > y
        ]
    np.savez(job["result"], rows=np.array(rows, dtype=float).reshape(-1, 6))


def main() -> None:
    sys.path += sys.argv[2:]
    for job in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        began = time.time()
        try:
            run(job)
            print("ok", *job["peer"], Path(job["result"]).name, f"{time.time() - began:.1f} s", flush=True)
        except Exception as error:  # a peer that fails has no row
            print("failed", *job["peer"], Path(job["result"]).name, repr(error)[:300], flush=True)


if __name__ == "__main__":
    main()
