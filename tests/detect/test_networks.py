"""What network detectors share (fitting frames, choosing boxes, choosing a detector), and NanoDet on real frames."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vistream.detect.candidates import best_class, in_frame
from vistream.detect.choose import POSE_BEST_FIRST, make_detector
from vistream.detect.coco import CLASSES, KEYPOINTS
from vistream.detect.letterbox import Placement, letterbox, stretch
from vistream.detect.movenet import decode_movenet
from vistream.detect.nanodet import HEAD_G, HEAD_PLUS, Head
from vistream.detect.nanodet_g import NanodetGDetector
from vistream.detect.posenet import EDGES, Fields, decode_posenet
from vistream.detect.selection import ACROSS, Selection
from vistream.detect.streaming import SharingDetector, StreamedDetector, Streaming
from vistream.engine.fidelity import PRESETS, DeadZones
from vistream.errors import VistreamError
from vistream.evaluate.metrics.overlap import box_iou
from vistream.media.formats.mot import read_tracks
from vistream.media.video.source import open_source
from vistream.models.download import located
from vistream.models.registry import known
from vistream.models.store import by_hand
from vistream.pipeline.verify import compare_detector
from vistream.tracking.roi import roi_align
from vistream.types import Observations

sizes = st.integers(1, 90)
FRAMES = 7  # of a clip: `vistream verify --detector nanodet-g` takes as many as one likes
SMALL = 160  # pixels of the longer side
CLIPS = (
    "mot/PETS09-S2L1/img1", "mot/TUD-Stadtmitte/TUD-Stadtmitte.mp4", "demo/static_person_intel_one-by-one.mp4",
    "demo/moving_people_sam2_bedroom.mp4",
)  # fmt: skip


@given(columns=sizes, rows=sizes, width=sizes, height=sizes, centred=st.booleans())
def test_letterbox_keeps_the_frame_whole_and_boxes_find_back(
    columns: int, rows: int, width: int, height: int, centred: bool
) -> None:
    frame = np.full((rows, columns, 3), 200, np.uint8)
    image, placement = letterbox(frame, width, height, 114, centred)
    assert image.shape == (height, width, 3)
    inside = np.argwhere(image[..., 0] == 200)
    (top, left), (bottom, right) = inside.min(0), inside.max(0) + 1
    assert len(inside) == (bottom - top) * (right - left)
    assert (image[..., 0] == 114).sum() == image[..., 0].size - len(inside)
    assert (right - left, bottom - top) == (width, height) or right - left == width or bottom - top == height
    corners = np.array([[left, top, right, bottom]], np.float64)
    np.testing.assert_allclose(placement.boxes_to_frame(corners), [[0, 0, columns, rows]], atol=1e-9)
    if not centred:
        assert (top, left) == (0, 0)
    full, everywhere = stretch(frame, width, height)
    assert (full == 200).all()
    whole = np.array([[0, 0, width, height]], np.float64)
    np.testing.assert_allclose(everywhere.boxes_to_frame(whole), [[0, 0, columns, rows]], atol=1e-9)


@given(
    corners=st.lists(st.tuples(*[st.integers(0, 20)] * 4), max_size=30),
    threshold=st.sampled_from([0.0, 0.3, 0.6]),
    overlap=st.sampled_from([0.2, 0.5]),
    seed=st.integers(0, 99),
)
def test_selection_leaves_no_near_duplicates_and_loses_no_object(
    corners: list[tuple[int, ...]], threshold: float, overlap: float, seed: int
) -> None:
    boxes = np.array(corners, np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2] + 1
    scores = np.random.default_rng(seed).random((len(boxes), 2))
    candidates = best_class(boxes, scores)

    def chosen(selection: Selection, distinct: bool = False) -> Observations:
        return in_frame(selection.chosen(candidates, ("a", "b"), distinct), ("a", "b"), Placement((1, 1)))

    found = chosen(Selection(threshold, overlap))
    assert (found.scores > threshold).all()
    assert (np.diff(found.scores) <= 0).all()
    labels = np.array(found.labels)
    shared = box_iou(found.boxes, found.boxes) * (labels[:, None] == labels[None])
    assert (shared[~np.eye(len(found), dtype=bool)] <= overlap + 1e-6).all()
    assert (box_iou(found.boxes, found.boxes)[~np.eye(len(found), dtype=bool)] <= max(overlap, ACROSS) + 1e-6).all()
    # whatever is left out nearly duplicates a better box of its class, or is the same object under another name
    everything = chosen(Selection(threshold), distinct=True)
    shared = box_iou(everything.boxes, everything.boxes)
    names = np.array(everything.labels)
    better = everything.scores[None] >= everything.scores[:, None]
    same = better & (names[:, None] == names[None]) & ((shared > overlap - 1e-6) | (shared == 1))
    near = box_iou(everything.boxes, found.boxes)
    kept = ((near == 1) | (near > ACROSS - 1e-6)).any(axis=1)
    assert (same & kept[None]).any(axis=1).all()


def test_classes_are_chosen_before_overlaps_are_resolved() -> None:
    """A person and what is the same box under another name: whoever asks for the other class gets it."""
    boxes, scores = np.array([[0.0, 0, 20, 40], [0, 0, 20, 39]]), np.array([[0.9, 0.0], [0.0, 0.6]])
    candidates = best_class(boxes, scores)
    assert Selection(0.1).chosen(candidates, ("a", "b")).labels.tolist() == [0]
    assert Selection(0.1, classes=frozenset({"b"})).chosen(candidates, ("a", "b")).labels.tolist() == [1]


def test_no_candidates_at_all() -> None:
    none = best_class(np.zeros((0, 4)), np.zeros((0, 80)))
    found = in_frame(Selection().chosen(none, CLASSES), CLASSES, Placement((1, 1)))
    assert (found.boxes.shape, found.scores.shape, found.labels) == ((0, 4), (0,), ())


@pytest.mark.parametrize(("head", "anchor", "side"), [(HEAD_G, 0.5, 13), (HEAD_PLUS, 0, 7)], ids=["g", "plus"])
def test_nanodet_head_by_hand(head: Head, anchor: float, side: int) -> None:
    """One cell of the coarsest level at 416 x 416, column 2 of row 5, sides at 0.5, 1, 2 and 3 strides."""
    stride = head.strides[-1]
    outputs: list[NDArray[np.float32]] = []
    for across, down in head.levels(416, 416):
        outputs += [
            np.zeros((1, across * down, 80), np.float32),
            np.zeros((1, across * down, 4 * head.bins), np.float32),
        ]
    cell = 5 * side + 2
    assert outputs[-1].shape[1] == side * side
    outputs[-2][0, cell, 3] = 0.75
    bins = outputs[-1][0, cell].reshape(4, head.bins)
    bins[0, :2] = 99  # half way between 0 and 1
    bins[[1, 2, 3], [1, 2, 3]] = 99
    found = head.decode(outputs[::-1], 416, 416)
    row = int(found.scores.argmax())
    assert row == len(found) - side * side + cell
    assert (found.labels[row], found.scores[row]) == (3, 0.75)
    assert len(head.decode(outputs, 416, 416, least=0.7)) == 1
    x, y = (2 + anchor) * stride, (5 + anchor) * stride
    expected = [x - 0.5 * stride, y - stride, x + 2 * stride, y + 3 * stride]
    np.testing.assert_allclose(found.corners[row], expected, atol=1e-9)


def nanodet_g(selection: Selection, streaming: Streaming | None = None, size: int | None = None) -> NanodetGDetector:
    path = located("nanodet-g")
    if path is None:
        pytest.skip("no weights here: vistream download-weights nanodet-g")
    return NanodetGDetector(path, selection, streaming, size)


@pytest.mark.real
@pytest.mark.parametrize("streaming", [None, Streaming(DeadZones()), Streaming(PRESETS["fast"])], ids=str)
def test_nanodet_g_finds_people(real_data: Path, streaming: Streaming | None) -> None:
    """Every 15th frame of a surveillance clip; a detection counts when it covers a person with IoU 0.5."""
    clip = real_data / "mot" / "PETS09-S2L1"
    truth = read_tracks(clip / "gt" / "gt.txt")
    detector = nanodet_g(Selection(0.45, classes=frozenset({"person"})), streaming)
    found = matched = people = 0
    for index in range(0, 150, 15):
        image = cv2.imread(str(clip / "img1" / f"{index + 1:06d}.jpg"))
        assert image is not None
        seen = detector.detect(np.asarray(image[..., ::-1], np.uint8), index)
        here = truth.boxes[truth.frames == index]
        shared = box_iou(seen.boxes, here)
        pairs = linear_sum_assignment(-(shared * (shared >= 0.5)))
        matched += int((shared[pairs] >= 0.5).sum())
        found, people = found + len(seen), people + len(here)
    assert people > 50
    assert matched / people > 0.7
    assert matched / found > 0.7


@pytest.mark.real
@pytest.mark.parametrize("fidelity", PRESETS)
@pytest.mark.parametrize("clip", CLIPS)
def test_nanodet_g_streams_as_its_dense_form(real_data: Path, clip: str, fidelity: str) -> None:
    """In small pictures: the dense form takes its time."""
    compared(nanodet_g(Selection(), Streaming(PRESETS[fidelity]), size=SMALL), real_data / clip, fidelity, FRAMES)


@pytest.mark.real
@pytest.mark.slow
def test_nanodet_g_streams_as_its_dense_form_at_its_own_size(real_data: Path) -> None:
    compared(nanodet_g(Selection(), Streaming(PRESETS["high"])), real_data / CLIPS[0], "high", 3)


@pytest.mark.real
@pytest.mark.parametrize("fidelity", PRESETS)
@pytest.mark.parametrize("network", POSE_BEST_FIRST)
def test_pose_networks_stream_as_their_dense_form(
    real_data: Path, network: str, fidelity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if located(network) is None:
        pytest.skip(f"no weights here: vistream download-weights {network}")
    monkeypatch.setattr(f"vistream.detect.{network.partition('-')[0]}.LONGER_SIDE", SMALL)
    detector = make_detector(network, 25, keypoints=True, streaming=Streaming(PRESETS[fidelity]))
    assert isinstance(detector, StreamedDetector)
    compared(detector, real_data / CLIPS[1], fidelity, FRAMES)


def compared(detector: StreamedDetector, clip: Path, fidelity: str, frames: int) -> None:
    """Every level of every layer is the dense form's, in every third of some frames."""
    with open_source(str(clip), max_frames=frames) as source:
        found = list(compare_detector(source, detector, PRESETS[fidelity], every=3))
    assert len(found) == frames
    assert {result.differing for result in found} <= {0, None}


