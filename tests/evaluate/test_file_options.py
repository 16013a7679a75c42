"""The options of `eval` that score finished results: which sequences and classes; what would do nothing is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tinydata
from typer.testing import CliRunner

from vistream.cli.main import app
from vistream.errors import VistreamError
from vistream.evaluate.files.score import evaluate_files
from vistream.media.formats.davis import write_labels

LINE = "1,1,1,1,10,10,1,-1,-1,-1\n"


def write(path: Path, text: str = LINE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Three sequences, of which two have a prediction; a prediction without ground truth."""
    for name in ("PETS-1", "PETS-2", "TUD"):
        write(tmp_path / "gt" / name / "gt" / "gt.txt")
    for name in ("PETS-1", "TUD", "other"):
        write(tmp_path / "out" / f"{name}.txt")
    return tmp_path / "gt", tmp_path / "out"


def test_sequences_are_chosen_by_name_or_glob(folders: tuple[Path, Path]) -> None:
    """What is not chosen needs no prediction."""
    with pytest.raises(VistreamError, match=r"PETS-2\.txt is missing"):
        evaluate_files("mot", *folders)
    table = evaluate_files("mot", *folders, sequences=("*-1", "TUD"))
    assert (list(table.rows), table.notes) == (["PETS-1", "TUD"], ())
    gt, out = folders
    assert list(evaluate_files("mot", gt / "TUD", out / "TUD.txt", sequences=("T*",)).rows) == ["TUD"]
    for left, right, there in ((gt, out, "PETS-1, PETS-2, TUD"), (gt / "TUD", out / "TUD.txt", "TUD")):
        with pytest.raises(VistreamError, match=rf"has no sequence 'KITTI' for mot: it has {there}$"):
            evaluate_files("mot", left, right, sequences=("T*", "KITTI"))


def test_results_of_a_part_of_davis_are_scored_over_its_root(tmp_path: Path) -> None:
    for folder in ("Annotations/480p/seen", "Annotations/480p/unseen", "out/seen"):
        (tmp_path / folder).mkdir(parents=True)
        for frame in range(3):
            write_labels(tmp_path / folder / f"{frame:05d}.png", np.array([[0, 1]], np.uint8))
    assert list(evaluate_files("vos", tmp_path, tmp_path / "out", sequences=("seen",)).rows) == ["seen"]


def test_classes_are_chosen_where_the_ground_truth_has_names(tmp_path: Path) -> None:
    tinydata.kitti(tmp_path, "0003", 1)
    gt = tmp_path / "training" / "label_02" / "0003.txt"
    pred = write(tmp_path / "found.txt", "1,1,5,5,24,24,1,-1,-1,-1\n")
    assert evaluate_files("mot", gt, pred).overall["FN"] == 1
    assert evaluate_files("mot", gt, pred, classes=("car",)).overall["FN"] == 0
    with pytest.raises(VistreamError, match=r"--classes.*found\.txt names no classes"):
        evaluate_files("mot", pred, pred, classes=("car",))


def run(*arguments: str | Path) -> str:
    done = CliRunner().invoke(app, ["eval", *map(str, arguments)])
    assert done.exit_code == 0 or done.exception is not None
    return done.output + str(done.exception or "")


def test_the_command_hands_both_on(folders: tuple[Path, Path]) -> None:
    pair = ("--gt", folders[0], "--pred", folders[1])
    said = run(*pair, "--sequences", "TUD")
    assert "TUD" in said and "PETS" not in said
    assert "names no classes" in run(*pair, "--sequences", "TUD", "--classes", "car")


