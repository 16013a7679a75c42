"""Things of a panoptic network as observations: masks that never overlap, classes, scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from segmenters import network_file, random_network

from vistream.detect.choose import make_detector
from vistream.detect.segments import SegmentDetector
from vistream.detect.selection import Selection
from vistream.errors import VistreamError
from vistream.types import Frame


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(network_file(tmp_path_factory.mktemp("networks"), "coco-panoptic", panoptic=True))


def frame() -> Frame:
    return np.random.default_rng(3).integers(0, 255, (96, 128, 3), np.uint8)


def test_things_are_reported_with_their_masks(model: str) -> None:
    detector = make_detector(f"spike2former:{model}", 25.0, masks=True)
    seen = detector.detect(frame(), 0)
    network = random_network("coco-panoptic", panoptic=True)
    assert network.things is not None
    found = network.segments(frame())
    things = [segment for segment in found.segments if network.things[segment.label]]
    assert len(seen) == len(things) > 0
    assert seen.masks is not None and seen.masks.sum(axis=0).max() == 1
    assert set(seen.labels) == {network.classes[segment.label] for segment in things}
    for box, mask in zip(seen.boxes.tolist(), seen.masks, strict=True):
        rows, columns = np.nonzero(mask)
        assert box == [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
    assert seen.scores.tolist() == sorted(seen.scores.tolist(), reverse=True)
    assert "float, whole frames" in detector.describe() and "guessed" not in detector.describe()


def test_classes_and_scores_are_chosen(model: str) -> None:
    every = SegmentDetector(model, Selection()).detect(frame(), 0)
    other = next(name for name in ("person", "car") if name not in every.labels)
    assert not len(SegmentDetector(model, Selection(classes=frozenset((other,)))).detect(frame(), 0))
    assert not len(SegmentDetector(model, Selection(threshold=1.0)).detect(frame(), 0))
    with pytest.raises(VistreamError, match="knows no class 'persn': did you mean person"):
        SegmentDetector(model, Selection(classes=frozenset(("persn",))))


def test_a_network_without_things_is_no_detector(tmp_path: Path) -> None:
    with pytest.raises(VistreamError, match="knows classes but no things: a detector needs a panoptic network"):
        make_detector(f"spike2former:{network_file(tmp_path)}", 25.0)
