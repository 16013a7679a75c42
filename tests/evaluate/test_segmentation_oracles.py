"""Mean IoU and panoptic quality against torchmetrics, on small maps with void and with classes that are absent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_jaccard_index
from torchmetrics.functional.detection import panoptic_quality

from vistream.evaluate.metrics.panoptic import PanopticCounts, PanopticSegment, panoptic_counts, panoptic_row
from vistream.evaluate.metrics.segmentation import class_iou, confusion, segmentation_row

pytestmark = pytest.mark.parity

SHAPE = (5, 6)
CLASSES, NONE = 4, 255
THINGS, STUFF = (0, 2), (1, 3)
VOID = 9  # a category that there is not
law = settings(max_examples=60, deadline=None)

Labels = NDArray[np.int64]


def label_maps(labels: Sequence[int]) -> st.SearchStrategy[Labels]:
    return arrays(np.int64, SHAPE, elements=st.sampled_from(labels), fill=st.nothing())


@given(ground_truth=label_maps((0, 1, 3, NONE)), guess=label_maps((0, 1, 2, NONE)))
@law
def test_miou_and_accuracy(ground_truth: Labels, guess: Labels) -> None:
    """Class 2 is nowhere in the ground truth, 3 is never predicted, and a prediction may give no class at all."""
    assume((ground_truth != NONE).any())
    counts = confusion(ground_truth, guess, CLASSES)
    seen = torch.from_numpy(np.where(guess == NONE, CLASSES, guess))  # which is one class more, that no pixel has
    real = torch.from_numpy(ground_truth)
    iou = multiclass_jaccard_index(seen, real, CLASSES + 1, average="none", ignore_index=NONE)[:CLASSES].numpy()
    occurs = np.isin(np.arange(CLASSES), ground_truth) | np.isin(np.arange(CLASSES), guess[ground_truth != NONE])
    np.testing.assert_allclose(class_iou(counts)[occurs], iou[occurs], atol=1e-6)
    assert np.isnan(class_iou(counts)[~occurs]).all()
    row = segmentation_row(counts)
    assert row["mIoU"] == pytest.approx(iou[occurs].mean(), abs=1e-6)
    accuracy = multiclass_accuracy(seen, real, CLASSES + 1, average="micro", ignore_index=NONE)
    assert row["Pixel accuracy"] == pytest.approx(float(accuracy), abs=1e-6)
    there = np.isin(np.arange(CLASSES), ground_truth)
    recalls = multiclass_accuracy(seen, real, CLASSES + 1, average="none", ignore_index=NONE)[:CLASSES].numpy()
    assert row["Mean accuracy"] == pytest.approx(recalls[there].mean(), abs=1e-6)


@given(maps=st.lists(st.tuples(label_maps((0, 1, 2, NONE)), label_maps((0, 1, 2))), min_size=2, max_size=3))
@law
def test_miou_of_several_maps_is_of_all_their_pixels(maps: list[tuple[Labels, Labels]]) -> None:
    assume(any((ground_truth != NONE).any() for ground_truth, _ in maps))
    row = segmentation_row(reduce(np.add, (confusion(real, guess, CLASSES) for real, guess in maps)))
    expected, seen = (torch.from_numpy(np.stack(side)) for side in zip(*maps, strict=True))
    found = multiclass_jaccard_index(seen, expected, CLASSES, average="macro", ignore_index=NONE)
    assert row["mIoU"] == pytest.approx(float(found), abs=1e-6)


def panoptic_maps(categories: Sequence[int]) -> st.SearchStrategy[Labels]:
    """Category and instance of every pixel, `[H, W, 2]`; stuff has one instance."""
    pairs = [(label, number) for label in categories for number in ((1, 2, 3) if label in THINGS else (0,))]
    chosen = arrays(np.int64, SHAPE, elements=st.integers(0, len(pairs) - 1), fill=st.nothing())
    return chosen.map(lambda numbers: np.array(pairs)[numbers])


def segments_of(pairs: Labels) -> tuple[Labels, list[PanopticSegment]]:
    """Ids of pixels, 0 where there is no segment, and the segments."""
    ids = np.where(pairs[..., 0] == VOID, 0, 1 + 10 * pairs[..., 0] + pairs[..., 1])
    return ids, [PanopticSegment(number, (number - 1) // 10) for number in np.unique(ids[ids > 0]).tolist()]


@st.composite
def pictures(draw: st.DrawFn) -> tuple[Labels, Labels]:
    """Ground truth with void, without class 3; a prediction without class 1 that follows it in most pixels."""
    real, guess = draw(panoptic_maps((0, 2, 1, VOID))), draw(panoptic_maps((0, 2, 3)))
    other = draw(arrays(np.bool_, SHAPE, elements=st.sampled_from((True, False, False, False)), fill=st.nothing()))
    other |= np.isin(real[..., 0], (1, VOID))
    return real, np.where(other[..., None], guess, real)


@given(st.lists(pictures(), min_size=1, max_size=3))
@law
def test_panoptic_quality(images: list[tuple[Labels, Labels]]) -> None:
    """Every pixel is predicted to be something: of others torchmetrics thinks otherwise than the published rules."""
    counts = PanopticCounts.none(CLASSES)
    for real, guess in images:
        (true_ids, true), (ids, segments) = segments_of(real), segments_of(guess)
        counts += panoptic_counts(true_ids, ids, true, segments, CLASSES)
    assume((counts.matched + counts.missed + counts.false).any())
    row = panoptic_row(counts, [label in THINGS for label in range(CLASSES)])
    expected, seen = (torch.from_numpy(np.stack(side)) for side in zip(*images, strict=True))
    wanted = panoptic_quality(seen, expected, THINGS, STUFF, return_sq_and_rq=True)
    assert [row[name] for name in ("PQ", "SQ", "RQ")] == pytest.approx(wanted.tolist(), abs=1e-6)
