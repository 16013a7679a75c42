"""Success and precision of a single track, mIoU and pixel accuracy of label maps, against their formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vistream.evaluate.metrics.segmentation import class_iou, confusion, segmentation_row
from vistream.evaluate.metrics.sot import combine_sot, sot_scores

BOX = [0.0, 0, 10, 10]
NAN = float("nan")
SOT_CASES = [  # true box, predicted box; success AUC (21 thresholds), precision, by hand
    pytest.param(BOX, BOX, 20 / 21, 1.0, id="exact: only the threshold 1 is not exceeded"),
    pytest.param(BOX, [0.0, 0, 10, 5], 10 / 21, 1.0, id="half: exceeds 0, 0.05 .. 0.45"),
    pytest.param(BOX, [20.0, 0, 10, 10], 0.0, 1.0, id="20 pixels off is still precise"),
    pytest.param(BOX, [20.1, 0, 10, 10], 0.0, 0.0, id="more is not"),
    pytest.param(BOX, [NAN, NAN, NAN, NAN], 0.0, 0.0, id="no prediction"),
]


@pytest.mark.parametrize(("gt", "guess", "auc", "precise"), SOT_CASES)
def test_one_box_by_hand(gt: list[float], guess: list[float], auc: float, precise: float) -> None:
    row = sot_scores(np.array([gt]), np.array([guess])).row()
    assert (row["Success AUC"], row["Precision@20"]) == pytest.approx((auc, precise))


def test_frames_without_a_true_box_are_not_scored() -> None:
    gt = np.array([BOX, [0.0, 0, 0, 0], [NAN, NAN, NAN, NAN]])
    assert sot_scores(gt, np.array([BOX, BOX, BOX])).frames == 1
    with pytest.raises(ValueError, match="no frame has a true box"):
        sot_scores(gt[1:], gt[1:])


def test_every_sequence_counts_the_same() -> None:
    long = sot_scores(np.array([BOX] * 9), np.array([BOX] * 9))
    lost = sot_scores(np.array([BOX]), np.array([[90.0, 90, 5, 5]]))
    assert combine_sot([long, lost]).row()["Success AUC"] == pytest.approx(10 / 21)


labels = st.lists(st.integers(0, 4), min_size=30, max_size=30)


@given(labels, labels)
def test_iou_and_accuracy_are_what_sets_of_pixels_say(gt: list[int], guess: list[int]) -> None:
    void, classes = 4, 4
    scored = [i for i, label in enumerate(gt) if label != void]
    if not scored:
        return
    counts = confusion(np.array(gt), np.array(guess), classes, void=(void,))
    ious, weighted, recalls = [], [], []
    for name in range(classes):
        a, b = {i for i in scored if gt[i] == name}, {i for i in scored if guess[i] == name}
        if a | b:
            ious.append(len(a & b) / len(a | b))
            weighted.append(len(a) / len(scored) * ious[-1])
        if a:
            recalls.append(len(a & b) / len(a))
    row = segmentation_row(counts)
    assert row["mIoU"] == pytest.approx(np.mean(ious), abs=1e-9)
    assert row["FW IoU"] == pytest.approx(sum(weighted), abs=1e-9)
    assert row["Mean accuracy"] == pytest.approx(np.mean(recalls), abs=1e-9)
    assert row["Pixel accuracy"] == pytest.approx(np.mean([gt[i] == guess[i] for i in scored]))


def test_frames_add_up() -> None:
    """Two frames scored apart and added score as the two glued together."""
    a, b = np.array([[0, 1], [2, 2]]), np.array([[0, 2], [2, 2]])
    apart = confusion(a, b, 3) + confusion(b, a, 3)
    glued = confusion(np.stack([a, b]), np.stack([b, a]), 3)
    assert (apart == glued).all()
    assert np.isnan(class_iou(confusion(a, a, 4))[3])


def test_labels_outside_the_classes() -> None:
    with pytest.raises(ValueError, match="labels 0 to 7 in the ground truth, 3 classes"):
        confusion(np.array([0, 7]), np.array([0, 0]), 3)
    assert confusion(np.array([0, 1]), np.array([0, 9]), 2).tolist() == [[1, 0, 0], [0, 0, 1]]
