"""Dataset runs: every layout is found and scored, results are resumed, processes and methods don't change them."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import tinydata
from onnxnets import yolov8
from typer.testing import CliRunner

from vistream.cli.main import app
from vistream.errors import VistreamError
from vistream.evaluate.datasets.clips import find_clips
from vistream.evaluate.datasets.dataset import evaluate_dataset
from vistream.evaluate.datasets.ground_truth import object_boxes
from vistream.evaluate.datasets.job import Order
from vistream.evaluate.files.mot import mot_table
from vistream.evaluate.files.pairs import Pair
from vistream.evaluate.files.score import evaluate_files
from vistream.evaluate.table import COMBINED
from vistream.models.download import located
from vistream.pipeline.run import Run
from vistream.pipeline.settings import Settings

COUNT = 5


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of datasets."""
    folder = tmp_path_factory.mktemp("data")
    tinydata.mot(folder / "MOT17", "MOT17-02", COUNT)
    tinydata.mot(folder / "MOT17", "MOT17-04", COUNT)
    tinydata.mots(folder / "MOTS20", "MOTS20-02", COUNT)
    tinydata.davis(folder / "DAVIS", "two", COUNT)
    tinydata.posetrack(folder / "PoseTrack18", "000001_mpii_test", COUNT)
    tinydata.otb(folder / "OTB", "Basketball", COUNT)
    return folder


def test_each_task_finds_its_own_sequences(root: Path) -> None:
    found = {task: [clip.name for clip in find_clips(task, root)] for task in ("mot", "mots", "vos", "pose", "sot")}
    assert found == {
        "mot": ["MOT17-02", "MOT17-04"],
        "mots": ["MOTS20-02"],
        "vos": ["two"],
        "pose": ["000001_mpii_test"],
        "sot": ["Basketball", "MOT17-02", "MOT17-04", "two"],
    }
    assert [clip.name for clip in find_clips("mot", root / "MOT17" / "train" / "MOT17-04")] == ["MOT17-04"]
    assert [clip.name for clip in find_clips("sot", root, ("B*", "t?o"))] == ["Basketball", "two"]
    clip = find_clips("mot", root / "MOT17")[0]
    assert (clip.fps, Path(clip.footage).name, clip.public) == (
        25.0,
        "img1",
        clip.ground_truth.parents[1] / "det" / "det.txt",
    )


def test_posetrack21_is_found(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "PoseTrack18", tmp_path / "PoseTrack21")
    (tmp_path / "PoseTrack21" / "annotations").rename(tmp_path / "PoseTrack21" / "posetrack_data")
    (clip,) = find_clips("pose", tmp_path)
    assert (clip.name, Path(clip.footage).parent.name) == ("000001_mpii_test", "val")


def test_what_is_not_there_is_said(root: Path, tmp_path: Path) -> None:
    order = Order("mot", "public", tmp_path)
    with pytest.raises(VistreamError, match="holds no sequence with ground truth for mots"):
        find_clips("mots", root / "MOT17")
    with pytest.raises(VistreamError, match=r"no sequence 'MOT16\*' for mot: it has MOT17-02, MOT17-04"):
        find_clips("mot", root, ("MOT16*",))
    with pytest.raises(VistreamError, match="no fidelity is called 'flow': it is one of exact"):
        evaluate_dataset(replace(order, methods=("exact", "flow")), root)
    with pytest.raises(VistreamError, match="the task mot has no detections 'gt-boxes'"):
        evaluate_dataset(replace(order, detections="gt-boxes"), root)
    with pytest.raises(VistreamError, match="the task vos follows"):
        evaluate_dataset(replace(order, task="vos", detections="gt"), root)
    tinydata.mot(tmp_path, "bare", COUNT)
    (tmp_path / "train" / "bare" / "det" / "det.txt").unlink()
    with pytest.raises(VistreamError, match="bare has no public detections"):
        evaluate_dataset(order, tmp_path)