@pytest.mark.real
def test_nanodet_g_shares_its_maps(real_data: Path) -> None:
    """Features lie over the frame, and differ from their mean; beside them it says where it recomputed."""
    image = cv2.imread(str(real_data / "mot" / "PETS09-S2L1" / "img1" / "000001.jpg"))
    assert image is not None
    frame = np.ascontiguousarray(image[..., ::-1], np.uint8)
    detector = nanodet_g(Selection(), Streaming(DeadZones()))
    assert isinstance(detector, SharingDetector)
    detector.detect(frame, 0)
    features = detector.features()
    assert features is not None
    values = features.within().values
    rows, columns, channels = values.shape
    assert (rows * features.stride[1], columns * features.stride[0]) == pytest.approx((576, 768), abs=8)
    assert channels == 64
    assert (np.abs(values.mean((0, 1))) < 0.2).all() and np.median(values.std((0, 1))) == pytest.approx(1, abs=0.2)
    box = np.array([[200.0, 100.0, 60.0, 140.0]])
    assert np.array_equal(roi_align(features.within(box), box), roi_align(features.within(), box))
    assert detector.recomputed is not None and detector.recomputed.all()
    detector.detect(frame, 1)
    again = detector.features()
    assert again is not None and not detector.recomputed.any()
    assert np.array_equal(again.within().values, values)


