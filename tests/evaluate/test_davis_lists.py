"""Which sequences the lists of a DAVIS folder name: of 2017 by name, of 2016 as it is distributed by pairs of files."""

from __future__ import annotations

from pathlib import Path

import pytest
import tinydata

from vistream.errors import VistreamError
from vistream.evaluate.datasets.clips import find_clips
from vistream.media.formats.davis import read_sequences


def pairs_list(root: Path, *names: str) -> Path:
    path = root / "ImageSets" / "480p" / "val.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    line = "/JPEGImages/480p/{0}/{1:05d}.jpg /Annotations/480p/{0}/{1:05d}.png \n"
    path.write_text("".join(line.format(name, frame) for name in names for frame in range(3)))
    return path


def test_davis_2016_lists_its_files(tmp_path: Path) -> None:
    for name in ("one", "two", "trained"):
        tinydata.davis(tmp_path, name, 3, "2016")
    (tmp_path / "ImageSets" / "2016" / "val.txt").unlink()
    pairs_list(tmp_path, "two", "one")
    assert [sequence.name for sequence in read_sequences(tmp_path, "val", "480p")] == ["two", "one"]
    assert [clip.name for clip in find_clips("vos", tmp_path)] == ["one", "two"]


def test_two_sequences_of_one_name_are_refused_where_they_are_asked_for(tmp_path: Path) -> None:
    for part, name in (("one", "same"), ("two", "same"), ("three", "other")):
        tinydata.davis(tmp_path / part, name, 3, "2017")
    pattern = r"two sequences are called same: .*one.*same and .*two.*same; give --data the folder of one"
    with pytest.raises(VistreamError, match=pattern):
        find_clips("vos", tmp_path)
    assert [clip.name for clip in find_clips("vos", tmp_path, ("oth*",))] == ["other"]
    assert [clip.name for clip in find_clips("vos", tmp_path / "one")] == ["same"]


def test_lists_of_a_year_go_before_those_of_files(tmp_path: Path) -> None:
    tinydata.davis(tmp_path, "two", 3, "2017")
    tinydata.davis(tmp_path, "one", 3, "2016")
    pairs_list(tmp_path, "one", "two")
    assert [clip.name for clip in find_clips("vos", tmp_path)] == ["two"]


def test_a_file_of_a_sequence_that_is_not_there_is_named_with_its_line(tmp_path: Path) -> None:
    tinydata.davis(tmp_path, "one", 3, "2016")
    listing = pairs_list(tmp_path, "one", "gone")
    with pytest.raises(VistreamError, match=r"480p/val\.txt, line 4: neither .*gone"):
        read_sequences(tmp_path, "val", "480p")
    listing.write_text("one\n")
    assert [sequence.name for sequence in read_sequences(tmp_path, "val", "480p")] == ["one"]
