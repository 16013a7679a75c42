"""Masks with ids: feature vectors under masks, distinct masks, and real girls told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from typer.testing import CliRunner

from vistream.cli.main import app
from vistream.errors import VistreamError
from vistream.evaluate.files.mots import mots_table
from vistream.evaluate.files.pairs import Pair
from vistream.media.formats.mots import MotsRow, read_mots
from vistream.tracking.mots import MotsConfig, MotsTracker, distinct
from vistream.tracking.region import vectors_under
from vistream.types import FeatureMap, Observations

Masks = NDArray[np.bool_]


def seen(masks: Masks, scores: NDArray[np.float64]) -> Observations:
    return Observations(np.zeros((len(masks), 4)), scores, ("person",) * len(masks), masks)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 6))
def test_distinct_masks_share_no_pixel_and_lose_none(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    masks = rng.random((count, 6, 7)) < 0.4
    given_ = seen(masks, rng.random(count))
    kept = distinct(given_, 1.0)
    if count:
        assert kept.masks is not None
        assert (kept.masks.sum(axis=0) == masks.any(axis=0)).all()
        assert all(mask.any() for mask in kept.masks)
        best = int(np.argmax(given_.scores))
        assert not masks[best].any() or (kept.masks[np.argmax(kept.scores)] == masks[best]).all()


def test_vectors_are_those_under_the_mask() -> None:
    values = np.arange(12 * 10, dtype=np.float32).reshape(12, 10, 1)
    mask = np.zeros((96, 80), np.bool_)
    mask[16:40, 24:56] = True
    found = vectors_under(FeatureMap(values, (8.0, 8.0)), [mask], 200)[0]
    assert found.ravel().tolist() == values[2:5, 3:7].ravel().tolist()
    dot = np.zeros((96, 80), np.bool_)
    dot[17, 25] = True
    assert vectors_under(FeatureMap(values, (8.0, 8.0)), [dot], 200)[0].ravel().tolist() == [values[2, 3, 0]]
    assert 20 <= len(vectors_under(FeatureMap(values, (8.0, 8.0)), [np.ones((96, 80), np.bool_)], 30)[0]) <= 40


def test_masks_keep_their_ids_by_their_looks() -> None:
    """Two objects change places while nobody looks; their features tell."""
    left, right = np.zeros((2, 64, 128), np.bool_)
    left[16:48, 16:48], right[16:48, 40:72] = True, True
    boxes = np.array([[16.0, 16, 32, 32], [40.0, 16, 32, 32]])
    looks = np.eye(8, dtype=np.float32)[:2]

    def frame(swapped: bool) -> tuple[FeatureMap, Observations]:
        values = np.full((8, 16, 8), 0.1, np.float32)
        for mask, look in zip((left, right), looks[::-1] if swapped else looks, strict=True):
            values[mask[4::8, 4::8]] = look
        return FeatureMap(values, (8.0, 8.0)), Observations(
            boxes, np.array([0.9, 0.8]), ("person",) * 2, np.stack([left, right])
        )

    tracker = MotsTracker(MotsConfig(appearance=100.0))
    first = tracker.step(*frame(False))
    later = tracker.step(*frame(True))
    assert [t.box[0] for t in first] == [16.0, 40.0]
    assert [t.box[0] for t in later] == [40.0, 16.0]
    assert not (later[0].mask & later[1].mask).any()  # type: ignore[operator]  # every track of mots has a mask


def test_boxes_alone_are_refused() -> None:
    boxes = Observations(np.ones((1, 4)), np.ones(1), ("person",))
    with pytest.raises(VistreamError, match="needs a mask for every detection"):
        MotsTracker().step(None, boxes)
    with pytest.raises(VistreamError, match="coast must be 0"):
        MotsTracker(MotsConfig(coast=1.0))
    assert MotsTracker().step(None, Observations.none()) == ()


@pytest.mark.real
def test_real_girls_keep_their_ids(real_data: Path, tmp_path: Path) -> None:
    """True masks without their ids, in, and out with ids again."""
    girls, count = real_data / "mots" / "schoolgirls", 12
    out = tmp_path / "out.txt"
    arguments = ["--task", "mots", "--detections", str(girls / "gt" / "gt_mots.txt"), "--mots-txt", str(out)]
    result = CliRunner().invoke(app, ["track", str(girls / "schoolgirls.mp4"), *arguments, "--max-frames", str(count)])
    assert result.exit_code == 0, result.output
    truth = tmp_path / "gt.txt"
    lines = (girls / "gt" / "gt_mots.txt").read_text().splitlines(keepends=True)
    truth.write_text("".join(line for line in lines if int(line.split()[0]) <= count))
    rows: list[MotsRow] = read_mots(out)
    assert {row.frame for row in rows} == set(range(count))
    table = mots_table([Pair("schoolgirls", truth, out)])
    assert table.rows["schoolgirls"]["IDF1"] > 0.95
