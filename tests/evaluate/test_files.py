"""Scoring finished files and folders."""

from __future__ import annotations

import shutil
from importlib.metadata import files
from pathlib import Path

import numpy as np
import pytest

from vistream.errors import VistreamError
from vistream.evaluate.files.mot import mot_scene
from vistream.evaluate.files.score import evaluate_files
from vistream.evaluate.metrics.clear import clear
from vistream.media.formats import rle
from vistream.media.formats.davis import write_labels
from vistream.media.formats.mot import read_tracks

TUD = ("TUD-Campus", "TUD-Stadtmitte")


def wheel(sequence: str, name: str) -> Path:
    """A file of the TUD fixture that the motmetrics wheel carries."""
    wanted = f"motmetrics/data/{sequence}/{name}.txt"
    return next(Path(str(f.locate())) for f in files("motmetrics") or [] if str(f) == wanted)


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


@pytest.mark.parity
def test_two_files_of_tud_have_their_published_figures() -> None:
    table = evaluate_files("mot", wheel("TUD-Campus", "gt"), wheel("TUD-Campus", "test"))
    row = table.rows["gt"]
    assert table.combined is None
    assert (row["MOTA"], row["IDF1"]) == pytest.approx((0.526462, 0.557659), abs=5e-7)
    assert row["IDSW"] == 7
    assert row["HOTA"] == pytest.approx(0.3914, abs=5e-5)


