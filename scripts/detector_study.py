"""How much of a detector's accuracy the integer network and its dead zones cost: AP of people beside the float network.

    vistream download-weights nanodet-g
    python scripts/detector_study.py [--frames N] [--clips NAME ...]

Clips with ground truth are those of `$VISTREAM_DATA` (see CONTRIBUTING.md). AP is COCO's (pycocotools, all boxes of the
ground truth, class person), at an overlap of 0.5 and as the mean from 0.5 to 0.95, over all frames but the first.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from vistream.detect.nanodet_g import NanodetGDetector
from vistream.detect.selection import Selection
from vistream.detect.streaming import Streaming
from vistream.engine.fidelity import PRESETS
from vistream.media.formats.mot import read_tracks
from vistream.media.video.source import open_source
from vistream.models.download import fetch
from vistream.types import Frame, Observations

LEAST = 0.02  # score: precision is wanted down to low scores
CLIPS = {
    "PETS09-S2L1": "PETS09-S2L1/img1",
    "TUD-Stadtmitte": "TUD-Stadtmitte/TUD-Stadtmitte.mp4",
    "PETS09-S2L1-full480": "PETS09-S2L1-full480/PETS09-S2L1_480x360.mp4",
}


def average_precision(found: list[Observations], truth: list[np.ndarray]) -> tuple[float, float]:
    """AP at 0.5, and the mean over 0.5 to 0.95; boxes are (x, y, w, h)."""
    images = [{"id": number} for number in range(len(truth))]
    boxes = [(n, box) for n, of in enumerate(truth) for box in of.tolist()]
    annotations = [
        {"id": k + 1, "image_id": n, "category_id": 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
        for k, (n, box) in enumerate(boxes)
    ]
    results = [
        {"image_id": n, "category_id": 1, "bbox": box, "score": score}
        for n, seen in enumerate(found)
        for box, score in zip(seen.boxes.tolist(), seen.scores.tolist(), strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {"images": images, "annotations": annotations, "categories": [{"id": 1}]}
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[1]), float(evaluation.stats[0])


def study(name: str, frames: Iterable[Frame], truth: list[np.ndarray]) -> None:
    """Print a row for each fidelity."""
    kept = list(frames)
    selection = Selection(LEAST, classes=frozenset({"person"}))
    print(f"\n{name}, {len(kept)} frames\n\n| fidelity | AP50 | AP | of dense work |\n|---|---|---|---|")
    for fidelity in ("float", *PRESETS):
        streaming = None if fidelity == "float" else Streaming(PRESETS[fidelity])
        detector = NanodetGDetector(fetch("nanodet-g"), selection, streaming)
        found, shares = [], []
        for index, frame in enumerate(kept):
            found.append(detector.detect(frame, index))
            shares.append(detector.work.share if streaming else 1.0)
        at_half, mean = average_precision(found[1:], truth[1 : len(kept)])
        share = 100 * float(np.mean(shares[1:]))
        print(f"| {fidelity} | {100 * at_half:.1f} | {100 * mean:.1f} | {share:.0f} % |", flush=True)


def main() -> None:
    """All clips that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--clips", nargs="*", default=list(CLIPS)[:2], choices=CLIPS)
    arguments = parser.parse_args()
    data = Path(os.environ.get("VISTREAM_DATA", Path(__file__).parents[2] / "shared" / "data")) / "mot"
    for name in arguments.clips:
        tracks = read_tracks(data / name / "gt" / "gt.txt")
        with open_source(str(data / CLIPS[name]), max_frames=arguments.frames) as source:
            frames = [frame.image for frame in source]
        truth = [tracks.boxes[tracks.frames == number] for number in range(len(frames))]
        study(name, frames, truth)


if __name__ == "__main__":
    main()
