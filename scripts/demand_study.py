"""What it saves to compute features only where a task looks: boxes of detections, against whole feature maps.

    python scripts/demand_study.py ../shared/data

For each clip and fidelity: share of dense work and milliseconds a frame (median) of the network alone, both ways, frame
by frame in turn; and whether the features inside the boxes are the same. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vistream.engine.fidelity import PRESETS
from vistream.engine.stream.engine import Stream
from vistream.engine.stream.lazy_features import LazyFeatures
from vistream.engine.stream.step import Step
from vistream.machine import cpu_name
from vistream.media.formats.mot import read_detections
from vistream.media.video.fit import fit
from vistream.media.video.source import open_source
from vistream.quantize.named import named_network
from vistream.tracking.roi import roi_align
from vistream.types import Frame, Observations

CLIPS = {"PETS09-S2L1": "img1", "TUD-Stadtmitte": "TUD-Stadtmitte.mp4"}


def timed(run: Callable[[], Step]) -> tuple[float, Step]:
    began = time.perf_counter()
    step = run()
    return 1e3 * (time.perf_counter() - began), step


def inside(stream: Stream, image: Frame, size: tuple[int, int], boxes: NDArray[np.float64]) -> Step:
    look = LazyFeatures(stream, image, size)
    look.within(boxes)
    return look.step


def row(folder: Path, video: str, fidelity: str, frames: int) -> str:
    """One clip at one fidelity."""
    zones = PRESETS[fidelity]
    network = named_network().network
    whole, asked = (Stream(network, zones.deadband, zones.hysteresis, noise=zones.noise) for _ in range(2))
    detections = read_detections(folder / "det" / "det_sort.txt")
    seen: list[tuple[float, float, float, float]] = []
    same = True
    with open_source(str(folder / video), max_frames=frames) as source:
        for number, frame in enumerate(source):
            image = fit(frame.image)
            boxes = detections.get(number, Observations.none()).boxes
            size = (frame.image.shape[1], frame.image.shape[0])
            before, step = timed(partial(whole.step, image))
            after, part = timed(partial(inside, asked, image, size, boxes))
            one, other = (roi_align(given.features(frame.image), boxes) for given in (step, part))
            same = same and bool(np.array_equal(one, other))
            seen.append((before, after, step.work.share, part.work.share))
    before, after, _, _ = np.median(seen[1:], axis=0)
    _, _, all_work, part_work = np.mean(seen[1:], axis=0)
    alike = "yes" if same else "within the band"
    return f"| {folder.name} | {fidelity} | {all_work:.0%} | {before:.1f} | {part_work:.0%} | {after:.1f} | {alike} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--frames", type=int, default=60, help="of each clip")
    arguments = parser.parse_args()
    print("| clip | fidelity | whole map | ms | inside boxes | ms | same features |")
    print("|---|---|---|---|---|---|---|")
    for clip, video in CLIPS.items():
        for fidelity in PRESETS:
            print(row(arguments.root / "mot" / clip, video, fidelity, arguments.frames), flush=True)
    print(f"\n{cpu_name()}; {named_network().name}; public detections; the first {arguments.frames} frames")


if __name__ == "__main__":
    main()
