"""Edges of soft labels, put on those of a picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vistream.evaluate.metrics.vos import jaccard
from vistream.tracking.edges import follow_edges
from vistream.tracking.region import reduce_mask
from vistream.tracking.vos import VosTracker
from vistream.types import FeatureMap, Observations

SIZE = (128, 96)


def picture(centre: tuple[float, float], radius: float) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A red disk before a green ground, with a little noise: the frame, and where the disk is."""
    y, x = np.ogrid[: SIZE[1], : SIZE[0]]
    disk = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2
    frame = np.where(disk[:, :, None], [200, 60, 40], [40, 120, 60])
    noise = np.random.default_rng(0).normal(0, 6, frame.shape)
    return np.clip(frame + noise, 0, 255).astype(np.uint8), np.asarray(disk)


@pytest.mark.parametrize("drawn", [18.0, 26.0])
def test_a_label_that_ends_too_early_or_too_late_is_put_on_the_edge(drawn: float) -> None:
    frame, disk = picture((60.0, 50.0), 22.0)
    label = reduce_mask(picture((60.0, 50.0), drawn)[1], (16, 12))
    coarse = jaccard(disk, follow_edges(label, np.full_like(frame, 128), 8.0) > 0.5)
    assert jaccard(disk, follow_edges(label, frame, 8.0) > 0.5) > coarse + 0.05


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40))
def test_it_stays_a_share_and_covers_the_frame(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    frame = rng.integers(0, 256, (height, width, 3), np.uint8)
    label = rng.uniform(0, 1, (1 + height // 8, 1 + width // 8)).astype(np.float32)
    found = follow_edges(label, frame, 8.0)
    assert found.shape == (height, width) and found.dtype == np.float32
    assert np.isfinite(found).all() and found.min() >= 0 and found.max() <= 1


def test_nothing_stays_nothing() -> None:
    frame, _ = picture((60.0, 50.0), 22.0)
    assert not follow_edges(np.zeros((12, 16), np.float32), frame, 8.0).any()


def test_masks_follow_the_edges_of_the_frame_and_what_was_given_is_kept() -> None:
    frame, disk = picture((60.0, 50.0), 22.0)
    values = np.random.default_rng(1).standard_normal((12, 16, 24)).astype(np.float32)
    values[reduce_mask(disk, (16, 12)) > 0.5] += 3.0
    scores = []
    for image in (None, frame):
        tracker = VosTracker()
        tracker.add_object(disk)
        masks = [tracker.step(FeatureMap(values, (8.0, 8.0)), Observations.none(), None, image)[0].mask for _ in "12"]
        assert masks[0] is not None and masks[1] is not None
        np.testing.assert_array_equal(masks[0], disk)
        scores.append(jaccard(disk, masks[1]))
    assert scores[1] > scores[0]