def test_detectors_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    weights = located("nanodet-g")
    monkeypatch.setenv("VISTREAM_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with caplog.at_level(logging.WARNING, logger="vistream"):
        assert make_detector("auto", 25).name == "motion"
    assert "vistream download-weights nanodet-g" in caplog.text
    assert make_detector("motion", 25).name == "motion"
    with pytest.raises(VistreamError, match="no pose network is here: vistream download-weights movenet-multipose"):
        make_detector("auto", 25, keypoints=True)
    with pytest.raises(VistreamError, match="'motion' gives no keypoints"):
        make_detector("motion", 25, keypoints=True)
    with pytest.raises(VistreamError, match="motion knows no class 'person': it knows moving"):
        make_detector("auto", 25, Selection(classes=frozenset({"person"})))
    with pytest.raises(VistreamError, match="no detector is called 'yolo': auto, motion, yolox-s"):
        make_detector("yolo", 25)
    with pytest.raises(VistreamError, match=r"nobody\.onnx: No such file"):
        make_detector("onnx:nobody.onnx,layout=detr", 25)
    for keypoints in (False, True):
        with pytest.raises(VistreamError, match=r"file a/best\.onnx is called onnx:a/best\.onnx"):
            make_detector("a/best.onnx", 25, keypoints=keypoints)
        with pytest.raises(
            VistreamError, match=r"best\.pt: is PyTorch's by its name, .*: torch\.onnx\.export .*; then"
        ):
            make_detector("best.pt", 25, keypoints=keypoints)
    if weights is None:
        pytest.skip("no weights here: vistream download-weights nanodet-g")
    for file in known("nanodet-g").files:
        place = by_hand(known("nanodet-g"), file)
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(weights.parent / file.name)
    with pytest.raises(VistreamError, match=r"nanodet-g knows no class 'persons': did you mean person\?"):
        make_detector("auto", 25, Selection(classes=frozenset({"persons"})))
    detector = make_detector("auto", 25, Selection(classes=frozenset({"person"})))
    assert (
        detector.describe() == "nanodet-g: NanoDet-g with a longer side of 416, float, dense; person, scores above 0.1"
    )


def test_movenet_rows_by_hand() -> None:
    """Two people in an input of 512 x 288 that shows a frame of twice its size, 40 rows down."""
    rows = np.zeros((2, 56))
    rows[0, 55], rows[1, 55] = 0.3, 0.8
    rows[1, :6] = 0.5, 0.25, 0.9, 144 / 288, 128 / 512, 0.7
    rows[1, 51:55] = 144 / 288, 128 / 512, 244 / 288, 178 / 512  # y1, x1, y2, x2
    found = decode_movenet(rows, 512, 288, Placement((0.5, 0.5), (0, 40)))
    assert found.scores.tolist() == [0.8, 0.3]
    assert found.boxes[0].tolist() == pytest.approx([256, 208, 100, 200])
    assert found.keypoints is not None
    assert found.keypoints[0, :2].tolist() == [pytest.approx([256, 208, 0.9]), pytest.approx([256, 208, 0.7])]


def test_posenet_puts_two_people_together() -> None:
    """Two people drawn into the network's fields, at places that are no grid points, one without legs."""
    random = np.random.default_rng(3)
    truth = random.uniform(20, 140, (2, 17, 2))
    truth[1, :, 1] += 160
    heat = np.zeros((20, 20, 17))
    offset, forward, backward = np.zeros((20, 20, 17, 2)), np.zeros((20, 20, 16, 2)), np.zeros((20, 20, 16, 2))
    confident = np.full((2, 17), 0.9)
    confident[1] = [0.7] * 13 + [0.1] * 4
    for places, confidence in zip(truth, confident, strict=True):
        cells = np.rint(places / 16).astype(int)
        for joint, (y, x) in enumerate(cells):
            heat[y, x, joint] = confidence[joint]
            offset[y, x, joint] = places[joint] - (y * 16, x * 16)
        for edge, (parent, child) in enumerate(EDGES):
            forward[(*cells[parent], edge)] = places[child] - places[parent]
            backward[(*cells[child], edge)] = places[parent] - places[child]
    people, scores = decode_posenet(Fields(heat, offset, forward, backward))
    assert len(people) == 2
    np.testing.assert_allclose(people[:, :, :2], truth)
    np.testing.assert_allclose(people[:, :, 2], confident)
    np.testing.assert_allclose(scores, confident.mean(1))


@pytest.mark.real
@pytest.mark.parametrize("streaming", [None, Streaming(DeadZones())], ids=["float", "exact"])
@pytest.mark.parametrize(("network", "least"), [("movenet-multipose", 0.9), ("posenet", 0.75)])
def test_pose_networks_find_joints(real_data: Path, network: str, least: float, streaming: Streaming | None) -> None:
    """Joints within half a head size (PCKh 0.5) of four people, on every fifth frame."""
    if located(network) is None:
        pytest.skip(f"no weights here: vistream download-weights {network}")
    clip = real_data / "pose" / "bonn-060470979"
    truth = json.loads((clip / "gt.json").read_text())
    joints = truth["categories"][0]["keypoints"][:12]  # neck and head top are none of COCO's
    columns = [KEYPOINTS.index(joint) for joint in joints]
    detector = make_detector(network, 25, keypoints=True, streaming=streaming)
    nobody = detector.detect(np.zeros((90, 120, 3), np.uint8), 0)
    assert nobody.keypoints is not None
    assert (len(nobody), nobody.boxes.shape, nobody.keypoints.shape) == (0, (0, 4), (0, 17, 3))
    right = total = 0
    for image in truth["images"][::5]:
        frame = cv2.imread(str(clip / image["file_name"]))
        assert frame is not None
        seen = detector.detect(np.asarray(frame[..., ::-1], np.uint8), image["frame_id"])
        assert seen.keypoints is not None
        people = [person for person in truth["annotations"] if person["image_id"] == image["id"]]
        hits = np.zeros((len(people), len(seen)))
        for i, person in enumerate(people):
            points = np.array(person["keypoints"]).reshape(-1, 3)[:12]
            x1, y1, x2, y2 = person["head_rect_xyxy"]
            away = np.linalg.norm(seen.keypoints[:, columns, :2] - points[:, :2], axis=2)
            hits[i] = ((away < 0.5 * 0.6 * np.hypot(x2 - x1, y2 - y1)) & (points[:, 2] > 0)).sum(1)
            total += int((points[:, 2] > 0).sum())
        right += int(hits[linear_sum_assignment(-hits)].sum())
    assert total > 150
    assert right / total > least
