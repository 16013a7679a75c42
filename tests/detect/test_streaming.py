"""Streamed detectors: equal to their dense form, resumable, and honest where a file can't be streamed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnxfile import Network, colour_scores
from onnxnets import SIDE, pictures, yolov8

from vistream.detect.agreement import Agreement
from vistream.detect.candidates import Candidates
from vistream.detect.onnx import OnnxDetector
from vistream.detect.onnx_body import key_of
from vistream.detect.selection import Selection
from vistream.detect.streaming import StreamedDetector, Streaming
from vistream.detect.window import Window
from vistream.engine.fidelity import PRESETS
from vistream.errors import VistreamError
from vistream.media.video.frames import SourceFrame
from vistream.models.onnx_file import read_onnx
from vistream.pipeline.session import Session
from vistream.pipeline.verify import compare_detector
from vistream.quantize.onnx_store import onnx_network_path
from vistream.types import Frame, Observations

ALL = Selection(0.01)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTREAM_HOME", str(tmp_path / "home"))


def clip(count: int) -> list[Frame]:
    """A still picture with noise in which a patch moves."""
    still, noise = pictures(1)[0], np.random.default_rng(3)
    frames = []
    for number in range(count):
        moved = still.astype(int) + noise.integers(-2, 3, still.shape)
        moved[20:30, 4 * number : 4 * number + 10] = 200
        frames.append(moved.clip(0, 255).astype(np.uint8))
    return frames


def samples() -> Iterator[Frame]:
    return iter(pictures(4))


def streamed(folder: Path, fidelity: str) -> OnnxDetector:
    path = folder / "net.onnx"
    return OnnxDetector(path if path.is_file() else yolov8(path), ALL, streaming=Streaming(PRESETS[fidelity], samples))


def same(a: Observations, b: Observations) -> bool:
    return np.array_equal(a.boxes, b.boxes) and np.array_equal(a.scores, b.scores) and a.labels == b.labels


def test_before_the_first_frame_nothing_was_recomputed(tmp_path: Path) -> None:
    """Up to Python 3.11 `isinstance` asks a detector for all of its properties, this one too."""
    detector = streamed(tmp_path, "exact")
    assert detector.recomputed is None
    assert detector.body(next(iter(clip(1)))) is not None
    assert detector.recomputed is None
    assert isinstance(detector, StreamedDetector)


@pytest.mark.parametrize("fidelity", PRESETS)
def test_the_stream_is_its_dense_form(tmp_path: Path, fidelity: str) -> None:
    detector = streamed(tmp_path, fidelity)
    assert isinstance(detector, StreamedDetector)
    frames = [SourceFrame(number, number / 25, image, str(number)) for number, image in enumerate(clip(6))]
    found = list(compare_detector(frames, detector, PRESETS[fidelity]))
    assert [result.differing for result in found] == [0] * 6
    assert found[0].share == 1.0
    if fidelity != "exact":
        assert max(result.share for result in found[1:]) < 1.0


@pytest.mark.parametrize("fidelity", PRESETS)
def test_it_goes_on_from_its_state(tmp_path: Path, fidelity: str) -> None:
    whole, first, second = (streamed(tmp_path, fidelity) for _ in range(3))
    for index, frame in enumerate(clip(8)):
        if index == 5:
            second.load_state_dict(first.state_dict())
            assert first.work.macs  # not of the frame to come
        expected = whole.detect(frame, index)
        assert len(expected) > 0
        assert same(expected, (first if index < 5 else second).detect(frame, index))
        assert whole.work.macs == (first if index < 5 else second).work.macs


def test_a_frame_that_comes_again_takes_nothing_and_gives_the_same(tmp_path: Path) -> None:
    detector = streamed(tmp_path, "exact")
    frame = clip(1)[0]
    said = detector.describe()
    first = detector.detect(frame, 0)
    assert ", streamed where possible, " in said == detector.describe()  # it names a run before there are frames
    assert same(first, detector.detect(frame, 1))
    assert detector.work.macs == 0
    assert detector.recomputed is not None and not detector.recomputed.any()
    again = streamed(tmp_path, "exact")
    again.load_state_dict(detector.state_dict())
    assert same(first, again.detect(frame, 2))


def test_a_file_is_quantised_once_for_a_video(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="vistream"):
        first = streamed(tmp_path, "exact").detect(clip(1)[0], 0)
        assert caplog.text.count("quantising for pictures of 64 x 64") == 1
        assert "boxes of the float network found again" in caplog.text
        assert same(first, streamed(tmp_path, "exact").detect(clip(1)[0], 0))
    assert caplog.text.count("quantising") == 1
    kept = list((tmp_path / "home" / "quantised").iterdir())
    assert sorted(path.suffix for path in kept) == [".json", ".onnx", ".safetensors"]
    for path in kept:
        path.write_bytes(b"damaged")
    assert same(first, streamed(tmp_path, "exact").detect(clip(1)[0], 0))


def test_what_is_refused_is_refused_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_far(_: Agreement) -> None:
        raise VistreamError("in integers it is too far")

    with monkeypatch.context() as patch:
        patch.setattr(Agreement, "check", too_far)
        detector = streamed(tmp_path, "exact")
        detector.detect(clip(1)[0], 0)
        assert detector.body(clip(1)[0]) is None
    assert not list((tmp_path / "home" / "quantised").glob("*"))


def test_weights_in_another_file_count(tmp_path: Path) -> None:
    whole, apart = yolov8(tmp_path / "whole.onnx"), tmp_path / "net.onnx"
    onnx.save(onnx.load(whole), apart, save_as_external_data=True, size_threshold=200, location="w.bin")
    before = key_of(read_onnx(apart), streamed(tmp_path, "exact")._layout.preprocess, pictures(1))
    weights = bytearray((tmp_path / "w.bin").read_bytes())
    weights[len(weights) // 2] ^= 1
    (tmp_path / "w.bin").write_bytes(weights)
    assert key_of(read_onnx(apart), streamed(tmp_path, "exact")._layout.preprocess, pictures(1)) != before


def test_what_was_not_used_for_longest_gives_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vistream.quantize.onnx_store.MOST_KEPT", 1)
    frames = clip(2)
    for frame in frames:  # of a camera, the first frame decides the name
        OnnxDetector(yolov8(tmp_path / "net.onnx"), ALL, streaming=Streaming(PRESETS["exact"])).detect(frame, 0)
    kept = list((tmp_path / "home" / "quantised").iterdir())
    assert sorted(path.suffix for path in kept) == [".json", ".onnx", ".safetensors"]


def test_a_state_whose_network_is_gone_is_refused(tmp_path: Path) -> None:
    detector = streamed(tmp_path, "exact")
    detector.detect(clip(1)[0], 0)
    state = detector.state_dict()
    onnx_network_path(state["key"]).unlink()
    with pytest.raises(VistreamError, match=r"which is gone: begin anew, without --resume"):
        streamed(tmp_path, "exact").load_state_dict(state)


def test_the_key_is_of_file_pixels_frames_and_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = streamed(tmp_path, "exact")
    file, expected, shown = detector._file, detector._layout.preprocess, pictures(2)
    key = key_of(file, expected, shown)
    assert key == key_of(file, expected, pictures(2))
    assert key != key_of(file, expected, shown[:1])
    monkeypatch.setattr("vistream.detect.onnx_body.RULES", 0)
    assert key != key_of(file, expected, shown)


def test_another_size_of_frames_begins_anew(tmp_path: Path) -> None:
    network = Network(SIDE, SIDE)
    weight, bias = colour_scores(80, 5, 1 / 255)
    weight[4, 0] = 1 / 255
    out = network.add("Concat", [network.level(stride, weight, bias) for stride in (8, 16, 32)], axis=1)
    path = network.write(tmp_path / "free.onnx", {out: (1, "cells", 85)}, None, [1, 3, "height", "width"])
    detector = OnnxDetector(path, ALL, size=SIDE, streaming=Streaming(PRESETS["exact"]))
    dense = OnnxDetector(path, ALL, size=SIDE)
    for shape in ((64, 64, 3), (32, 64, 3)):
        frame = np.zeros(shape, np.uint8)
        frame[8:24, 16:32] = 255, 255, 0
        assert len(detector.detect(frame, 0)) == len(dense.detect(frame, 0))


def test_what_can_not_be_streamed_says_so_once_and_runs_dense(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vistream.detect.onnx.quantised", _refused)
    detector, dense = streamed(tmp_path, "exact"), OnnxDetector(tmp_path / "net.onnx", ALL)
    for index, frame in enumerate(clip(3)):
        assert same(detector.detect(frame, index), dense.detect(frame, index))
    assert caplog.text.count("onnx:net.onnx runs in float on whole frames: it has no convolution") == 1
    assert detector.state_dict() == {} and detector.body(clip(1)[0]) is None


def test_a_fault_in_converting_it_is_named_and_it_runs_dense(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vistream.quantize.onnx_network.converted", _failing)
    detector, dense = streamed(tmp_path, "exact"), OnnxDetector(tmp_path / "net.onnx", ALL)
    assert same(detector.detect(clip(1)[0], 0), dense.detect(clip(1)[0], 0))
    assert "net.onnx: can't be converted (RuntimeError: sizes differ): please report this network" in caplog.text


def _failing(*_: object, **__: object) -> None:
    raise RuntimeError("sizes differ\nin two lines")


def _refused(*_: object) -> None:
    raise VistreamError("it has no convolution")


def test_agreement_counts_boxes_and_refuses_a_bad_substitute() -> None:
    corners = np.array([[0.0, 0, 10, 10], [20, 20, 30, 30], [40, 0, 50, 10], [60, 0, 70, 10]])
    wanted = Candidates(corners, np.array([0.9, 0.8, 0.7, 0.35]), np.array([0, 0, 1, 0]))
    close = Candidates(corners + 1, np.array([0.8, 0.8, 0.7, 0.25]), np.array([0, 0, 1, 0]))
    same_boxes = Agreement()
    same_boxes.add(wanted, close)
    same_boxes.check()
    assert str(same_boxes) == (
        "4 of 4 boxes of the float network found again, 3 in all; scores differ by 0.050 on average"
    )
    wrong = Agreement()
    wrong.add(wanted, Candidates(corners + 30, wanted.scores, wanted.labels))
    with pytest.raises(VistreamError, match=r"in integers it is too far from the file as it is \(0 of 4 boxes"):
        wrong.check()
    nothing = Agreement()
    nothing.add(wanted.pick(np.array([], int)), close.pick(np.array([3])))
    nothing.check()
    assert "nothing could be compared" in str(nothing)
    for rows, told in (([], "sure of no box on these frames, in integers of 6"), ([0, 3], "2 of 4 boxes .*, 6 in all")):
        invented = Agreement()
        invented.add(wanted.pick(np.array(rows, int)), wanted)
        invented.add(wanted.pick(np.array(rows, int)), wanted.pick(np.array([1, 2])))
        with pytest.raises(VistreamError, match=told):
            invented.check()


def squares(folder: Path) -> Path:
    """A file for 128 x 128 pixels of RGB that finds yellow squares; no layer looks beyond its cell."""
    network = Network(128, 128)
    levels = []
    for stride in (8, 16, 32):
        weight, bias = colour_scores(80, 5, 1 / 255)
        weight[4, 0] = 1 / 255
        bias[:4] = 0.5, 0.5, np.log(2), np.log(2)
        levels.append(network.level(stride, weight, bias))
    out = network.add("Concat", levels, axis=1)
    return network.write(folder / "squares.onnx", {out: (1, 336, 85)})


def whole_picture(*_: object) -> Window:
    return Window((0, 0), (128, 128), (128, 128))


def test_beside_a_wide_frame_nothing_is_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [np.zeros((64, 128, 3), np.uint8) for _ in range(4)]
    for number, frame in enumerate(frames):
        frame[24:40, 8 + 16 * number : 24 + 16 * number] = 255, 255, 0
    path, how = squares(tmp_path), Streaming(PRESETS["exact"])
    part, resumed = (OnnxDetector(path, ALL, "yolox-rgb", streaming=how) for _ in range(2))
    found, done, lit = [], [], list[NDArray[np.bool_]]()
    for number, frame in enumerate(frames):
        if number == 2:
            resumed.load_state_dict(part.state_dict())
        found.append(part.detect(frame, number))
        done.append(part.work.macs)
        assert part.recomputed is not None
        lit.append(part.recomputed)
        assert number < 2 or same(resumed.detect(frame, number), found[-1])
    assert part.picture(frames[0]).shape == (64, 128, 3)
    turned = part.detect(frames[0].transpose(1, 0, 2), 4)
    assert part.picture(frames[0].transpose(1, 0, 2)).shape == (128, 64, 3)
    monkeypatch.setattr("vistream.detect.onnx.window_for", whole_picture)
    whole = OnnxDetector(path, ALL, "yolox-rgb", streaming=how)
    for number, frame in enumerate(frames):
        assert len(found[number]) > 0
        assert same(whole.detect(frame, number), found[number])
        assert done[number] == (whole.work.macs / 2 if number == 0 else whole.work.macs)
        assert whole.recomputed is not None and np.array_equal(whole.recomputed, lit[number])
    assert lit[3].shape == (8, 16)
    assert np.argwhere(lit[3].any(0)).ravel().tolist() == [5, 6, 7, 8]  # where the square was, and is
    assert same(whole.detect(frames[0].transpose(1, 0, 2), 4), turned)


@pytest.mark.parametrize("fidelity", PRESETS)
def test_who_stands_still_keeps_box_and_id(tmp_path: Path, fidelity: str) -> None:
    """Five hundred noisy frames, in which somebody else walks by; the detector's objects are yellow squares."""
    noise = np.random.default_rng(0)
    detector = OnnxDetector(squares(tmp_path), Selection(0.6), "yolox-rgb", streaming=Streaming(PRESETS[fidelity]))
    session = Session("mot", fidelity, None)
    standing: set[tuple[int, tuple[float, ...]]] = set()
    for index in range(500):
        frame = noise.integers(0, 5, (128, 128, 3), dtype=np.uint8)
        frame[48:56, 32:40, :2] += 240
        walker = 8 * (index % 14)
        frame[80:88, walker : walker + 8, :2] += 200
        seen = detector.detect(frame, index)
        tracks = session.step(frame, seen).tracks
        here = [track for track in tracks if abs(track.box[1] - 44) < 4]
        assert index < 3 or len(here) == 1, (index, seen)
        standing |= {(track.id, tuple(round(side) for side in track.box)) for track in here}
    assert len({identity for identity, _ in standing}) == 1
    boxes = np.array([box for _, box in standing])
    assert (np.ptp(boxes, axis=0) <= 1).all()
