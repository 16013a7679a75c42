"""OTB text, COCO results and seqinfo.ini: what is written is read back; what is wrong is named."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vistream.errors import VistreamError
from vistream.media.formats.coco import CocoWriter, read_coco
from vistream.media.formats.coconames import CATEGORIES
from vistream.media.formats.otb import OtbWriter, read_otb
from vistream.media.formats.seqinfo import SeqInfo, read_seqinfo, write_seqinfo
from vistream.types import Box, Result, Track

value = st.floats(-1e5, 1e5)
extent = st.floats(0.001, 1e5)
boxes = st.tuples(value, value, extent, extent)


@given(st.dictionaries(st.integers(0, 20), st.none() | boxes, min_size=1))
def test_otb_results_come_back(written: dict[int, Box | None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "track.txt"
        with OtbWriter(path) as writer:
            for frame, box in sorted(written.items()):
                tracks = () if box is None else (Track(1, box, 1.0, "object"),)
                writer.write(Result(frame, 0.0, tracks, len(tracks)))
        read = read_otb(path)
    assert len(read) == max(written) + 1
    for frame, row in enumerate(read):
        box = written.get(frame)
        if box is None:
            assert np.isnan(row).all()
        else:
            np.testing.assert_allclose(row, box, rtol=0, atol=1.001e-3)


@pytest.mark.parametrize("line", ["10,20,30,40", "10\t20\t30\t40", "10 20 30 40", " 10, 20,\t30 , 40 "])
def test_otb_separators(tmp_path: Path, line: str) -> None:
    (tmp_path / "gt.txt").write_text(line + "\r\n")
    assert read_otb(tmp_path / "gt.txt").tolist() == [[9, 19, 30, 40]]


BAD_OTB = [
    ("1,2,3", "has 3 values"),
    ("1,2,3,4,5", "has 5 values"),
    ("1,2,3,x", "could not convert"),
    ("1,2,-3,4", "neither may be negative"),
    ("nan,nan,3,4", "missing altogether"),
    ("inf,2,3,4", "finite"),
]


@pytest.mark.parametrize(("line", "complaint"), BAD_OTB)
def test_malformed_otb_lines_are_named(tmp_path: Path, line: str, complaint: str) -> None:
    path = tmp_path / "gt.txt"
    path.write_text(f"1,1,5,5\n{line}\n")
    with pytest.raises(VistreamError, match=complaint) as error:
        read_otb(path)
    assert str(error.value).startswith(f"{path}, line 2")


def test_an_empty_otb_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "gt.txt").write_text("\n")
    with pytest.raises(VistreamError, match="is empty"):
        read_otb(tmp_path / "gt.txt")


masks = st.binary(min_size=12, max_size=12).map(lambda b: np.array([c & 1 for c in b], bool).reshape(3, 4))
names = st.sampled_from(sorted(CATEGORIES.values()))


@given(st.dictionaries(st.integers(0, 9), st.lists(st.tuples(boxes, st.floats(0, 1), names, masks), max_size=3)))
@settings(deadline=None)
def test_coco_results_come_back(written: dict[int, list[tuple[Box, float, str, np.ndarray]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.json"
        with CocoWriter(path) as writer:
            for frame, rows in written.items():
                tracks = tuple(Track(i, b, s, n, m) for i, (b, s, n, m) in enumerate(rows, start=1))
                writer.write(Result(frame, 0.0, tracks, len(rows)))
        read = read_coco(path)
    assert set(read) == {frame for frame, rows in written.items() if rows}
    for frame, seen in read.items():
        assert seen.boxes.tolist() == [list(box) for box, _, _, _ in written[frame]]
        assert seen.scores.tolist() == [score for _, score, _, _ in written[frame]]
        assert list(seen.labels) == [name for _, _, name, _ in written[frame]]
        assert seen.masks is not None
        assert seen.masks.tolist() == [mask.tolist() for _, _, _, mask in written[frame]]


def test_every_way_to_write_a_mask_gives_the_same_mask(tmp_path: Path) -> None:
    """Compressed runs, plain runs and a polygon, over the upper half of a 4 x 6 image; frames follow
    `images`.
    """
    base = {"image_id": 30, "category_id": 7, "bbox": [0, 0, 6, 2], "score": 1}
    shapes = [
        {"size": [4, 6], "counts": [0, *[2] * 12]},
        [[0, 0, 6, 0, 6, 2, 0, 2]],
        {"size": [4, 6], "counts": "022" + "0" * 10},  # from the fourth on, differences to the run two before
    ]
    whole = {
        "images": [{"id": 10}, {"id": 30, "height": 4, "width": 6}],
        "annotations": [{**base, "segmentation": shape} for shape in shapes],
        "categories": [{"id": 7, "name": "band"}],
    }
    (tmp_path / "a.json").write_text(json.dumps(whole))
    seen = read_coco(tmp_path / "a.json")[1]
    assert seen.labels == ("band",) * 3
    upper = np.zeros((4, 6), bool)
    upper[:2] = True
    assert seen.masks is not None
    assert [(mask == upper).all() for mask in seen.masks] == [True, True, True]


def test_keypoints_and_boxes_without_masks(tmp_path: Path) -> None:
    row = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5, "keypoints": [1, 2, 0.5, 3, 4, 1]}
    (tmp_path / "k.json").write_text(json.dumps([row]))
    seen = read_coco(tmp_path / "k.json", first_frame=1)[0]
    assert seen.masks is None
    assert seen.keypoints is not None
    assert seen.keypoints.tolist() == [[[1, 2, 0.5], [3, 4, 1]]]


ROW = {"image_id": 0, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 1}
BAD_COCO = [
    ({**ROW, "bbox": [0, 0, 1]}, '"bbox" has 3 numbers'),
    ({**ROW, "bbox": [0, 0, -1, 1]}, "neither may be negative"),
    ({**ROW, "category_id": 12}, "no category 12"),
    ({**ROW, "image_id": -1}, "frames are counted from 0"),
    ({**ROW, "score": "high"}, "not a finite number"),
    ({**ROW, "keypoints": [1, 2]}, "not a multiple of 3"),
    ({**ROW, "segmentation": {"size": [2, 2], "counts": "23"}}, "covers 5 pixels"),
    ({**ROW, "segmentation": {"size": [2, 2], "counts": [1, 2]}}, "do not fill"),
    ({**ROW, "segmentation": [[0, 0, 1, 1, 2, 2]]}, "need the image's height"),
    (7, "a JSON object is expected"),
]


@pytest.mark.parametrize(("row", "complaint"), BAD_COCO)
def test_malformed_coco_detections_are_named(tmp_path: Path, row: object, complaint: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps([ROW, row]))
    with pytest.raises(VistreamError, match=complaint) as error:
        read_coco(path)
    assert str(error.value).startswith(f"{path}, detection 1")


def test_a_label_unknown_to_coco_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    def write() -> None:
        with CocoWriter(tmp_path / "out.json") as writer:
            writer.write(Result(0, 0.0, (Track(1, (0.0, 0.0, 1.0, 1.0), 1.0, "gnu"),), 1))

    with pytest.raises(VistreamError, match='no category "gnu"'):
        write()
    assert not list(tmp_path.iterdir())


word = st.from_regex(r"[A-Za-z0-9%;#=._-]{1,12}", fullmatch=True)
size = st.integers(1, 10**6)


@given(word, word, st.floats(0.01, 1000).map(lambda v: round(v, 6)), size, size, size, word)
def test_seqinfo_comes_back(
    name: str, folder: str, rate: float, frames: int, width: int, height: int, extension: str
) -> None:
    info = SeqInfo(name, folder, rate, frames, width, height, extension)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "seqinfo.ini"
        write_seqinfo(path, info)
        assert read_seqinfo(path) == info


GOOD_INI = "[Sequence]\nname=a\nimDir=img1\nframeRate=25\nseqLength=10\nimWidth=64\nimHeight=48\nimExt=.jpg\n"
BAD_INI = [
    ("", "no section"),
    ("no ini", "is not an ini file"),
    (GOOD_INI.replace("imDir=img1\n", ""), "has no imDir"),
    (GOOD_INI.replace("=25", "=fast"), "frameRate is 'fast', not a number"),
    (GOOD_INI.replace("=10", "=0"), "seqLength is 0: it must be positive"),
    (GOOD_INI.replace("=64", "=64.5"), "imWidth is 64.5: it must be a whole number"),
    (GOOD_INI + "name=b\n", "already exists"),
]


@pytest.mark.parametrize(("text", "complaint"), BAD_INI)
def test_malformed_seqinfo_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "seqinfo.ini"
    path.write_text(text)
    with pytest.raises(VistreamError, match=complaint) as error:
        read_seqinfo(path)
    assert str(path) in str(error.value)


@pytest.mark.real
def test_the_real_seqinfo_reads(real_data: Path) -> None:
    info = read_seqinfo(real_data / "mot" / "PETS09-S2L1" / "seqinfo.ini")
    assert info == SeqInfo("PETS09-S2L1", "img1", 7.0, 150, 768, 576, ".jpg")


def test_a_blank_line_is_no_frame(tmp_path: Path) -> None:
    path = tmp_path / "sot.txt"
    path.write_text("1,1,5,5\n\n3,1,5,5\n", encoding="utf-8")
    with pytest.raises(VistreamError, match=r"line 2 is blank: lines are frames; NaN,NaN,NaN,NaN stands for no box"):
        read_otb(path)
    path.write_text("1,1,5,5\n3,1,5,5\n\n\n", encoding="utf-8")
    assert len(read_otb(path)) == 2
