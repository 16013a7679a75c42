"""How well do clicks and boxes find objects? The table of docs/how-to/click.md.

    python scripts/click_study.py [--davis ../shared/data/vos/DAVIS2016]

Mean overlap (IoU) with the true masks of the demo clips, and of DAVIS 2016 where it is: a click in the middle of an
object, then each next one in the middle of the largest mistake; a box that fits. With a detector's boxes too, if one is
here.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vistream.detect.choose import make_detector, network_present
from vistream.media.video.source import open_source
from vistream.serve.clicks import Click, box_around, mask_of_box, mask_of_clicks
from vistream.types import Frame, Observations

DEMO = Path(__file__).parents[1] / "demo_videos"
EVERY, FIRST = 60, 20  # frames of the demo clips
SMALLEST = 300  # pixels
CLICKS = 3
Mask = NDArray[np.bool_]


def of_demo(name: str) -> Iterator[tuple[Frame, Mask]]:
    with open_source(str(DEMO / f"{name}.mp4"), start=FIRST, stride=EVERY) as source:
        for frame in source:
            labels = np.asarray(Image.open(DEMO / name / "masks" / f"{frame.index:05d}.png"))
            for identity in set(np.unique(labels).tolist()) - {0, 255}:
                if (labels == identity).sum() >= SMALLEST:
                    yield frame.image, labels == identity


def of_davis(folder: Path) -> Iterator[tuple[Frame, Mask]]:
    for path in sorted((folder / "Annotations" / "480p").glob("*/000[024]5.png")):
        picture = folder / "JPEGImages" / "480p" / path.parent.name / f"{path.stem}.jpg"
        yield np.asarray(Image.open(picture).convert("RGB")), np.asarray(Image.open(path).convert("L")) > 127


def middle(mask: Mask) -> tuple[float, float]:
    """The point of a mask that is farthest from its border."""
    depth = cv2.distanceTransform(np.pad(mask, 1).view(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(x), float(y)


def overlap(one: Mask, other: Mask) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


def overlaps(frame: Frame, truth: Mask, seen: Observations) -> list[float]:
    """After each click, and of the box."""
    clicks: list[Click] = [(*middle(truth), True)]
    found = []
    for _ in range(CLICKS):
        box = box_around(clicks, seen)
        mask = mask_of_clicks(frame, clicks) if box is None else mask_of_box(frame, box, clicks)
        found.append(overlap(mask, truth))
        x, y = middle(mask ^ truth)
        clicks.append((x, y, bool(truth[int(y), int(x)])))
    x, y, w, h = cv2.boundingRect(truth.view(np.uint8))
    return [*found, overlap(mask_of_box(frame, (x, y, w, h)), truth)]


def main() -> None:
    parser = argparse.ArgumentParser(description="How well clicks and boxes find objects.")
    parser.add_argument("--davis", type=Path, default=DEMO.parents[1] / "shared" / "data" / "vos" / "DAVIS2016")
    davis: Path = parser.parse_args().davis
    data = {name: list(of_demo(name)) for name in ("plaza_static", "plaza_pan")}
    if davis.is_dir():
        data["DAVIS 2016"] = list(of_davis(davis))
    name = network_present()
    detector = None if name is None else make_detector(name, 25.0)
    print("| | objects | 1 click | 2 clicks | 3 clicks | a box |\n|---|---|---|---|---|---|")
    for helper in (None, detector) if detector is not None else (None,):
        for source, objects in data.items():
            rows = []
            for frame, truth in objects:
                seen = Observations.none() if helper is None else helper.detect(frame, 0)
                rows.append(overlaps(frame, truth, seen))
            cells = " | ".join(f"{mean:.2f}" for mean in np.mean(rows, axis=0))
            print(f"| {source}{'' if helper is None else f', {name}'} | {len(rows)} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