def test_the_years_of_davis(tmp_path: Path) -> None:
    tinydata.davis(tmp_path, "one", COUNT, "2016")
    assert [clip.name for clip in find_clips("vos", tmp_path)] == ["one"]
    tables = evaluate_dataset(Order("vos", "first", tmp_path / "out", ("held",)), tmp_path)
    overlap = (tinydata.SIDE - 4) / (tinydata.SIDE + 4)  # two frames on; the first and the last are not scored
    assert tables["held"].overall["J-Mean"] == pytest.approx(
        ((tinydata.SIDE - 2) / (tinydata.SIDE + 2) + overlap + (tinydata.SIDE - 6) / (tinydata.SIDE + 6)) / 3
    )
    tinydata.davis(tmp_path, "two", COUNT, "2017")
    assert [clip.name for clip in find_clips("vos", tmp_path)] == ["two"]


def test_otb_may_begin_later(tmp_path: Path) -> None:
    tinydata.otb(tmp_path, "BlurCar3", COUNT, skipped=2)
    tables = evaluate_dataset(Order("sot", "first", tmp_path / "out", ("held",)), tmp_path)
    assert tables["held"].overall["Frames"] == COUNT - 2
    first = (tmp_path / "out" / "sot-first-held" / "BlurCar3.txt").read_text().splitlines()
    x, y = tinydata.squares(2)[1]
    assert first[0].startswith(f"{x + 1:.3f},{y + 1:.3f},")


@pytest.mark.parametrize(
    ("task", "detections", "figure", "least"),
    [
        ("mot", "gt", "MOTA", 1.0),
        ("mot", "public", "MOTA", 1.0),
        ("mots", "gt", "sMOTSA", 1.0),
        ("pose", "gt", "MOTA", 1.0),
        ("pose", "first", "Recall", 0.5),
        ("vos", "first", "J-Mean", 0.8),
    ],
)
def test_tasks_run_and_are_scored(
    root: Path, tmp_path: Path, task: str, detections: str, figure: str, least: float
) -> None:
    (table,) = evaluate_dataset(Order(task, detections, tmp_path), root).values()
    assert least <= table.overall[figure] <= 1.0
    assert 0.0 < table.overall["Work"] <= 1.0
    about = table.about
    assert about["model"].startswith("efficientnet-lite0, weights 57934424")
    assert about["fidelity"].startswith("exact (")
    assert ("gt" in about["detector"] and "gt" in table.title) == (detections == "gt")
    assert {"commit", "CPU", "share of dense work"} <= set(about)


