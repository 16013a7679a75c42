"""MOTS in KITTI's layout: maps of instances or text, frames from 0."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tinydata
from PIL import Image

from vistream.errors import VistreamError
from vistream.evaluate.datasets.clips import find_clips
from vistream.evaluate.datasets.dataset import evaluate_dataset
from vistream.evaluate.datasets.job import Order
from vistream.evaluate.files.score import evaluate_files
from vistream.media.formats import rle
from vistream.media.formats.instances import read_any_mots

COUNT = 5


@pytest.mark.parametrize("text", [False, True], ids=["maps", "text"])
@pytest.mark.parametrize("frames", [None, 3])
def test_a_dataset_runs_and_is_scored(tmp_path: Path, text: bool, frames: int | None) -> None:
    tinydata.kitti_mots(tmp_path / "data", "0002", COUNT, text)
    order = Order("mots", "gt", tmp_path / "out")
    table = evaluate_dataset(order, tmp_path / "data", max_frames=frames)["exact"]
    seen = frames or COUNT
    assert table.overall["sMOTSA"] == 1.0
    assert table.overall["FP"] == table.overall["FN"] == 0
    assert not table.notes
    rows = (tmp_path / "out" / "mots-gt-exact" / "0002.txt").read_text().splitlines()
    assert len(rows) == 2 * seen
    assert {row.split()[0] for row in rows} == {str(n + 1) for n in range(seen)}


def test_maps_and_text_say_the_same_and_are_one_sequence(tmp_path: Path) -> None:
    tinydata.kitti_mots(tmp_path, "0002", COUNT)
    maps = read_any_mots(tmp_path / "instances" / "0002", 0)
    shutil.rmtree(tmp_path / "training")
    tinydata.kitti_mots(tmp_path, "0002", COUNT, text=True)
    text = tmp_path / "instances_txt" / "0002.txt"
    assert maps == read_any_mots(text, 0)
    (clip,) = find_clips("mots", tmp_path)
    assert (clip.ground_truth.name, clip.starts) == ("0002", 0)
    with pytest.raises(VistreamError, match="no sequence with ground truth for mot,"):
        find_clips("mot", tmp_path)
    (tmp_path / "training" / "label_02").mkdir()
    text.rename(tmp_path / "training" / "label_02" / "0002.txt")  # as TrackEval has it
    shutil.rmtree(tmp_path / "instances")
    (clip,) = find_clips("mots", tmp_path)
    assert (clip.kind, clip.starts) == ("mots", 0)
    with pytest.raises(VistreamError, match="no sequence with ground truth for mot,"):
        find_clips("mot", tmp_path)


def test_finished_maps_are_scored_against_maps_or_text(tmp_path: Path) -> None:
    tinydata.kitti_mots(tmp_path, "0002", COUNT)
    shutil.rmtree(tmp_path / "training")
    tinydata.kitti_mots(tmp_path, "0002", COUNT, text=True)
    shutil.copytree(tmp_path / "instances" / "0002", tmp_path / "out" / "0002")
    last = tmp_path / "out" / "0002" / f"{COUNT - 1:06d}.png"
    numbers = np.asarray(Image.open(last)).copy()
    numbers[numbers == 1000] = 0
    Image.fromarray(numbers).save(last)  # the car is missed once
    for gt, first in ((tmp_path / "instances", 1), (tmp_path / "instances_txt", 0), (tmp_path, 1)):
        row = evaluate_files("mots", gt, tmp_path / "out", first).rows["0002"]
        assert row["sMOTSA"] == pytest.approx(1 - 1 / (2 * COUNT)), gt
        assert (row["FN"], row["FP"], row["IDSW"]) == (1, 0, 0)
    text = evaluate_files("mots", tmp_path / "instances", tmp_path / "instances_txt", 0).rows["0002"]
    assert text["sMOTSA"] == 1.0


def maps(folder: Path, **pictures: np.ndarray) -> Path:
    folder.mkdir(exist_ok=True)
    for name, values in pictures.items():
        Image.fromarray(values).save(folder / f"{name.removeprefix('n')}.png")
    return folder


def test_what_is_no_map_of_instances_is_named(tmp_path: Path) -> None:
    car = np.full((4, 6), 1001, np.uint16)
    assert read_any_mots(maps(tmp_path / "a", n0007=car), 7)[0].mask == rle.encode(car > 0)
    with pytest.raises(VistreamError, match=r"0007\.png: frame 7: frames are counted from 8"):
        read_any_mots(tmp_path / "a", 8)
    with pytest.raises(VistreamError, match=r"0008\.png has another size"):
        read_any_mots(maps(tmp_path / "a", n0008=car.T), 7)
    with pytest.raises(VistreamError, match=r"holds the number 4007: instances are class \* 1000 \+ n"):
        read_any_mots(maps(tmp_path / "b", n1=car + np.uint16(3006)), 1)
    with pytest.raises(VistreamError, match="holds colours"):
        read_any_mots(maps(tmp_path / "c", n1=np.zeros((4, 6, 3), np.uint8)), 1)
    with pytest.raises(VistreamError, match="called by the numbers of frames"):
        read_any_mots(maps(tmp_path / "d", first=car), 1)