MADE: dict[str, tuple[Callable[[Path, str, int], None], str, str, float]] = {
    "mot": (tinydata.mot, "train/a/gt/gt.txt", "IDF1", 1.0),
    "mots": (tinydata.mots, "train/a/gt/gt.txt", "IDF1", 1.0),
    "vos": (tinydata.davis, "Annotations/480p/a", "J&F", 1.0),
    "semseg": (tinydata.davis, "Annotations/480p/a", "mIoU", 1.0),
    "pose": (tinydata.posetrack, "annotations/val/a.json", "MOTA", 1.0),
    "sot": (tinydata.otb, "a/groundtruth_rect.txt", "Frames", 3.0),
}
"""Of each task: what writes a ground truth, where it lies, and what is said of one that was found frame by frame."""


@pytest.mark.parametrize("task", MADE)
@pytest.mark.parametrize("counts", [(5, 3), (3, 5)], ids=["results end early", "results go on"])
def test_the_first_frames_alone_are_scored(tmp_path: Path, task: str, counts: tuple[int, int]) -> None:
    write_data, file, metric, perfect = MADE[task]
    for folder, count in zip(("gt", "out"), counts, strict=True):
        write_data(tmp_path / folder, "a", count)
    pair = tmp_path / "gt" / file, tmp_path / "out" / file
    table = evaluate_files(task, *pair, max_frames=3)
    assert table.overall[metric] == perfect
    said = run("--task", task, "--gt", pair[0], "--pred", pair[1], "--max-frames", "3", "--json", tmp_path / "a.json")
    assert (tmp_path / "a.json").is_file(), said
    if counts == (5, 3):
        try:
            assert evaluate_files(task, *pair).overall[metric] < perfect
        except VistreamError as error:  # who wants a result for each frame
            assert task in ("vos", "semseg", "sot"), error


def test_first_frames_without_an_object_are_told(tmp_path: Path) -> None:
    late = write(tmp_path / "late.txt", "9,1,1,1,10,10,1,-1,-1,-1\n")
    with pytest.raises(VistreamError, match=r"late\.txt, of which the first 3 frames are scored, has no object to"):
        evaluate_files("mot", late, late, max_frames=3)


@pytest.mark.parametrize(
    "option",
    [
        "--detections=public",
        "--model=mine",
        "--fidelity=high",
        "--baselines",
        "--output=runs",
        "--jobs=2",
    ],
)
def test_what_finished_results_do_not_need_is_refused(folders: tuple[Path, Path], option: str) -> None:
    said = run("--gt", folders[0], "--pred", folders[1], "--sequences", "TUD", option)
    assert f"{option.partition('=')[0]} is for --data" in said


@pytest.mark.parametrize("option", ["--window=64", "--augment", "--bits=16"])
def test_what_finished_maps_do_not_need_is_refused(tmp_path: Path, option: str) -> None:
    assert f"{option.partition('=')[0]} is for --data" in run("--task=semseg", "--gt=a", "--pred=b", option)


def test_what_a_task_does_not_need_is_refused(tmp_path: Path) -> None:
    pair = ("--gt", tmp_path, "--pred", tmp_path)
    assert "--classes is for the tasks mot and mots, not pose" in run("--task=pose", *pair, "--classes=car")
    assert "--classes is for the tasks mot and mots, not sot" in run("--task=sot", "--data", tmp_path, "--classes=car")
    assert "--first-frame is for the task mots, not mot" in run(*pair, "--first-frame=0")
    assert "--first-frame is for --gt and --pred" in run("--task=mots", "--data", tmp_path, "--first-frame=0")


def test_one_folder_may_be_both(tmp_path: Path) -> None:
    """A clip of CamVid keeps its label maps in `labels`, beside its images."""
    (tmp_path / "camvid" / "0001" / "labels").mkdir(parents=True)
    write_labels(tmp_path / "camvid" / "0001" / "labels" / "a.png", np.array([[0, 1]], np.uint8))
    for folder in (tmp_path / "camvid", tmp_path / "camvid" / "0001"):
        table = evaluate_files("semseg", folder, folder, dataset="camvid")
        assert (list(table.rows), table.overall["mIoU"]) == (["0001"], 1.0)
