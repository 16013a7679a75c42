"""Scoring finished class maps and panoptic files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import semanticdata
from numpy.typing import NDArray
from PIL import Image

from vistream.errors import VistreamError
from vistream.evaluate.datasets.benchmarks import CITYSCAPES_IDS
from vistream.evaluate.files.score import evaluate_files
from vistream.evaluate.metrics.segmentation import class_iou, confusion
from vistream.evaluate.table import COMBINED
from vistream.media.formats.davis import read_classes
from vistream.media.formats.panoptic import write_ids


def maps(folder: Path, *numbers: int) -> Path:
    for number in numbers:
        semanticdata.label_file(folder / f"{number}.png", semanticdata.truth_of(number))
    return folder


@pytest.mark.parity
def test_miou_is_what_one_confusion_matrix_gives(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    counts = np.zeros((5, 5))
    for sequence in ("a", "b"):
        for number in range(3):
            ground_truth = rng.integers(0, 6, (20, 30))
            guess = (
                np.where(rng.random(ground_truth.shape) < 0.6, ground_truth, rng.integers(0, 5, ground_truth.shape)) % 5
            )
            semanticdata.label_file(
                tmp_path / "gt" / sequence / f"{number}.png", np.where(ground_truth == 5, 255, ground_truth)
            )
            semanticdata.label_file(tmp_path / "pred" / sequence / f"{number}.png", guess)
            for y, x in np.ndindex(ground_truth.shape):
                if ground_truth[y, x] < 5:
                    counts[ground_truth[y, x], guess[y, x]] += 1
    right = np.diag(counts)
    iou = right / (counts.sum(0) + counts.sum(1) - right)
    table = evaluate_files("semseg", tmp_path / "gt", tmp_path / "pred")
    assert dict(table.all_rows())[COMBINED]["mIoU"] == pytest.approx(iou.mean(), abs=1e-6)
    assert table.overall["FW IoU"] == pytest.approx((iou * counts.sum(1)).sum() / counts.sum(), abs=1e-6)
    assert [row["IoU"] for row in table.details[0].rows.values()] == pytest.approx(iou, abs=1e-6)


def test_names_may_have_what_datasets_append(tmp_path: Path) -> None:
    semanticdata.cityscapes(tmp_path)
    ground_truth = tmp_path / "gtFine" / "val"
    for town, number in (("bonn", 1), ("ulm", 2)):
        semanticdata.label_file(
            tmp_path / "out" / town / f"{town}_00_{number}_leftImg8bit.png", semanticdata.labels_of(number)
        )
    table = evaluate_files("semseg", ground_truth, tmp_path / "out", dataset="cityscapes")
    assert list(table.rows) == ["bonn", "ulm"]
    assert table.overall["mIoU"] == 1.0
    assert next(iter(table.details[0].rows)) == "building"


def test_missing_and_wrong_maps_are_named(tmp_path: Path) -> None:
    ground_truth = maps(tmp_path / "gt", 1, 2)
    with pytest.raises(VistreamError, match=r"out lacks 2\.png \(1 of 2 label maps are missing\)"):
        evaluate_files("semseg", ground_truth, maps(tmp_path / "out", 1))
    semanticdata.label_file(tmp_path / "out" / "2.png", np.zeros((6, 8), int))
    with pytest.raises(VistreamError, match=r"2\.png is 8 x 6 pixels, .*2\.png is 80 x 60"):
        evaluate_files("semseg", ground_truth, tmp_path / "out")
    semanticdata.label_file(tmp_path / "void" / "1.png", np.full((6, 8), 255))
    with pytest.raises(VistreamError, match="void has no pixel to score"):
        evaluate_files("semseg", tmp_path / "void", tmp_path / "void")
    with pytest.raises(VistreamError, match="no dataset is called 'ade'"):
        evaluate_files("semseg", ground_truth, ground_truth, dataset="ade")


def test_panoptic_files_are_matched_by_name(tmp_path: Path) -> None:
    semanticdata.coco_panoptic(tmp_path)
    gt = tmp_path / "annotations" / "panoptic_val2017.json"
    assert evaluate_files("panoptic", gt, gt).overall["PQ"] == 1.0
    content = json.loads(gt.read_text())
    for entry in (*content["categories"],):
        entry["id"] += 1000
    for entry in content["annotations"]:
        for segment in entry["segments_info"]:
            segment["category_id"] += 1000
    other = tmp_path / "mine.json"
    other.write_text(json.dumps(content))
    (tmp_path / "mine").symlink_to(gt.with_suffix(""))
    assert evaluate_files("panoptic", gt, other).overall["PQ"] == 1.0


def test_a_category_that_is_spelled_otherwise_is_known_by_its_number(tmp_path: Path) -> None:
    semanticdata.coco_panoptic(tmp_path)
    gt = tmp_path / "annotations" / "panoptic_val2017.json"
    content = json.loads(gt.read_text())
    used = content["annotations"][0]["segments_info"][0]["category_id"]
    mine = next(category for category in content["categories"] if category["id"] == used)
    unused = [category["id"] for category in content["categories"] if category["id"] != used]
    name, mine["name"] = mine["name"], "spelled otherwise"
    other = tmp_path / "mine.json"
    (tmp_path / "mine").symlink_to(gt.with_suffix(""))
    other.write_text(json.dumps(content))
    assert evaluate_files("panoptic", gt, other).overall["PQ"] == 1.0
    next(category for category in content["categories"] if category["id"] == unused[0])["name"] = name
    other.write_text(json.dumps(content))
    with pytest.raises(VistreamError, match=rf"segments of 'spelled otherwise' \(category {used}\): "):
        evaluate_files("panoptic", gt, other)


def test_a_panoptic_file_that_lacks_something_is_named(tmp_path: Path) -> None:
    semanticdata.coco_panoptic(tmp_path)
    gt = tmp_path / "annotations" / "panoptic_val2017.json"
    content = json.loads(gt.read_text())
    lame = tmp_path / "annotations" / "lame.json"
    lame.write_text(json.dumps({**content, "annotations": content["annotations"][:1]}))
    with pytest.raises(VistreamError, match=r"lame\.json lacks 000000000002 \(1 of 2 images are missing\)"):
        evaluate_files("panoptic", gt, lame)
    bare = tmp_path / "annotations" / "bare.json"
    bare.write_text(json.dumps({"annotations": content["annotations"]}))
    with pytest.raises(VistreamError, match=r"bare\.json names no categories: a ground truth must"):
        evaluate_files("panoptic", bare, gt)
    write_ids(gt.with_suffix("") / "000000000001.png", np.zeros((60, 80), np.int32))
    with pytest.raises(
        VistreamError, match="segment 702 of the ground truth is in its map or in its list, not in both"
    ):
        evaluate_files("panoptic", gt, gt)


def test_classes_that_are_thin_and_far_are_no_soft_edge(tmp_path: Path) -> None:
    """Eight numbers and more, void among them, and those between only on things of two pixels."""
    labels = np.zeros((60, 80), np.uint8)
    for number in range(8):
        labels[:, 10 * number : 10 * number + 10] = number
    labels[50:] = 255
    labels[20:28, 40:42] = 18
    wrong = np.where(labels == 5, np.uint8(4), labels)
    for name, content in (("gt", labels), ("wrong", wrong)):
        (tmp_path / name).mkdir()
        Image.fromarray(content).save(tmp_path / name / "0.png")
    np.testing.assert_array_equal(read_classes(tmp_path / "gt" / "0.png"), labels)
    table = evaluate_files("semseg", tmp_path / "gt", tmp_path / "wrong", dataset="cityscapes")
    expected = np.nanmean(class_iou(confusion(labels, wrong, 19)))
    assert next(iter(table.rows.values()))["mIoU"] == pytest.approx(expected)


def numbered(folder: Path, *truths: NDArray[np.uint8], ending: str = ".png") -> Path:
    for number, truth in enumerate(truths):
        semanticdata.label_file(folder / f"{number}{ending}", truth)
    return folder


TRAINED = "predictions are read as training numbers, 0 to 18"
OWN = "predictions are read as Cityscapes' own numbers, of labelIds"
ZERO, ONE = "predictions are read as classes from 0", "predictions are read as classes from 1, as label files have them"


@pytest.mark.parametrize(
    ("dataset", "own", "ending", "said"),
    [
        ("cityscapes", True, "_gtFine_labelIds.png", ""),
        ("cityscapes", True, "_labelIds.png", ""),
        ("cityscapes", True, ".png", OWN),
        ("cityscapes", False, "_gtFine_labelTrainIds.png", ""),
        ("cityscapes", False, ".png", TRAINED),
        ("ade20k", True, ".png", ONE),
        ("ade20k", False, ".png", ZERO),
        ("pascal-context-59", True, ".png", ONE),
        ("voc2012", True, ".png", ""),
    ],
)
def test_predictions_may_have_the_numbers_of_label_files(
    tmp_path: Path, dataset: str, own: bool, ending: str, said: str
) -> None:
    """Decided for all maps together: the second alone would fit both ways."""
    classes = [np.array([[3, 14, 15, 255]], np.uint8), np.array([[8, 10, 11, 12]], np.uint8)]
    ids = np.append(np.array(CITYSCAPES_IDS, np.uint8), np.zeros(237, np.uint8))
    files = {"cityscapes": [ids[one] for one in classes], "voc2012": classes}
    truths = files.get(dataset, [semanticdata.reduced(one) for one in classes])
    gt = numbered(tmp_path / "gt", *truths, ending="_gtFine_labelIds.png" if dataset == "cityscapes" else ".png")
    pred = numbered(tmp_path / "out", *(truths if own else classes), ending=ending)
    table = evaluate_files("semseg", gt, pred, dataset=dataset)
    assert table.overall["mIoU"] == 1.0
    assert table.notes == ((said,) if said else ())


def test_a_number_that_is_no_class_changes_no_reading(tmp_path: Path) -> None:
    """19, which is a number of Cityscapes' own, among training numbers: wrong, and the others stay what they are."""
    gt = numbered(tmp_path / "gt", np.array([[3, 4, 5, 6]], np.uint8))
    table = evaluate_files(
        "semseg", gt, numbered(tmp_path / "out", np.array([[3, 4, 5, 19]], np.uint8)), dataset="cityscapes"
    )
    assert (table.overall["Pixel accuracy"], table.notes) == (0.75, (TRAINED,))