def test_a_detector_is_streamed_at_each_methods_fidelity(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISTREAM_HOME", str(tmp_path / "home"))
    detector = f"onnx:{yolov8(tmp_path / 'net.onnx')}"
    tables = evaluate_dataset(Order("mot", detector, tmp_path / "out", ("exact", "high", "float")), root / "MOT17")
    how = {method: table.about["detector"] for method, table in tables.items()}
    assert "streamed where possible, tau 0, h 0" in how["exact"] and "streamed where possible, tau 4" in how["high"]
    assert "streamed" not in how["float"]
    macs = {method: (tmp_path / "out").glob(f"mot-*-{method}/**/*.json") for method in how}
    dense = {m: {json.loads(file.read_text())["macs_dense"] for file in files} for m, files in macs.items()}
    assert min(dense["exact"]) > min(dense["float"])  # the detector's are counted, too


def test_a_run_takes_the_appearance_that_track_takes(root: Path, tmp_path: Path) -> None:
    if located("nanodet-g") is None:
        pytest.skip("no weights here: vistream download-weights nanodet-g")
    tables = evaluate_dataset(Order("mot", "nanodet-g", tmp_path, ("exact", "fast")), root / "MOT17")
    clip = find_clips("mot", root / "MOT17")[0]
    for fidelity, table in tables.items():
        run = Run(clip.footage, Settings(detector="nanodet-g", fidelity=fidelity, classes=("person",)))
        assert table.about["model"] == run.session.model
        run.close()
    assert "own maps" in tables["fast"].about["model"]
    assert "cut early" in tables["exact"].about["model"]


def test_results_can_be_scored_again_as_files(root: Path, tmp_path: Path) -> None:
    tables = evaluate_dataset(Order("mot", "public", tmp_path, ("exact",)), root)
    again = evaluate_files("mot", root / "MOT17" / "train", tmp_path / "mot-public-exact")
    assert not again.notes
    for name, row in again.all_rows():
        mine = dict(tables["exact"].all_rows())[name]
        assert {column: mine[column] for column in row} == row


def test_finished_sequences_are_kept_while_settings_are_the_same(root: Path, tmp_path: Path) -> None:
    order = Order("sot", "first", tmp_path, ("held",))
    told: list[int] = []
    data = root / "OTB"
    before = evaluate_dataset(order, data, start=lambda frames: told.append)["held"]
    result = tmp_path / "sot-first-held" / "Basketball.txt"
    kept = result.read_text()
    result.write_text(kept.replace("24.000,24.000", "25.000,24.000"))  # a mark to know it by
    assert evaluate_dataset(order, data, start=lambda frames: told.append)["held"].overall != before.overall
    assert told == [1] * COUNT + [COUNT]
    evaluate_dataset(replace(order, classes=("person",)), data)
    assert result.read_text() == kept
    result.unlink()
    evaluate_dataset(replace(order, classes=("person",)), data)
    assert result.read_text() == kept
    marker = tmp_path / "sot-first-held" / "finished" / "Basketball.json"
    marker.write_text("{}")
    with pytest.raises(VistreamError, match=r'Basketball\.json has no "settings"'):
        evaluate_dataset(order, data)


def test_classes_are_all_that_is_tracked_and_scored(tmp_path: Path) -> None:
    """One of the two squares is a bag."""
    tinydata.mots(tmp_path, "bag", COUNT)
    ground_truth = tmp_path / "train" / "bag" / "gt" / "gt.txt"
    lines = ground_truth.read_text().splitlines()
    ground_truth.write_text("".join(f"{line}\n" for line in lines if " 2002 " not in line))
    bags = [line.replace(" 2002 2 ", " 27002 27 ") for line in lines if " 2002 " in line]
    ground_truth.write_text(ground_truth.read_text() + "".join(f"{line}\n" for line in bags))
    order = Order("mots", "gt", tmp_path / "out", classes=("person",))
    row = evaluate_dataset(order, tmp_path)["exact"].overall
    assert (row["sMOTSA"], row["FN"]) == (1.0, 0)
    assert len((tmp_path / "out" / "mots-gt-exact" / "bag.txt").read_text().splitlines()) == COUNT
    assert evaluate_dataset(replace(order, classes=()), tmp_path)["exact"].overall["sMOTSA"] == 1.0
    with pytest.raises(VistreamError, match="has no object to score"):
        evaluate_dataset(replace(order, classes=("car",)), tmp_path)


@pytest.mark.parametrize("layout", [tinydata.kitti, tinydata.visdrone])
def test_classes_and_regions_of_kitti_and_visdrone(layout: Callable[[Path, str, int], None], tmp_path: Path) -> None:
    """Everything is found that is scored; of the classes named, those alone; a cut clip is scored alike."""
    layout(tmp_path / "data", "0003", COUNT)
    order = Order("mot", "gt", tmp_path / "out")
    row = evaluate_dataset(order, tmp_path / "data")["exact"].overall
    assert (row["MOTA"], row["FN"], row["FP"]) == (1.0, 0, 0)
    text = tmp_path / "out" / "mot-gt-exact" / "0003.txt"
    assert len(text.read_text().splitlines()) == 2 * COUNT
    cars = replace(order, classes=("car",), output=tmp_path / "cars")
    row = evaluate_dataset(cars, tmp_path / "data", max_frames=3)["exact"].overall
    assert (row["MOTA"], row["FN"]) == (1.0, 0)
    with pytest.raises(VistreamError, match=r"0003\.txt has no object to score: of its classes"):
        evaluate_dataset(replace(order, classes=("bus",)), tmp_path / "data")


def test_what_lies_in_a_region_or_on_another_class_is_neither_right_nor_wrong(tmp_path: Path) -> None:
    tinydata.kitti(tmp_path, "0003", 1)
    ground_truth = tmp_path / "training" / "label_02" / "0003.txt"
    car, person, region, nowhere = "5,5,24,24", "61,37,24,24", "73,3,15,15", "40,4,9,9"
    found = tmp_path / "found.txt"
    boxes = enumerate((car, person, region, nowhere), start=1)
    found.write_text("".join(f"1,{number},{box},1,-1,-1,-1\n" for number, box in boxes))
    assert evaluate_files("mot", ground_truth, found).overall["FP"] == 1
    assert mot_table([Pair("a", ground_truth, found)], ("car",)).overall["FP"] == 1  # the person is neither


def test_classes_that_cvat_names_are_scored(tmp_path: Path) -> None:
    """Its MOT export numbers the classes of the task, with their names beside the ground truth."""
    tinydata.mot(tmp_path, "cvat", COUNT)
    folder = tmp_path / "train" / "cvat" / "gt"
    (folder / "labels.txt").write_text("bus\ncyclist\n")
    (folder / "gt.txt").write_text(
        "".join(f"{n},1,{n},1,24,24,1,1,1.0\n{n},2,{60 - n},30,24,24,1,2,1.0\n" for n in range(1, COUNT + 1))
    )
    order = Order("mot", "gt", tmp_path / "out")
    row = evaluate_dataset(order, tmp_path, max_frames=4)["exact"].overall
    assert (row["MOTA"], row["FN"]) == (1.0, 0)
    assert len((tmp_path / "out" / "mot-gt-exact" / "cvat.txt").read_text().splitlines()) == 2 * 4


def test_the_users_own_file_is_named_where_scores_stand_for_flags(tmp_path: Path) -> None:
    tinydata.mot(tmp_path, "scores", COUNT)
    ground_truth = tmp_path / "train" / "scores" / "gt" / "gt.txt"
    ground_truth.write_text("".join(f"{n},1,{n},1,24,24,0.63,-1,-1,-1\n" for n in range(1, COUNT + 1)))
    with pytest.raises(VistreamError, match=r"no object to score: column 7 holds scores \(0\.63\)") as error:
        evaluate_dataset(Order("mot", "public", tmp_path / "out"), tmp_path, max_frames=3)
    assert str(error.value).startswith(str(ground_truth.resolve()))


def test_a_run_that_was_cut_short_is_not_finished(root: Path, tmp_path: Path) -> None:
    order = Order("mot", "public", tmp_path, ("exact",))

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate_dataset(order, root, start=lambda frames: stop)
    assert not list(tmp_path.rglob("finished/*.json"))


def test_processes_change_nothing(root: Path, tmp_path: Path) -> None:
    order = Order("sot", "first", tmp_path / "one", ("held",))
    data = tmp_path / "data"
    for name in ("a", "b"):
        tinydata.otb(data, name, COUNT)
    told: list[int] = []
    one = evaluate_dataset(order, data)["held"]
    two = evaluate_dataset(replace(order, output=tmp_path / "two"), data, jobs=2, start=lambda frames: told.append)[
        "held"
    ]
    for name in ("a", "b", COMBINED):
        assert dict(one.all_rows())[name]["Success AUC"] == dict(two.all_rows())[name]["Success AUC"]
    assert sum(told) == 2 * COUNT


@pytest.mark.parametrize("task", ["mot", "mots", "vos", "pose", "sot"])
def test_the_first_frames_alone(root: Path, tmp_path: Path, task: str) -> None:
    """Scores need no more ground truth than there are frames; here nothing moves but what is given."""
    method = "held" if task in ("vos", "sot") else "exact"
    order = Order(task, "first" if method == "held" else "gt", tmp_path, (method,))
    (name,) = {"mot": ["MOT17-02"], "sot": ["Basketball"]}.get(task, [clip.name for clip in find_clips(task, root)])
    told: list[int] = []
    table = evaluate_dataset(order, root, (name,), max_frames=3, start=lambda frames: told.append)[method]
    assert told == [1, 1, 1]
    assert not table.notes
    figure = {"mot": "MOTA", "mots": "sMOTSA", "vos": "J-Mean", "pose": "Recall", "sot": "Frames"}[task]
    still = (tinydata.SIDE - 2) / (tinydata.SIDE + 2)
    assert table.overall[figure] == pytest.approx({"vos": still, "sot": 3}.get(task, 1.0))


def test_tracks_are_followed_from_their_first_box(tmp_path: Path) -> None:
    rows = [f"{n},{i},{10 * i + n},5,8,8,{int(not (i == 2 and n == 3))},1,1" for n in range(1, 33) for i in (1, 2, 3)]
    tinydata.mot(tmp_path, "long", COUNT)
    ground_truth = tmp_path / "train" / "long" / "gt" / "gt.txt"
    tinydata.write(
        ground_truth, "\n".join(row for row in rows if not row.startswith(("1,2,", "30,3,", "31,3,", "32,3,")))
    )
    boxes = object_boxes(find_clips("sot", tmp_path)[0])
    assert {number: (first, len(of)) for number, (first, of) in boxes.items()} == {1: (0, 32), 2: (1, 31)}
    assert boxes[2][1][1].tolist() != boxes[2][1][1].tolist()  # NaN where it is flagged out
    assert boxes[1][1][0].tolist() == [10.0, 4.0, 8.0, 8.0]


@pytest.mark.real
def test_true_boxes_get_their_ids_back(real_data: Path, tmp_path: Path) -> None:
    order = Order("mot", "gt", tmp_path)
    rows = evaluate_dataset(order, real_data, ("PETS09-S2L1", "TUD-*"), max_frames=50)["exact"].rows
    assert all(row["IDF1"] >= 0.85 for row in rows.values()), rows


def test_the_command(root: Path, tmp_path: Path) -> None:
    arguments = ["eval", "--task", "sot", "--data", str(root / "OTB"), "--baselines", "--fidelity", "exact,float"]
    files = ["--json", str(tmp_path / "t.json"), "--csv", str(tmp_path / "t.csv")]
    done = CliRunner().invoke(app, [*arguments, *files, "--output", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert [table["title"] for table in json.loads((tmp_path / "t.json").read_text())] == [
        f"Single object tracking (first, {method})" for method in ("held", "exact", "float")
    ]
    rows = list(csv.reader((tmp_path / "t.csv").read_text().splitlines()))
    assert [row[:2] for row in rows][1] == ["Single object tracking (first, held)", "Basketball"]
    assert len(rows) == 4
    for said in ("Success AUC", "Basketball", "float (not quantised, whole frames)", "share of dense work: 100.0%"):
        assert said in " ".join(done.output.split())
    for wrong, complaint in (
        ([*arguments, "--gt", "a"], "give one or the other"),
        (["eval", "--gt", "a"], "give --gt and --pred"),
        (["eval", "--data", str(root), "--baselines"], "the task mot has no baselines"),
        (["eval", "--data", str(root), "--json", "t.txt"], "ends in .json"),
    ):
        failed = CliRunner().invoke(app, wrong)
        assert failed.exit_code != 0 and complaint in str(failed.exception)
