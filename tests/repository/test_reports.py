"""What users reported: each case of ../shared/cases gives what its `expected.txt` says.

The cases are made by others and not committed. `KINDS` says where the kind of each, neighbours included, is tested on
made inputs, which every checkout has.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import vistream
from vistream.cli.main import app
from vistream.detect.from_file import FileDetector
from vistream.detect.onnx import OnnxDetector
from vistream.detect.selection import Selection
from vistream.errors import VistreamError
from vistream.media.formats.davis import read_labels
from vistream.media.formats.detections.footage import Footage
from vistream.types import Frame

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "demo_videos" / "plaza_static.mp4"
FOOTAGE = Footage(240, (640, 384))
FRAME: Frame = np.zeros((384, 640, 3), np.uint8)
READ = "tests/media/formats/detections/test_read.py"
ONNX = "tests/detect/test_onnx_kinds.py"
FORMS = "tests/quantize/test_forms.py"

KINDS = {
    "01": "tests/storage/test_claim.py: test_names_of_one_file_are_recognised",
    "03": f"{READ}: test_every_form_gives_the_same_boxes",
    "05": f"{READ}: test_results_from_1_are_warned_about",
    "06": f"{READ}: test_ids_of_any_type_are_frames",
    "07": f"{ONNX}: test_each_kind_is_recognised_and_its_boxes_are_right",
    "10": f"{ONNX}: test_turned_boxes_give_the_boxes_around_them",
    "11": f"{ONNX}: test_each_kind_is_recognised_and_its_boxes_are_right",
    "13": f"{ONNX}: test_each_kind_is_recognised_and_its_boxes_are_right",
    "14": f"{ONNX}: test_a_free_input_has_the_files_size_where_it_works_at_that_only",
    "15": f"{ONNX}: test_each_kind_is_recognised_and_its_boxes_are_right",
    "16": "tests/media/video/test_forms.py: test_sound_may_be_longer_than_the_picture",
    "18": "tests/media/video/test_forms.py: test_av1_is_decoded_or_named",
    "20": "tests/media/formats/test_softmask.py: test_one_object_whatever_its_edge",
    "22": "tests/pipeline/test_track.py: test_texts_stand_for_paths_and_classes",
    "24": "tests/kernels/test_library.py: test_a_forked_child_has_threads_of_its_own",
    "25": "tests/engine/test_caller.py: test_settings_of_the_caller_change_no_level",
    "26": f"{FORMS}: test_the_stream_is_near_the_float_network",
    "28": f"{FORMS}: test_the_stream_is_near_the_float_network",
    "30": "tests/pipeline/test_observations.py: test_a_session_takes_frames_of_any_kind",
    "31": f"{FORMS}: test_the_surroundings_do_not_matter",
    "32": "tests/quantize/test_refusals.py: test_it_is_refused_by_cause",
    "34": "tests/evaluate/test_dataset.py: test_the_users_own_file_is_named_where_scores_stand_for_flags",
    "35": "tests/evaluate/test_dataset.py: test_classes_and_regions_of_kitti_and_visdrone",
    "36": f"{READ}: test_boxes_in_0_to_1_are_understood",
    "38": "tests/engine/test_caller.py: test_a_session_tracks_whatever_the_caller_has_set",
}


@pytest.fixture(scope="module")
def cases() -> Path:
    """The folder of cases, beside that of the real clips; the test is skipped without it."""
    folder = Path(os.environ.get("VISTREAM_DATA") or ROOT.parent / "shared" / "data").parent / "cases"
    if not folder.is_dir():
        pytest.skip(f"no reported cases in {folder}")
    return folder


def test_every_case_has_tests_of_its_kind(cases: Path) -> None:
    assert {folder.name for folder in cases.iterdir() if (folder / "expected.txt").is_file()} == set(KINDS)


@pytest.mark.parametrize("kind", sorted(set(KINDS.values())))
def test_the_tests_of_a_kind_are_there(kind: str) -> None:
    file, name = kind.split(": ")
    assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")


def test_01_the_source_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "in.mp4"
    shutil.copyfile(DEMO, path)
    before = path.read_bytes()
    done = CliRunner().invoke(app, ["track", str(path), "--detector", "motion", "-o", str(path)])
    assert isinstance(done.exception, VistreamError)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["coco_cvat.json", "coco_roboflow.json"])
def test_03_coco_with_empty_masks(name: str, cases: Path) -> None:
    detector = FileDetector(cases / "03" / name, FOOTAGE)
    assert [len(detector.detect(FRAME, index)) for index in range(4)] == [2, 2, 2, 0]


def test_05_and_36_are_warned_about(cases: Path, caplog: pytest.LogCaptureFixture) -> None:
    FileDetector(cases / "05" / "coco_results_from1.json", FOOTAGE)
    assert "the first frame has no detection, as image_id seems to begin at 1" in caplog.text
    FileDetector(cases / "36" / "normalised.txt", FOOTAGE)
    assert "its boxes are fractions" in caplog.text


def test_06_image_ids_of_text(cases: Path) -> None:
    assert len(FileDetector(cases / "06" / "ultralytics_predictions.json", FOOTAGE).detect(FRAME, 0)) == 1


NETWORKS = {
    "07": {"v8_pose_nonames": ("person", "person"), "v8_seg_nonames": ("person", "car")},
    "10": {
        "v8_obb": ("k0", "k2"),
        "v8_pose": ("person", "person"),
        "v8_seg": ("person", "car"),
        "yolo26_seg_e2e": ("person", "car"),
        "yolo_pose_e2e": ("person", "class 2"),
    },
    "11": dict.fromkeys(("mmdeploy", "v7_e2e_ort", "v7_e2e_trt"), ("person", "car")),
    "13": {"rfdetr": ("person", "car")},
    "14": {"v8_dyn_imgsz320": ("person", "car")},
    "15": {"v8_p6": ("person", "car")},
}


@pytest.mark.parametrize(("case", "name"), [(case, name) for case in NETWORKS for name in NETWORKS[case]])
def test_07_to_15_detectors_of_any_exporter(case: str, name: str, cases: Path, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.onnx"
    path.write_bytes(gzip.decompress((cases / case / f"{name}.onnx.gz").read_bytes()))
    detector = OnnxDetector(path, Selection())
    seen = detector.detect(FRAME, 0)
    assert seen.labels == NETWORKS[case][name]
    np.testing.assert_allclose(seen.scores, [0.9, 0.8], atol=0.01)
    middle = seen.boxes[:, :2] + seen.boxes[:, 2:] / 2
    np.testing.assert_allclose(middle, [[125, 120], [360, 230]], atol=1)


@pytest.mark.parametrize(("name", "count"), [("16/longaudio.mkv", 30), ("18/av1.mp4", 6)])
def test_16_and_18_videos_of_any_kind(name: str, count: int, cases: Path) -> None:
    assert len(list(vistream.track(cases / name, detector="motion"))) == count


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_20_masks_with_soft_edges(name: str, tmp_path: Path) -> None:
    mask = np.zeros((384, 640), np.uint8)
    mask[100:200, 100:160] = 255
    cv2.imwrite(str(tmp_path / name), cv2.GaussianBlur(mask, (7, 7), 0) if name == "a.png" else mask)
    labels = read_labels(tmp_path / name)
    assert np.unique(labels).tolist() == [0, 255]
    assert (labels == 255).sum() == pytest.approx(6000, abs=10)


def test_22_texts_for_paths() -> None:
    detections = ROOT / "demo_videos" / "plaza_static" / "det" / "det.txt"
    assert next(iter(vistream.track(str(DEMO), detections=str(detections)))).tracks


def run(script: Path, *arguments: str) -> list[str]:
    """The lines that a case's script prints."""
    done = subprocess.run(
        [sys.executable, script.name, *arguments],
        cwd=script.parent,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_24_a_forked_child(cases: Path) -> None:
    assert run(cases / "24" / "fork.py") == ["got [1, 1, 1, 1]"]


def test_25_autocast(cases: Path, tmp_path: Path) -> None:
    """The script is of a time when the engine had another address."""
    script = (cases / "25" / "autocast.py").read_text(encoding="utf-8")
    (tmp_path / "a.py").write_text(
        script.replace("vistream.stream.engine", "vistream.engine.stream.engine"), encoding="utf-8", newline=""
    )
    lines = run(tmp_path / "a.py")
    assert len(lines) == 2
    assert "False" not in "".join(lines)


def test_26_to_32_networks_in_any_form(cases: Path) -> None:
    names = "subclass_weight_standardised subclass_detectron2_conv subclass_timm_conv_same forward_hook_changes half "
    names += "double bn_train_mode cat_kwargs adaptive_pool_none lazy_conv"
    found = {line.split()[0]: line.split()[1] for line in run(cases / "torch_models" / "models.py", *names.split())}
    assert found == dict.fromkeys(names.split(), "ok") | {"lazy_conv": "refused"}


def test_34_the_users_own_file_is_named(cases: Path, tmp_path: Path) -> None:
    path = tmp_path / "gt" / "gt.txt"
    path.parent.mkdir()
    shutil.copyfile(cases / "34" / "gt10conf.txt", path)
    done = CliRunner().invoke(app, ["eval", "--gt", str(path), "--pred", str(path)])
    assert str(done.exception).startswith(f"{path} has no object to score")


def test_35_kitti_and_visdrone_are_known(tmp_path: Path) -> None:
    """Their folders, as `eval --data` takes them, are in the tests of the kind."""
    lines = {
        "kitti.txt": "{} 1 Car 0 0 -1 10 20 40 60 1 1 1 0 0 0 0\n",
        "visdrone.txt": "{},1,10,20,30,40,1,4,0,0\n",
    }
    for name, line in lines.items():
        path = tmp_path / name
        path.write_text("".join(line.format(frame) for frame in (1, 2, 3)), encoding="utf-8", newline="")
        done = CliRunner().invoke(app, ["eval", "--gt", str(path), "--pred", str(path)])
        assert done.exit_code == 0, done.output
        assert "1.000" in done.output


@pytest.fixture
def elsewhere() -> Iterator[None]:
    torch.set_default_device("cuda")
    yield
    torch.set_default_device(None)


def test_38_another_default_device(elsewhere: None) -> None:
    seen = vistream.Observations(np.array([[10.0, 10, 40, 60]]), np.array([0.9]), ("person",))
    assert vistream.Session().step(FRAME, seen).tracks
