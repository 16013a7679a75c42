"""Files that may hold anything are read or refused in one line: a short run of what `scripts/fuzz.py` does for long."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fuzzing.mutate import mutated
from fuzzing.readers import READERS
from fuzzing.worker import Files, judge, seeds_of
from PIL import Image

from vistream.detect.background import Difference
from vistream.detect.regions import find_regions
from vistream.errors import VistreamError
from vistream.media.formats.coco import read_coco
from vistream.media.formats.jsonl import read_results
from vistream.media.formats.mot import read_tracks
from vistream.media.formats.mots import read_mots
from vistream.media.video.images import read_image
from vistream.models.tfjs import load_tfjs

CASES = 40
"""Broken files for each reader."""


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def seeds(reader: str, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Suffix and content of the reader's valid files."""
    return seeds_of(reader, tmp_path_factory.mktemp(reader))


@pytest.mark.parametrize("reader", READERS, scope="module")
def test_a_broken_file_is_read_or_refused_in_one_line(reader: str, seeds: Files, scratch: Path) -> None:
    """The same files in every run."""
    for number in range(CASES):
        chance = random.Random(number)
        suffix, data = seeds[chance.randrange(len(seeds))]
        path = scratch / f"case{suffix}"
        path.write_bytes(mutated(data, [data for _, data in seeds], chance))
        assert not judge(reader, path), f"file {number}"


@pytest.mark.parametrize("reader", READERS, scope="module")
def test_the_seeds_are_valid(reader: str, seeds: Files, tmp_path: Path) -> None:
    for number, (suffix, data) in enumerate(seeds):
        path = tmp_path / f"{number}{suffix}"
        path.write_bytes(data)
        assert judge(reader, path) is None


def coco(**changes: object) -> str:
    """A file with one image of 6 x 8 pixels and one mask, or what the changes make of it."""
    image = {"id": 5, "height": changes.pop("height", 6), "width": 8}
    annotation = {
        "image_id": 5,
        "category_id": 1,
        "bbox": [1, 1, 3, 3],
        "segmentation": [[1, 1, 4, 1, 4, 4]],
        **changes,
    }
    categories = [{"id": 1, "name": "person"}]
    return json.dumps({"images": [image], "annotations": [annotation], "categories": categories})


FRAME = '{{"frame":{},"time":0,"observations":0,"tracks":[],"work":{{"layers":[]}}}}\n'
OTHER_SIZE = [{"image_id": i, "category_id": 1, "bbox": [0, 0, 1, 1], "segmentation": s, "score": 1} for i, s in (
    (0, {"size": [2, 2], "counts": "22"}), (0, {"size": [1, 4], "counts": "22"})
)]  # fmt: skip
SHAPELESS = {
    "weightsManifest": [],
    "signature": {"inputs": {"i": {"name": "i:0"}}, "outputs": {}},
    "modelTopology": {"node": [{"name": "i", "op": "Placeholder", "attr": {"shape": {"type": "DT_FLOAT"}}}]},
}
FOUND: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "a corner beyond every image": (coco(segmentation=[[1e26, 1, 4, 1, 4, 4]]), read_coco, "far outside"),
    "an image of 2^63 rows": (coco(height=2**63), read_coco, "not a whole number"),
    "an image of 2^40 rows": (coco(height=2**40), read_coco, "can't be"),
    "a number beyond every float": (coco(category_id=10**400), read_coco, "not a whole number"),
    "a number of 5000 digits": ('{"a": ' + "9" * 5000 + "}", read_coco, "not JSON"),
    "masks of two sizes": (json.dumps(OTHER_SIZE), read_coco, "masks of 1 x 4 and 2 x 2"),
    "an infinite frame": (FRAME.format("1e999"), lambda path: list(read_results(path)), "line 1"),
    "a frame beyond int64": ("1e300,1,1,1,5,5,1\n", read_tracks, "below 2"),
    "a mask of 2^60 pixels": ("1 1 2 1073741824 1073741824 0\n", read_mots, "cannot be"),
    "weights of an infinite shape": (
        json.dumps({"weightsManifest": [{"paths": [], "weights": [{"name": "w", "shape": [1e999], "dtype": "bool"}]}]}),
        load_tfjs,
        "not a tfjs graph model",
    ),
    "weights of a type that is no name": (
        json.dumps({"weightsManifest": [{"paths": [], "weights": [{"name": "w", "shape": [0], "dtype": ","}]}]}),
        load_tfjs,
        "not a tfjs graph model",
    ),
    "a shape that is none": (json.dumps(SHAPELESS), load_tfjs, "shape = 'DT_FLOAT'"),
    "a graph nested without end": ('{"a": ' * 100_000, load_tfjs, "not a tfjs graph model"),
}


@pytest.mark.parametrize("what", FOUND)
def test_what_fuzzing_found(what: str, tmp_path: Path) -> None:
    """Each of these once ended in a traceback, a warning, or the death of the process."""
    text, read, said = FOUND[what]
    path = tmp_path / "found"
    path.write_text(text)
    with pytest.raises(VistreamError, match=said) as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_an_image_that_says_it_is_huge_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    Image.new("1", (10_000, 10_000)).save(path)
    with pytest.raises(VistreamError, match=r"huge\.png says that it has more than 89478485 pixels"):
        read_image(path)


def test_damaged_exif_data_do_not_lose_the_image(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.full((8, 12, 3), 90, np.uint8)).save(path, exif=exif)
    data = bytearray(path.read_bytes())
    at = data.index(b"Exif\0\0") + 6
    data[at + 8 : at + 10] = b"\xff\x7f"  # the number of tags
    path.write_bytes(data)
    assert read_image(path).size == 8 * 12 * 3


def test_regions_of_small_frames_lie_where_something_moved() -> None:
    """On a grid of 96 pixels they once lay a row too low, and one at the edge held no pixel that had moved."""
    moving = np.zeros((64, 96), np.bool_)
    moving[20:32, 40:48] = moving[:2, 4:12] = True
    difference = Difference(moving, np.full((64, 96), 5, np.float32), np.zeros((64, 96), np.float32))
    frame = np.zeros((64, 96, 3), np.uint8)
    boxes = [region.box for region in find_regions(difference, frame, frame.astype(np.float32)).regions]
    assert (40, 20, 8, 12) in boxes
    assert {y for _, y, _, _ in boxes} == {0, 20}
