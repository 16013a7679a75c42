"""Class maps as PNG and CSV, COCO panoptic: what is written is read back; what is wrong is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vistream.errors import VistreamError
from vistream.media.formats.class_maps import ClassMapWriter, SharesCsvWriter
from vistream.media.formats.davis import read_labels
from vistream.media.formats.panoptic import PanopticWriter, read_ids, read_panoptic, write_ids
from vistream.media.video.picture import load_picture
from vistream.models.classes import class_set
from vistream.types import ClassMap, Result, Segment

COCO = class_set("coco-panoptic")
LABELS = np.array([[0, 0, 120], [255, 120, 120]], np.uint8)
IDS = np.array([[1, 1, 70000], [0, 70000, 70000]], np.int32)
SEGMENTS = (
    Segment(1, "person", True, 0.9, 2, (0.0, 0.0, 2.0, 1.0)),
    Segment(70000, "cabinet-merged", False, 0.95, 3, (1.0, 0.0, 2.0, 2.0)),
)
MAP = ClassMap(COCO.names, COCO.palette, LABELS, IDS)
RESULT = Result(7, 0.28, (), 0, class_map=MAP, shares=MAP.shares(), segments=SEGMENTS)


def test_label_pictures_hold_the_classes_numbers(tmp_path: Path) -> None:
    ClassMapWriter(tmp_path / "colours").write(RESULT)
    ClassMapWriter(tmp_path / "grey", grey=True).write(RESULT, "street")
    coloured, grey = tmp_path / "colours" / "00007.png", tmp_path / "grey" / "street.png"
    for path, mode in ((coloured, "P"), (grey, "L")):
        np.testing.assert_array_equal(read_labels(path), LABELS)
        assert load_picture(path).mode == mode
    shown = np.asarray(load_picture(coloured).convert("RGB"))
    np.testing.assert_array_equal(shown[LABELS == 120], COCO.palette[[120, 120, 120]])
    with pytest.raises(ValueError, match="frame 3 has no class map"):
        ClassMapWriter(tmp_path / "colours").write(Result(3, 0.1, (), 0))
    with pytest.raises(VistreamError, match="can't be made"):
        ClassMapWriter(grey / "below a file")


def test_shares_are_rows_of_csv(tmp_path: Path) -> None:
    with SharesCsvWriter(tmp_path / "a.csv") as writer:
        writer.write(RESULT)
    assert (tmp_path / "a.csv").read_text().splitlines() == [
        "frame,time,class,share",
        "7,0.280000,person,0.333333",
        "7,0.280000,cabinet-merged,0.500000",
    ]


def test_panoptic_results_come_back(tmp_path: Path) -> None:
    with PanopticWriter(tmp_path / "out.json", COCO, ("a", "b")) as writer:
        for frame in range(3):
            writer.write(Result(frame, 0.0, (), 0, class_map=MAP, segments=SEGMENTS))
            json.loads((tmp_path / "out.part.json").read_text())  # whole after every frame
    found = read_panoptic(tmp_path / "out.json")
    assert list(found.images) == ["a", "b", "00002"]
    assert [(c.number, c.name, c.thing) for c in found.categories] == [
        *zip(COCO.numbers, COCO.names, COCO.things or (), strict=True)
    ]
    image = found.images["b"]
    np.testing.assert_array_equal(read_ids(image.map), IDS)
    assert [(s.id, s.category, s.crowd) for s in image.segments] == [(1, 1, False), (70000, 188, False)]


def test_frames_of_an_earlier_run_get_no_picture(tmp_path: Path) -> None:
    with PanopticWriter(tmp_path / "out.json", COCO) as writer:
        writer.write(Result(0, 0.0, (), 0, segments=SEGMENTS))
    assert list(read_panoptic(tmp_path / "out.json").images) == ["00000"]
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "a JSON object is expected"),
        ('{"annotations": {}}', '"annotations" is {}, not a list'),
        ('{"annotations": [{"file_name": "a.png"}]}', 'annotation 0 has no "segments_info"'),
        ('{"annotations": [{"file_name": "a.png", "segments_info": [{"id": 1}]}]}', 'has no "category_id"'),
        ('{"annotations": [{"file_name": "a.png", "segments_info": []}, {"file_name": "a.png", "segments_info": []}]}',
         "a.png is annotated twice"),
        ('{"categories": [{"id": 1}], "annotations": []}', 'category 0 has no "name"'),
    ],
)  # fmt: skip
def test_a_damaged_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(VistreamError, match=r"a\.json") as caught:
        read_panoptic(path)
    assert message in str(caught.value)


def test_nothing_outside_the_folder_is_read(tmp_path: Path) -> None:
    entry = {"file_name": "../../etc/secret.png", "segments_info": []}
    (tmp_path / "a.json").write_text(json.dumps({"annotations": [entry]}))
    assert read_panoptic(tmp_path / "a.json").images["secret"].map == tmp_path / "a" / "secret.png"


def test_segments_need_colours_and_a_json_name(tmp_path: Path) -> None:
    Image.fromarray(LABELS).save(tmp_path / "grey.png")
    with pytest.raises(VistreamError, match="holds no colours"):
        read_ids(tmp_path / "grey.png")
    with pytest.raises(VistreamError, match=r"give a name that ends in \.json"):
        PanopticWriter(tmp_path / "out", COCO)
    write_ids(tmp_path / "a.png", IDS)
    np.testing.assert_array_equal(read_ids(tmp_path / "a.png"), IDS)
