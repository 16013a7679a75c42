"""Run-length codes, MOTS text and DAVIS folders: what is written is read back; what is wrong is named."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from vistream.errors import VistreamError
from vistream.media.formats import rle
from vistream.media.formats.davis import (
    DavisWriter,
    label_map,
    palette,
    read_folder,
    read_labels,
    read_sequences,
    write_labels,
)
from vistream.media.formats.mots import IGNORE, MotsWriter, read_mots, read_mots_detections
from vistream.types import Result, Track

Mask = NDArray[np.bool_]
HEIGHT, WIDTH = 7, 9
BOX = (0.0, 0.0, 1.0, 1.0)

masks = st.binary(min_size=HEIGHT * WIDTH, max_size=HEIGHT * WIDTH).map(
    lambda b: np.array([c % 3 == 0 for c in b], dtype=np.bool_).reshape(HEIGHT, WIDTH)
)


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_a_mask_survives_its_code(height: int, width: int, density: float, seed: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < density
    code = rle.encode(mask)
    rle.check(code)
    assert (rle.decode(code) == mask).all()
    assert rle.area(code) == mask.sum()


@given(st.binary(max_size=12), st.integers(0, 5), st.integers(0, 5))
@settings(max_examples=300)
def test_a_code_that_passes_the_check_fills_its_mask(counts: bytes, height: int, width: int) -> None:
    """Whatever bytes come from a file, they are refused or describe exactly height x width pixels."""
    code: rle.Rle = {"size": [height, width], "counts": bytes(48 + c % 64 for c in counts)}
    try:
        rle.check(code)
    except ValueError:
        with pytest.raises(ValueError, match=r"run|cannot be"):
            rle.decode(code)
    else:
        assert rle.decode(code).shape == (height, width)


@st.composite
def masked_results(draw: st.DrawFn) -> list[Result]:
    frames = []
    for frame in sorted(draw(st.sets(st.integers(0, 10**5), max_size=4))):
        ids = draw(st.sets(st.integers(1, 254), max_size=3))
        tracks = tuple(
            Track(i, BOX, draw(st.floats(0, 1)), draw(st.sampled_from(["person", "car", "27"])), draw(masks))
            for i in ids
        )
        frames.append(Result(frame, 0.0, tracks, len(tracks)))
    return frames


def on_top(tracks: tuple[Track, ...]) -> dict[int, Mask]:
    """What of each mask is left once every pixel belongs to the highest score, the earlier track at a tie."""
    left = {}
    for track in tracks:
        assert track.mask is not None
        visible = track.mask.copy()
        for other in tracks:
            rank = (-other.score, tracks.index(other)) < (-track.score, tracks.index(track))
            if rank and other.mask is not None:
                visible &= ~other.mask
        left[track.id] = visible
    return left


@given(masked_results())
@settings(deadline=None)
def test_mots_results_come_back_without_overlap(written: list[Result]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "masks.txt"
        with MotsWriter(path) as writer:
            for result in written:
                writer.write(result)
        rows = read_mots(path)
        detections = read_mots_detections(path)
    expected = {
        (result.frame, identity): mask
        for result in written
        for identity, mask in on_top(result.tracks).items()
        if mask.any()
    }
    labels = {(result.frame, t.id): t.label for result in written for t in result.tracks}
    numbers = {"car": 1, "person": 2, "27": 27}
    assert {(row.frame, row.id) for row in rows} == set(expected)
    for row in rows:
        assert (rle.decode(row.mask) == expected[row.frame, row.id]).all()
        assert row.label == numbers[labels[row.frame, row.id]]
    for frame, seen in detections.items():
        assert seen.masks is not None
        here = [row for row in rows if row.frame == frame]
        assert len(seen) == len(here)
        for row, mask, box, label in zip(here, seen.masks, seen.boxes, seen.labels, strict=True):
            assert label == labels[frame, row.id]
            y, x = np.nonzero(mask)
            assert box.tolist() == [x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1]


GOOD = "1 2001 2 2 2 22\n"
BAD_MOTS = [  # second line of the file, what is said of it
    pytest.param("2 2001 2 2 2", "5 columns: 6 are expected", id="column missing"),
    pytest.param("2 x 2 2 2 22", "must be whole numbers", id="no number"),
    pytest.param("2 1.5 2 2 2 22", "must be whole numbers", id="fraction"),
    pytest.param("0 2001 2 2 2 22", "frame 0: frames are counted from 1", id="frame below the first"),
    pytest.param("2 -1 2 2 2 22", "the id is -1", id="negative id"),
    pytest.param("1 2001 2 2 2 4", "id 2001 occurs twice in frame 1", id="id twice"),
    pytest.param("2 2001 2 3 2 6", "3 x 2 pixels, the first one is 2 x 2", id="another size"),
    pytest.param("2 2001 2 2 2 23", "covers 5 pixels", id="mask too long"),
    pytest.param("2 2001 2 2 2 5O", "negative length", id="runs of 5 and -1"),
    pytest.param("2 2001 2 2 2 2~", "does not belong", id="no run-length code"),
    pytest.param("2 2001 2 2 2 2R", "breaks off", id="broken off"),
    pytest.param("2 2001 2 0 0 0", "cannot be 0 x 0", id="no pixels"),
]


@pytest.mark.parametrize(("line", "complaint"), BAD_MOTS)
def test_malformed_mots_lines_are_named(tmp_path: Path, line: str, complaint: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(GOOD + line + "\n")
    with pytest.raises(VistreamError, match=complaint) as error:
        read_mots(path)
    assert str(error.value).startswith(f"{path}, line 2")


def test_kitti_counts_frames_from_0_and_ignored_regions_may_share_an_id(tmp_path: Path) -> None:
    path = tmp_path / "kitti.txt"
    path.write_text("0 1001 1 2 2 22\n0 10000 10 2 2 13\n0 10000 10 2 2 31\n")
    rows = read_mots(path, first_frame=0)
    assert [(row.frame, row.label) for row in rows] == [(0, 1), (0, IGNORE), (0, IGNORE)]
    assert [len(o) for o in read_mots_detections(path, first_frame=0).values()] == [1]


def test_a_label_that_mots_does_not_know_is_numbered_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    mask = np.eye(2, dtype=np.bool_)
    tracks = (Track(1, BOX, 1.0, "dog", mask), Track(2, BOX, 0.5, "cat", ~mask))
    with caplog.at_level(logging.WARNING), MotsWriter(tmp_path / "m.txt") as writer:
        writer.write(Result(0, 0.0, tracks, 2))
        writer.write(Result(1, 0.0, tracks, 2))
    assert [row.label for row in read_mots(tmp_path / "m.txt")] == [100, 101, 100, 101]
    assert caplog.messages == ['MOTS has no class "dog": written as 100', 'MOTS has no class "cat": written as 101']


def test_a_writer_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "m.txt"
    path.write_text("before")

    def write() -> None:
        with MotsWriter(path) as writer:
            writer.write(Result(0, 0.0, (Track(1, BOX, 1.0, "person"),), 1))  # no mask

    with pytest.raises(ValueError, match="has no mask"):
        write()
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["m.txt"]


@given(masked_results())
@settings(deadline=None)
def test_davis_folders_come_back(written: list[Result]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "clip"
        with DavisWriter(folder, (HEIGHT, WIDTH)) as writer:
            for result in written:
                writer.write(result)
        if not written:
            return
        read = dict(read_folder(folder))
        assert [int(name) for name in read] == [result.frame for result in written]
        for result, labels in zip(written, read.values(), strict=True):
            expected = np.zeros((HEIGHT, WIDTH), np.uint8)
            for track in sorted(result.tracks, key=lambda t: t.score):
                expected[track.mask] = track.id
            assert (labels == expected).all()
        with Image.open(folder / f"{written[0].frame:05d}.png") as image:
            assert image.mode == "P"
            assert image.getpalette() == palette().ravel().tolist()


def test_the_object_of_davis_2016_is_number_1_and_void_of_2017_stays(tmp_path: Path) -> None:
    for year, first in (("2016", [[0, 255]]), ("2017", [[1, 255]])):
        (tmp_path / year).mkdir()
        for name, rows in (("00000", first), ("00001", [[255, 0]])):
            write_labels(tmp_path / year / f"{name}.png", np.array(rows, np.uint8))
    assert [labels.tolist() for _, labels in read_folder(tmp_path / "2016")] == [[[0, 1]], [[1, 0]]]
    assert [labels.tolist() for _, labels in read_folder(tmp_path / "2017")] == [[[1, 255]], [[255, 0]]]


def broken_png(path: Path) -> None:
    write_labels(path, np.zeros((40, 40), np.uint8))
    path.write_bytes(path.read_bytes()[:60])


BAD_PNG: list[tuple[Callable[[Path], object], str]] = [
    (lambda path: Image.new("RGB", (2, 2), "red").save(path), "holds colours"),
    (lambda path: path.write_text("no image"), "is not an image"),
    (broken_png, "can't be read"),
    (lambda path: path.mkdir(), "can't be read"),
]


@pytest.mark.parametrize(("make", "complaint"), BAD_PNG, ids=["colours", "text", "broken", "folder"])
def test_what_is_no_label_map_is_named(tmp_path: Path, make: Callable[[Path], object], complaint: str) -> None:
    path = tmp_path / "mask.png"
    make(path)
    with pytest.raises(VistreamError, match=complaint) as error:
        read_labels(path)
    assert str(path) in str(error.value)


def test_folders_that_make_no_sense_are_named(tmp_path: Path) -> None:
    with pytest.raises(VistreamError, match=r"has no \.png file"):
        list(read_folder(tmp_path))
    write_labels(tmp_path / "0.png", np.zeros((2, 3), np.uint8))
    write_labels(tmp_path / "1.png", np.zeros((2, 4), np.uint8))
    with pytest.raises(VistreamError, match=r"1\.png is 2 x 4 pixels, 0\.png is 2 x 3"):
        list(read_folder(tmp_path))
    (tmp_path / "ImageSets" / "2017").mkdir(parents=True)
    (tmp_path / "ImageSets" / "2017" / "val.txt").write_text("nowhere\n")
    with pytest.raises(VistreamError, match=r"val\.txt, line 1: neither"):
        read_sequences(tmp_path, "val", "2017")
    with pytest.raises(VistreamError, match="object 255 does not fit"):
        label_map((Track(255, BOX, 1.0, "x", np.ones((1, 1), np.bool_)),), (1, 1))


@pytest.mark.real
def test_the_real_mots_file_and_its_index_masks_agree(real_data: Path) -> None:
    """Both say the same of every pixel of 80 frames: 7 objects, ids class * 1000 + index."""
    clip = real_data / "mots" / "schoolgirls"
    rows = read_mots(clip / "gt" / "gt_mots.txt")
    maps = dict(read_folder(clip / "masks"))
    assert len(maps) == 80
    from_text = {int(name): np.zeros_like(labels) for name, labels in maps.items()}
    for row in rows:
        assert row.id // 1000 == row.label
        from_text[row.frame][rle.decode(row.mask)] = row.id % 1000
    for name, labels in maps.items():
        assert (from_text[int(name)] == labels).all()


@pytest.mark.real
def test_the_real_davis_folder_reads(real_data: Path) -> None:
    sequences = read_sequences(real_data / "vos" / "DAVIS2016", "val", "2016")
    lengths = {s.name: (len(s.images), len(s.annotations)) for s in sequences}
    counts = {"blackswan": 50, "drift-chicane": 52, "horsejump-high": 50, "libby": 49, "rollerblade": 35}
    assert lengths == {name: (n, n) for name, n in counts.items()}
    for _, labels in read_folder(sequences[0].annotations[0].parent):
        assert labels.shape == (480, 854)
        assert set(np.unique(labels)) == {0, 1}
