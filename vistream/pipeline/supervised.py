"""To and from the library supervision: our tracks for its annotators, its detections for our tracker.

`Tracker` has the methods of the trackers of supervision (`update_with_detections`) and of the library trackers
(`update`), so that it can stand in their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from vistream.errors import VistreamError
from vistream.media.formats.coconames import CATEGORIES
from vistream.media.formats.detections.footage import LABEL
from vistream.pipeline.session import Session
from vistream.tracking.assignment import iou
from vistream.types import Frame, Observations, Track

NO_TRACK = -1
"""The id of a detection that belongs to no track yet, as the library trackers has it."""
LEAST_OVERLAP = 0.3
_numbers: dict[str, int] = {name: number for number, name in enumerate(CATEGORIES.values())}


def class_number(label: str) -> int:
    """The number by which a class goes in supervision: of COCO's 80 their place, of others one from 80 on, kept.

    >>> class_number("person"), class_number("car"), class_number("gnu") == class_number("gnu") >= 80
    (0, 2, True)
    """
    return _numbers.setdefault(label, len(_numbers))


def to_supervision(tracks: Sequence[Track]) -> Any:  # Any: supervision.Detections
    """`supervision.Detections` of tracks: boxes by corners, scores, `tracker_id`, `class_id`, `data["class_name"]`.

    Raises VistreamError where supervision is not installed.
    """
    sv = _supervision()
    if not tracks:
        return sv.Detections.empty()
    boxes = np.array([track.box for track in tracks], np.float64)
    masks = [track.mask for track in tracks if track.mask is not None]
    return sv.Detections(
        xyxy=np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1),
        mask=np.stack(masks) if len(masks) == len(tracks) else None,
        confidence=np.array([track.score for track in tracks], np.float64),
        class_id=np.array([class_number(track.label) for track in tracks], int),
        tracker_id=np.array([track.id for track in tracks], int),
        data={"class_name": np.array([track.label for track in tracks])},
    )


def from_supervision(detections: Any) -> Observations:  # Any: supervision.Detections
    """Observations of `supervision.Detections`; classes go by their names, else their numbers."""
    if not all(hasattr(detections, name) for name in ("xyxy", "confidence", "class_id", "data")):
        kind = type(detections).__name__
        raise VistreamError(f"detections are {kind}: give supervision.Detections (from_ultralytics makes them)")
    count = len(detections)
    if not count:
        return Observations.none()
    corners = np.asarray(detections.xyxy, np.float64)
    scores = np.ones(count) if detections.confidence is None else detections.confidence
    names = (detections.data or {}).get("class_name")
    if names is None:
        names = [LABEL] * count if detections.class_id is None else [f"class {n}" for n in detections.class_id]
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    return Observations(boxes, scores, tuple(map(str, names)), masks=detections.mask)


class Tracker:
    """vistream's tracker of boxes, in the form of those of supervision and of trackers.

    `model`: the network of appearance, as for `Session`; then `update` needs the frames. None: motion and overlap only.
    `fps`: frames a second at which it is called.
    """

    def __init__(self, fps: float = 30.0, model: str | None = None) -> None:
        self._needs_frames = model is not None
        self._session = Session("mot", model=model, fps=fps)

    def update(self, detections: Any, frame: Frame | None = None) -> Any:  # Any: supervision.Detections
        """The detections of the next frame with `tracker_id`; -1 for those that are of no track yet.

        `frame`: uint8 `[H, W, 3]`, RGB. Raises VistreamError where a network is to look at frames and there is none.
        """
        if frame is None and self._needs_frames:
            raise VistreamError("a tracker with a network needs the frame: update(detections, frame)")
        seen = replace(from_supervision(detections), masks=None)  # it tracks boxes; and masks are of a frame's size
        if not np.isfinite(seen.boxes).all():
            raise VistreamError("detections have corners that are no finite numbers")
        if (seen.boxes[:, 2:] < 0).any():
            raise VistreamError("detections have corners in reverse: x1, y1, x2, y2 begin at the top left")
        result = self._session.step(np.zeros((8, 8, 3), np.uint8) if frame is None else frame, seen)
        ids = np.full(len(seen), NO_TRACK, int)
        if len(seen) and result.tracks:
            boxes = np.array([track.box for track in result.tracks], np.float64)
            overlaps = iou(seen.boxes, boxes)
            rows, columns = linear_sum_assignment(-overlaps)
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
                if overlaps[row, column] >= LEAST_OVERLAP:
                    ids[row] = result.tracks[column].id
        detections.tracker_id = ids
        return detections

    def update_with_detections(self, detections: Any) -> Any:  # Any: supervision.Detections
        """As `update`, of detections with a track alone."""
        tracked = self.update(detections)
        return tracked[tracked.tracker_id != NO_TRACK]

    def reset(self) -> None:
        """Forget everything: the next frame is a first one."""
        self._session.reset()


def _supervision() -> Any:  # Any: a module that need not be there
    try:
        import supervision
    except ImportError:
        raise VistreamError("supervision is not installed: pip install supervision") from None
    return supervision
