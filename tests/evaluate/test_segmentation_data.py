"""Datasets of semantic and panoptic segmentation: every layout is found, read by its rules, and scored."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import semanticdata
from segmenters import ColourNetwork, network_file
from typer.testing import CliRunner

from vistream.cli.main import app
from vistream.errors import VistreamError
from vistream.evaluate.datasets.benchmarks import BENCHMARKS, read_ground_truth
from vistream.evaluate.datasets.labelled import find_footage
from vistream.evaluate.datasets.segmenting import SegmentationOrder, evaluate_segmentation, segment_and_score
from vistream.evaluate.table import Table
from vistream.media.formats.davis import read_labels
from vistream.models.classes import VOID, class_set
from vistream.segment.inference import Inference
from vistream.segment.segmenter import Segmenter

DEMO = Path(__file__).parents[2] / "demo_videos"


def score(folder: Path, task: str = "semseg", dataset: str = "") -> Table:
    """With a network that knows the answer."""
    found = find_footage(task, folder / "data", (), dataset)
    network = ColourNetwork(BENCHMARKS[found[0].dataset].classes if task == "semseg" else "coco-panoptic")
    order = SegmentationOrder(task, folder / "out", "the colours", dataset)
    return segment_and_score(order, Segmenter(network, task), found)


LAYOUTS: dict[str, tuple[Callable[[Path], None], str, list[str]]] = {
    "ADE20K": (semanticdata.ade20k, "ade20k", ["data"]),
    "Cityscapes": (semanticdata.cityscapes, "cityscapes", ["bonn", "ulm"]),
    "Cityscapes, own numbers": (partial(semanticdata.cityscapes, own_ids=True), "cityscapes", ["bonn", "ulm"]),
    "VOC2012": (semanticdata.voc, "voc2012", ["data"]),
    "Pascal Context": (partial(semanticdata.voc, context=True), "pascal-context-59", ["data"]),
    "COCO-Stuff 10k": (semanticdata.coco_stuff_10k, "coco-stuff-10k", ["data"]),
    "COCO-Stuff 164k": (semanticdata.coco_stuff_164k, "coco-stuff-164k", ["data"]),
    "CamVid": (semanticdata.camvid, "camvid", ["data"]),
    "a clip of CamVid": (semanticdata.clip, "camvid", ["camvid_01"]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_is_found_and_read_by_its_rules(layout: str, tmp_path: Path) -> None:
    make, dataset, names = LAYOUTS[layout]
    make(tmp_path / "data")
    found = find_footage("semseg", tmp_path / "data")
    assert [(footage.name, footage.dataset) for footage in found] == [(name, dataset) for name in names]
    row = score(tmp_path).overall
    assert row["mIoU"] == row["Pixel accuracy"] == row["FW IoU"] == 1.0
    rules = BENCHMARKS[dataset]
    for number, path in enumerate(found[0].ground_truth.values(), start=1):
        expected = semanticdata.truth_of(1 if layout == "a clip of CamVid" and number < 3 else min(number, 2))
        np.testing.assert_array_equal(read_ground_truth(path, rules), expected)
        break


def test_a_context_of_sixty_classes_keeps_its_background(tmp_path: Path) -> None:
    semanticdata.voc(tmp_path / "data", context=True)
    (footage,) = find_footage("semseg", tmp_path / "data", (), "pascal-context-60")
    gt = read_ground_truth(footage.ground_truth["im_1"], BENCHMARKS[footage.dataset])
    plain = semanticdata.truth_of(1)
    np.testing.assert_array_equal(gt, np.where(plain == VOID, 0, plain + 1))  # what 59 leaves out is class 0


def test_of_panoptic_coco_what_is_trained_on_is_not_scored(tmp_path: Path) -> None:
    semanticdata.coco_panoptic(tmp_path, "train2017")
    assert [found.name for found in find_footage("panoptic", tmp_path)] == ["panoptic_train2017"]  # there is no other
    semanticdata.coco_panoptic(tmp_path)
    assert [found.name for found in find_footage("panoptic", tmp_path)] == ["panoptic_val2017"]


@pytest.mark.parametrize("task", ["semseg", "panoptic"])
def test_two_sets_of_pictures_with_one_name_are_refused(task: str, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (semanticdata.clip if task == "semseg" else semanticdata.coco_panoptic)(tmp_path / folder / "data")
    with pytest.raises(VistreamError, match=r"two sequences are called .*one.*two.*give --data the folder of one"):
        find_footage(task, tmp_path)
    assert len(find_footage(task, tmp_path / "one")) == 1


def test_panoptic_coco_is_found_and_scored(tmp_path: Path) -> None:
    semanticdata.coco_panoptic(tmp_path / "data")
    table = score(tmp_path, "panoptic")
    row = table.overall
    assert (row["RQ"], row["RQ things"]) == (1.0, 1.0)
    assert 0.95 < row["PQ"] <= 1.0 and np.isnan(row["PQ stuff"])
    assert list(table.rows) == ["panoptic_val2017"]
    assert set(table.details[0].rows) == set(class_set("coco-panoptic").names[2:7])


def test_only_a_video_can_flicker(tmp_path: Path) -> None:
    semanticdata.clip(tmp_path / "data")
    assert score(tmp_path).overall["Flicker"] < 0.2  # in the last frame all is new: optical flow finds movement
    semanticdata.camvid(tmp_path / "other" / "data")
    assert np.isnan(score(tmp_path / "other").overall["Flicker"])


def test_classes_are_matched_by_name_where_sets_differ(tmp_path: Path) -> None:
    semanticdata.clip(tmp_path / "data")
    found = find_footage("semseg", tmp_path / "data")
    order = SegmentationOrder("semseg", tmp_path / "out", "the colours")
    table = segment_and_score(order, Segmenter(ColourNetwork("plaza")), found)
    assert table.notes == ("the network does not know road, sign, fence, car, bicyclist (5 classes)",)
    written = read_labels(tmp_path / "out" / "semseg" / "camvid_01" / "00000.png")
    assert set(np.unique(written).tolist()) <= {0, 1, 2, 4, 5, 9, VOID}


def test_what_is_finished_is_not_run_again(tmp_path: Path) -> None:
    semanticdata.clip(tmp_path / "data")
    model = str(network_file(tmp_path, "camvid"))
    order = SegmentationOrder("semseg", tmp_path / "out", model)
    first = evaluate_segmentation(order, tmp_path / "data")
    written = tmp_path / "out" / "semseg" / "camvid_01" / "00001.png"
    before = written.stat().st_mtime_ns
    again = evaluate_segmentation(order, tmp_path / "data")
    assert again.as_dict() == first.as_dict()
    assert written.stat().st_mtime_ns == before
    slid = evaluate_segmentation(
        SegmentationOrder("semseg", tmp_path / "out", model, how=Inference(window=64)), tmp_path / "data"
    )
    assert written.stat().st_mtime_ns > before
    assert slid.about["inference"] == "windows of 64"


@pytest.mark.parametrize("task", ["semseg", "panoptic"])
def test_the_first_frames_alone(tmp_path: Path, task: str) -> None:
    (semanticdata.clip if task == "semseg" else semanticdata.coco_panoptic)(tmp_path / "data")
    model = network_file(tmp_path, "camvid" if task == "semseg" else "coco-panoptic", panoptic=task == "panoptic")
    table = evaluate_segmentation(
        SegmentationOrder(task, tmp_path / "out", str(model)), tmp_path / "data", max_frames=1
    )
    if task == "semseg":
        assert [path.name for path in (tmp_path / "out").rglob("*.png")] == ["00000.png"]
    else:
        assert (
            len(json.loads((tmp_path / "out" / "panoptic" / "panoptic_val2017.json").read_text())["annotations"]) == 1
        )
        assert table.overall["Segments"] == len(set(np.unique(semanticdata.labels_of(1)[1:]).tolist()))


def test_what_is_wrong_is_said_in_one_line(tmp_path: Path) -> None:
    semanticdata.clip(tmp_path / "data", "street")
    with pytest.raises(
        VistreamError, match="street: nothing tells whose classes its labels are: say it with --dataset"
    ):
        find_footage("semseg", tmp_path / "data")
    with pytest.raises(VistreamError, match="no dataset is called 'mars': it is one of ade20k, cityscapes"):
        find_footage("semseg", tmp_path / "data", (), "mars")
    assert find_footage("semseg", tmp_path / "data", (), "camvid")[0].dataset == "camvid"
    with pytest.raises(VistreamError, match="holds no pictures with ground truth for panoptic"):
        find_footage("panoptic", tmp_path / "data")
    with pytest.raises(VistreamError, match="has no sequence 'x' for semseg: it has street"):
        find_footage("semseg", tmp_path / "data", ("x",))
    semanticdata.label_file(tmp_path / "data" / "street" / "labels" / "00000.png", np.full((60, 80), 40))
    with pytest.raises(
        VistreamError, match=r"00000\.png has the label 40, but camvid has 11 classes: another dataset\?"
    ):
        score(tmp_path, dataset="camvid")
    (tmp_path / "data" / "street" / "images" / "00002.png").unlink()
    with pytest.raises(VistreamError, match=r"00002\.png has no picture in .*images"):
        find_footage("semseg", tmp_path / "data", (), "camvid")


def test_the_command_scores_the_demo_clips(tmp_path: Path) -> None:
    model = network_file(tmp_path)
    asked = ["eval", "--task", "semseg", "--data", str(DEMO), "--model", str(model), "--max-frames", "2"]
    done = CliRunner().invoke(app, [*asked, "--sequences", "plaza_pan", "--json", str(tmp_path / "a.json")])
    assert done.exit_code == 0, done.output
    table = json.loads((tmp_path / "a.json").read_text())
    assert set(table["rows"]) == {"plaza_pan"}
    assert 0.0 <= table["rows"]["plaza_pan"]["mIoU"] <= 1.0
    assert set(table["details"][0]["rows"]) <= set(class_set("plaza").names)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--task", "mot", "--dataset", "ade20k"], "--dataset is for the task semseg, not mot"),
        (["--task", "semseg", "--fidelity", "medium"], "no fidelity is called 'medium'"),
        (["--task", "semseg", "--detections", "gt"], "--detections is for the tasks that track, not semseg"),
        (["--task", "panoptic", "--augment"], "--augment is for the task semseg, not panoptic"),
    ],
)
def test_options_that_don_t_belong_together(options: list[str], message: str) -> None:
    done = CliRunner().invoke(app, ["eval", "--data", str(DEMO), *options])
    assert isinstance(done.exception, VistreamError)
    assert message in str(done.exception)


@pytest.mark.real
def test_the_real_clip_is_read(real_data: Path, tmp_path: Path) -> None:
    (footage,) = find_footage("semseg", real_data / "semseg")
    assert (footage.dataset, len(footage), footage.consecutive) == ("camvid", 16, True)
    table = evaluate_segmentation(
        SegmentationOrder("semseg", tmp_path, str(network_file(tmp_path, "camvid"))), real_data / "semseg", max_frames=2
    )
    assert 0.0 <= table.overall["mIoU"] <= 1.0
    assert sum(row["Pixels"] for row in table.details[0].rows.values()) == pytest.approx(1.0)
