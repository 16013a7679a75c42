"""What the motion detector finds before a camera that moves: precision and recall of its boxes.

    python scripts/studies/motion_camera.py ../shared/data

A box is right where it overlaps a true one by more than 0.3. People of the MOT clips are seen by the fixed camera,
and by the virtual one that `association.clips` describes; the DAVIS clips have a moving camera and one object each, the
box of its mask. The first frames, in which nothing is known yet, don't count.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from common import parser_of, print_table
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
from association.clips import CLIPS, View, corners

from vistream.detect.motion import MotionDetector
from vistream.media.formats.mot import read_tracks
from vistream.media.video.source import open_source
from vistream.tracking.assignment import assign, iou
from vistream.types import Frame

MOT = ("PETS", "PETS-480", "TUD")
DAVIS_FPS = 24.0
OVERLAP = 0.3
FIRST = 10  # frames that don't count
Boxes = NDArray[np.float64]


def people(root: Path, view: View, most: int) -> Iterator[tuple[Frame, Boxes]]:
    """The frames of a view, and the true boxes whose middle it shows."""
    clip = CLIPS[view.clip]
    truth = read_tracks(root / clip.truth)
    width, height = view.size
    with open_source(str(root / clip.video), max_frames=most) as source:
        for frame, (left, top) in zip(source, corners(view).tolist(), strict=False):
            boxes = truth.boxes[truth.frames == frame.index] - (left, top, 0, 0)
            middle = boxes[:, :2] + boxes[:, 2:] / 2
            shown = ((middle > 0) & (middle < (width, height))).all(1)
            yield np.ascontiguousarray(frame.image[top : top + height, left : left + width]), boxes[shown]


def object_of(root: Path, name: str) -> Iterator[tuple[Frame, Boxes]]:
    """The frames of a DAVIS clip, and the box of its mask."""
    davis = root / "vos" / "DAVIS2016"
    with open_source(str(davis / "JPEGImages" / "480p" / name)) as source:
        for frame, path in zip(source, sorted((davis / "Annotations" / "480p" / name).iterdir()), strict=True):
            mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            assert mask is not None
            box = cv2.boundingRect(mask)
            yield frame.image, np.array([box] if box[2] else [], np.float64).reshape(-1, 4)


def found(pairs: Iterable[tuple[Frame, Boxes]], fps: float) -> list[str]:
    """Precision, recall, and boxes a frame."""
    detector, right, seen, true, frames = MotionDetector(fps), 0, 0, 0, 0
    for index, (frame, truth) in enumerate(pairs):
        boxes = detector.detect(frame, index).boxes
        if index >= FIRST:
            right += len(assign(1 - iou(boxes, truth), 1 - OVERLAP))
            seen, true, frames = seen + len(boxes), true + len(truth), frames + 1
    return [f"{right / max(seen, 1):.2f}", f"{right / max(true, 1):.2f}", f"{seen / max(frames, 1):.1f}"]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--frames", type=int, default=250, help="of a clip, at the most")
    arguments = parser.parse_args()
    root: Path = arguments.root
    rows = []
    for name in MOT:
        for moving in (False, True):
            pairs = people(root, View(name, moving), arguments.frames)
            rows.append([name, "virtual" if moving else "fixed", *found(pairs, CLIPS[name].fps)])
    names = sorted(folder.name for folder in (root / "vos" / "DAVIS2016" / "Annotations" / "480p").iterdir())
    rows += [[name, "moves", *found(object_of(root, name), DAVIS_FPS)] for name in names]
    print_table(["clip", "camera", "precision", "recall", "boxes a frame"], rows)


if __name__ == "__main__":
    main()