def test_a_map_of_one_bit_has_the_classes_0_and_1(tmp_path: Path) -> None:
    numbers = np.array([[0, 1, 1, 0]], np.uint8)
    for folder in ("gt", "out"):
        (tmp_path / folder).mkdir()
    Image.fromarray(numbers == 1).save(tmp_path / "gt" / "0.png")
    semanticdata.label_file(tmp_path / "out" / "0.png", numbers * 0)
    table = evaluate_files("semseg", tmp_path / "gt", tmp_path / "out")
    assert (table.overall["Pixel accuracy"], table.overall["mIoU"]) == (0.5, 0.25)


def test_endings_may_be_capitals_and_no_map_is_there_twice(tmp_path: Path) -> None:
    numbers = np.array([[0, 1, 1, 0]], np.uint8)
    gt = numbered(tmp_path / "gt", numbers)
    semanticdata.label_file(tmp_path / "gt" / "1.PNG", numbers)
    pred = numbered(tmp_path / "out", numbers)
    with pytest.raises(VistreamError, match=r"out lacks 1\.png \(1 of 2"):
        evaluate_files("semseg", gt, pred)
    (tmp_path / "gt" / "0.png").unlink()
    pred = numbered(tmp_path / "capitals", numbers, numbers, ending=".PNG")
    assert evaluate_files("semseg", gt, pred).overall["mIoU"] == 1.0
    semanticdata.label_file(pred / "1_leftImg8bit.png", numbers)
    with pytest.raises(VistreamError, match=r"1\.PNG and .*1_leftImg8bit\.png are of one image"):
        evaluate_files("semseg", gt, pred)