@pytest.mark.parity
@pytest.mark.parametrize(
    ("gt", "pred"), [("{}/gt/gt.txt", "{}.txt"), ("{}.txt", "data/{}.txt")], ids=["MOTChallenge", "flat"]
)
def test_folders_of_tud_combine_to_the_published_figures(tmp_path: Path, gt: str, pred: str) -> None:
    for name in TUD:
        for pattern, source in (("gt/" + gt, "gt"), ("out/" + pred, "test")):
            target = tmp_path / pattern.format(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(wheel(name, source), target)
    table = evaluate_files("mot", tmp_path / "gt", tmp_path / "out")
    assert list(table.rows) == list(TUD)
    assert table.combined is not None
    assert table.combined["MOTA"] == pytest.approx(0.555116, abs=5e-7)
    assert table.combined["IDF1"] == pytest.approx(0.624296, abs=5e-7)
    assert table.combined["HOTA"] == pytest.approx(0.4, abs=5e-5)
    assert table.combined["IDSW"] == 14
    assert not table.notes


def test_nine_columns_mean_mot16(tmp_path: Path) -> None:
    """A pedestrian, one flagged out, a distractor: the prediction on the distractor is not counted."""
    gt = write(tmp_path / "gt.txt", "1,1,1,1,10,10,1,1,1", "1,2,50,1,10,10,0,1,1", "1,3,90,1,10,10,1,8,1")
    rows = ["1,7,1,1,10,10,1,-1,-1,-1", "1,8,90,1,10,10,1,-1,-1,-1"]
    row = evaluate_files("mot", gt, write(tmp_path / "out.txt", *rows)).overall
    assert (row["MOTA"], row["FP"], row["FN"]) == (1.0, 0, 0)


def test_odd_predictions_are_said(tmp_path: Path) -> None:
    line = "{},1,1,1,10,10,1,-1,-1,-1"
    write(tmp_path / "gt" / "a.txt", line.format(1), line.format(2))
    write(tmp_path / "gt" / "b.txt", line.format(1))
    write(tmp_path / "out" / "a.txt", line.format(1), line.format(3))
    write(tmp_path / "out" / "b.txt")
    write(tmp_path / "out" / "c.txt", line.format(1))
    table = evaluate_files("mot", tmp_path / "gt", tmp_path / "out")
    assert table.notes == (
        "a: 1 predictions after the last true object (frame 2): false positives",
        "b: not a single prediction",
        "without ground truth, not scored: c.txt",
    )
    assert table.rows["b"]["MOTA"] == 0.0


def code(left: int, right: int) -> str:
    mask = np.zeros((4, 10), np.bool_)
    mask[:, left:right] = True
    return rle.encode(mask)["counts"].decode()


def test_mots_objects_match_within_their_class(tmp_path: Path) -> None:
    """A person and a bag; the bag is found as a person: one find, one miss, one invention."""
    gt = write(tmp_path / "gt.txt", f"1 2001 2 4 10 {code(0, 4)}", f"1 27001 27 4 10 {code(5, 9)}")
    rows = [f"1 1 2 4 10 {code(0, 4)}", f"1 2 2 4 10 {code(5, 9)}"]
    row = evaluate_files("mots", gt, write(tmp_path / "out.txt", *rows)).overall
    assert (row["MOTSA"], row["FP"], row["FN"]) == (0.0, 1, 1)
    right = [rows[0], f"1 2 27 4 10 {code(5, 9)}", f"1 3 1 4 10 {code(4, 5)}"]
    table = evaluate_files("mots", gt, write(tmp_path / "right.txt", *right))
    assert (table.overall["sMOTSA"], table.overall["HOTA"]) == (1.0, 1.0)
    assert table.notes == ("gt: 1 predictions of classes without ground truth are left out",)


def test_mots_leaves_out_what_lies_in_an_ignored_region(tmp_path: Path) -> None:
    regions = [f"0 10000 10 4 10 {code(*span)}" for span in ((5, 10), (4, 6))]  # they may overlap
    gt = write(tmp_path / "gt.txt", f"0 2001 2 4 10 {code(0, 4)}", *regions)
    pred = write(tmp_path / "out.txt", f"0 1 2 4 10 {code(0, 3)}", f"0 2 2 4 10 {code(5, 9)}")
    row = evaluate_files("mots", gt, pred, first_frame=0).overall
    assert (row["MOTSA"], row["MOTSP"], row["sMOTSA"]) == (1.0, 0.75, 0.75)


def label_folder(folder: Path, *maps: list[list[int]]) -> Path:
    folder.mkdir(parents=True)
    for frame, rows in enumerate(maps):
        write_labels(folder / f"{frame:05d}.png", np.array(rows, np.uint8))
    return folder


def test_vos_combines_over_objects(tmp_path: Path) -> None:
    """Sequence a has two objects, one of them lost; b has one, found: means 1/2 and 1, over objects 2/3."""
    two, lost = [[1, 1, 0, 2, 2]], [[1, 1, 0, 0, 0]]
    label_folder(tmp_path / "gt" / "a", two, two, two)
    label_folder(tmp_path / "out" / "a", two, lost, two)
    label_folder(tmp_path / "gt" / "b", [[0, 255]], [[0, 255]], [[0, 255]])
    label_folder(tmp_path / "out" / "b", [[0, 0]], [[0, 1]], [[0, 0]])
    table = evaluate_files("vos", tmp_path / "gt", tmp_path / "out")
    assert [row["J-Mean"] for row in table.rows.values()] == [0.5, 1.0]
    assert table.overall["J-Mean"] == pytest.approx(2 / 3)
    assert [row["J-Mean"] for row in table.details[0].rows.values()] == [1.0, 0.0, 1.0]


def test_a_lone_object_may_be_predicted_as_255(tmp_path: Path) -> None:
    gt = label_folder(tmp_path / "gt", [[0, 1]], [[0, 1]], [[0, 1]])
    pred = label_folder(tmp_path / "out", [[0, 0]], [[0, 255]], [[0, 0]])
    assert evaluate_files("vos", gt, pred).overall["J&F"] == 1.0


def test_label_maps_of_objects_may_end_in_capitals(tmp_path: Path) -> None:
    gt = label_folder(tmp_path / "gt", [[0, 1]], [[0, 1]], [[0, 1]])
    pred = label_folder(tmp_path / "out", [[0, 1]], [[0, 0]], [[0, 1]])
    (pred / "00001.png").rename(pred / "00001.PNG")
    assert evaluate_files("vos", gt, pred).overall["J&F"] == 0.0
    write_labels(pred / "00001.png", np.array([[0, 1]], np.uint8))
    with pytest.raises(VistreamError, match=r"00001\.PNG and .*00001\.png are of one frame"):
        evaluate_files("vos", gt, pred)


def test_objects_that_appear_later_are_named(tmp_path: Path) -> None:
    """Object 2 is there from the second frame on: J and F are those of object 1."""
    one, both = [[1, 1, 0, 0, 0]], [[1, 1, 0, 2, 3]]
    for folder in ("gt", "out"):
        label_folder(tmp_path / folder / "a", one, both, one)
        label_folder(tmp_path / folder / "b", one, one, one)
    table = evaluate_files("vos", tmp_path / "gt", tmp_path / "out")
    assert table.overall["J&F"] == 1.0
    assert table.notes == ("a: not scored, because the first frame doesn't show them: objects 2, 3",)


def test_sot_folders(tmp_path: Path) -> None:
    for name, guess in (("a", "1,1,10,10"), ("b", "50,50,10,10")):
        write(tmp_path / "gt" / name / "groundtruth_rect.txt", "1,1,10,10", "1,1,10,10")
        write(tmp_path / "out" / f"{name}.txt", guess, guess)
    table = evaluate_files("sot", tmp_path / "gt", tmp_path / "out")
    assert [row["Success AUC"] for row in table.rows.values()] == pytest.approx([20 / 21, 0.0])
    assert table.overall["Success AUC"] == pytest.approx(10 / 21)
    assert table.overall["Frames"] == 4


def test_a_sequence_of_otb_may_have_two_targets(tmp_path: Path) -> None:
    for name in ("Jogging/groundtruth_rect.1", "Jogging/groundtruth_rect.2", "Biker/groundtruth_rect"):
        write(tmp_path / "gt" / f"{name}.txt", "1,1,10,10", "1,1,10,10")
    for name in ("Jogging.1", "Jogging.2", "Biker"):
        write(tmp_path / "out" / f"{name}.txt", "1,1,10,10", "1,1,10,10")
    table = evaluate_files("sot", tmp_path / "gt", tmp_path / "out")
    assert (list(table.rows), table.notes) == (["Biker", "Jogging.1", "Jogging.2"], ())
    alone = evaluate_files("sot", tmp_path / "gt" / "Jogging", tmp_path / "out")
    assert list(alone.rows) == ["Jogging.1", "Jogging.2"]
    second = tmp_path / "gt" / "Jogging" / "groundtruth_rect.2.txt"
    assert list(evaluate_files("sot", second, tmp_path / "out" / "Jogging.2.txt").rows) == ["Jogging.2"]


def test_what_cannot_be_paired_or_scored_is_named(tmp_path: Path) -> None:
    line = "1,1,1,1,10,10,1,-1,-1,-1"
    gt = write(tmp_path / "gt" / "a.txt", line)
    pred = write(tmp_path / "out" / "b.txt", line)
    (tmp_path / "empty").mkdir()
    other_class = write(tmp_path / "bag.txt", "1,1,1,1,10,10,1,27,1")
    gone = write(tmp_path / "flag.txt", "1,1,1,1,10,10,0,-1,-1,-1")
    maps = label_folder(tmp_path / "maps", [[1]], [[1]], [[1]])
    fewer = label_folder(tmp_path / "fewer", [[1]], [[1]])
    larger = label_folder(tmp_path / "larger", [[1, 1]], [[1, 1]], [[1, 1]])
    long = write(tmp_path / "long.txt", "1,1,5,5", "1,1,5,5")
    cases: list[tuple[str, Path, Path, str]] = [
        ("fly", gt, pred, 'no task "fly"'),
        ("mot", tmp_path / "none.txt", pred, r"none\.txt does not exist"),
        ("mot", gt, tmp_path / "out", "is one sequence"),
        ("mot", tmp_path / "gt", pred, "is a folder of sequences"),
        ("mot", tmp_path / "gt", tmp_path / "out", r"a\.txt is missing"),
        ("mot", tmp_path / "empty", tmp_path / "out", "holds no ground truth for mot"),
        ("mot", other_class, pred, "no object to score: class 1 with a flag"),
        ("mot", gone, pred, "no object to score: a flag of 1 is expected"),
        ("mot", write(tmp_path / "nothing.txt"), pred, r"nothing\.txt has no object to score: it has no line"),
        ("mot", gt, write(tmp_path / "results.zip"), r"results\.zip is an archive: unpack it"),
        ("mots", write(tmp_path / "e.txt"), pred, r"e\.txt has no object to score|columns"),
        ("vos", maps, fewer, r"lacks 00002\.png \(1 of 3"),
        ("vos", maps, larger, r"frame 0: \(1, 2\) predicted"),
        ("vos", fewer, maps, "2 frames"),
        ("vos", maps, tmp_path / "empty", r"empty holds no label maps \(\*\.png\)"),
        ("sot", long, write(tmp_path / "short.txt", "1,1,5,5"), "1 boxes predicted, 2 in"),
    ]
    for task, left, right, complaint in cases:
        with pytest.raises(VistreamError, match=complaint):
            evaluate_files(task, left, right)


def test_masks_that_overlap_are_refused_with_their_frame(tmp_path: Path) -> None:
    gt = write(tmp_path / "gt.txt", f"5 2001 2 4 10 {code(0, 4)}")
    pred = write(tmp_path / "out.txt", f"5 1 2 4 10 {code(0, 4)}", f"5 2 2 4 10 {code(3, 6)}")
    with pytest.raises(VistreamError, match=r"out\.txt: masks overlap in frame 5"):
        evaluate_files("mots", gt, pred)


REAL = [
    # four of 873 boxes are flagged 0: not objects to find, so finding them is four times wrong
    ("mot", "mot/PETS09-S2L1", "gt/gt.txt", "MOTA", 1 - 4 / 869),
    ("mot", "mot/TUD-Stadtmitte/gt/gt.txt", "", "HOTA", 1.0),
    ("mots", "mots/schoolgirls", "gt/gt_mots.txt", "sMOTSA", 1.0),
    ("vos", "mots/schoolgirls/masks", "", "J&F", 1.0),
    ("vos", "vos/DAVIS2016", "Annotations/480p", "J&F", 1.0),
    ("pose", "pose/bonn-060470979/gt.json", "", "MOTA", 1.0),
]


@pytest.mark.real
@pytest.mark.parametrize(("task", "clip", "inside", "figure", "value"), REAL, ids=[c[1] for c in REAL])
def test_real_ground_truth_against_itself_is_perfect(
    real_data: Path, task: str, clip: str, inside: str, figure: str, value: float
) -> None:
    table = evaluate_files(task, real_data / clip, real_data / clip / inside)
    assert table.overall[figure] == pytest.approx(value)
    assert not table.notes


def test_a_stray_frame_number_costs_no_time(tmp_path: Path) -> None:
    """Frames without a row count for nothing, so that a frame far behind is one false positive."""
    gt, pred = tmp_path / "gt.txt", tmp_path / "pred.txt"
    rows = [f"{frame},1,10,10,30,60,1,-1,-1,-1\n" for frame in range(1, 6)]
    gt.write_text("".join(rows))
    pred.write_text("".join(rows) + "999999999,1,10,10,30,60,1,-1,-1,-1\n")
    scene = mot_scene(read_tracks(gt), read_tracks(pred))
    assert (scene.gt_total, scene.pred_total) == (5, 6)
    assert clear(scene).mota == pytest.approx(0.8)
