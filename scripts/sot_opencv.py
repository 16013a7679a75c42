"""Runs one of OpenCV's single object trackers over the frames of a clip, in an environment that has them.

    python scripts/sot_opencv.py CSRT FRAMES.npy JOBS.npz RESULT.npz

`sot_study.py` calls it. FRAMES: uint8 `[T, H, W, 3]`, RGB. JOBS, for each object: its `number`, its `first` frame, its
`box` there, and for how many frames it is followed (`length`). RESULT: boxes by number, and `seconds` of CPU time.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import cv2
import numpy as np

Array = Any  # a NumPy array: no types of ours are known here


def follow(name: str, frames: Array, box: Array) -> Array:
    """Boxes `[T, 4]`; where the tracker finds nothing, the last one stays."""
    height, width = frames[0].shape[:2]
    x, y = np.clip([box[0], box[0] + box[2]], 0, width), np.clip([box[1], box[1] + box[3]], 0, height)
    left, right, top, bottom = (int(np.rint(edge)) for edge in (*x, *y))
    tracker = getattr(cv2, f"Tracker{name}_create")()
    found = [box]
    for n, frame in enumerate(frames):
        picture = np.ascontiguousarray(frame[:, :, ::-1])
        if n == 0:
            tracker.init(picture, (left, top, right - left, bottom - top))
        else:
            there, now = tracker.update(picture)
            found.append(np.array(now, np.float64) if there else found[-1])
    return np.array(found)


def main() -> None:
    name, frames_file, jobs_file, result = sys.argv[1:]
    cv2.setNumThreads(1)
    frames, jobs = np.load(frames_file, mmap_mode="r"), np.load(jobs_file)
    found: dict[str, Any] = {}
    seconds = []
    for number, first, length, box in zip(*(jobs[key] for key in ("number", "first", "length", "box")), strict=True):
        began = time.process_time()
        found[str(number)] = follow(name, frames[first : first + length], box)
        seconds.append(time.process_time() - began)
    np.savez(result, seconds=seconds, **found)


if __name__ == "__main__":
    main()
