"""Whole training runs on small pictures: it learns, it resumes, it is the same every time, it says what is wrong."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from trainingdata import CARS, class_of, panoptic_config, quick_config, same_weights, write_blocks, write_things

from vistream.errors import VistreamError
from vistream.media.formats.panoptic import read_ids
from vistream.models.classes import VOID
from vistream.models.spike2former import load
from vistream.train.config import TrainConfig
from vistream.train.data import Samples, batches
from vistream.train.losses import targets
from vistream.train.pairs import find_pairs, read_pair
from vistream.train.processes import Processes
from vistream.train.run import BEST, STATE, TABLE, WEIGHTS, Start, train

ALONE = Processes(0, 1, torch.device("cpu"))


def run(config: TrainConfig, data: Path, output: Path, start: Start | None = None) -> float | None:
    return train(config, data, output, start or Start(), ALONE, lambda _: None)


def memorised(config: TrainConfig) -> TrainConfig:
    """Validated on what it learns, and quick to."""
    return replace(
        config,
        data=replace(config.data, validation=config.data.train),
        augment=replace(config.augment, flip=0.0, photometric=False),
        optimiser=replace(config.optimiser, rate=1e-2),
    )


@pytest.mark.slow
def test_it_learns_four_pictures_by_heart(tmp_path: Path) -> None:
    write_blocks(tmp_path)
    config = memorised(quick_config(iterations=150, batch=4))
    best = run(config, tmp_path, tmp_path / "out")
    assert best is not None
    assert best > 0.9
    network = load(tmp_path / "out" / BEST)  # written whole, with its classes
    assert network.classes[-1] == "person"
    with (tmp_path / "out" / TABLE).open() as file:
        rows = [float(row["loss"]) for row in csv.DictReader(file) if row["loss"]]
    assert rows[-1] < rows[0] / 3


@pytest.mark.slow
def test_it_learns_things_by_heart(tmp_path: Path) -> None:
    write_things(tmp_path)
    best = run(memorised(panoptic_config(iterations=300, batch=4)), tmp_path, tmp_path / "out")
    assert best is not None
    assert best > 0.6
    network = load(tmp_path / "out" / BEST)
    assert network.things is not None and network.sizes.head == "panoptic"
    with (tmp_path / "out" / TABLE).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[-1]["PQ"]) == pytest.approx(best, abs=0.1) and not rows[-1]["mIoU"]


def test_segments_are_read_as_classes_and_things(tmp_path: Path) -> None:
    write_things(tmp_path)
    config = panoptic_config(1)
    (pair, *_) = find_pairs(tmp_path, config.data.train)
    _, labels = read_pair(pair, config.data)
    ids = read_ids(pair.labels)
    stuff = {"sky-other-merged": 1, "road": 2}
    assert set(np.unique(labels).tolist()) == {*map(class_of, stuff), VOID, *CARS}
    for name, value in stuff.items():
        np.testing.assert_array_equal(labels == class_of(name), ids == value)
    np.testing.assert_array_equal(labels == CARS[0], ids == 3)
    np.testing.assert_array_equal(labels == VOID, np.isin(ids, (0, 5)))  # a crowd is void
    classes, masks = targets(torch.from_numpy(labels)[None])
    assert sorted(classes[0].tolist()) == sorted([*map(class_of, stuff), class_of("car"), class_of("car")])
    assert [int(mask.sum()) for mask in masks[0][2:]] == [int((ids == car).sum()) for car in (3, 4)]
    whole = pair.labels.parent.with_suffix(".json")
    whole.write_text(
        whole.read_text(encoding="utf-8").replace('"category_id": 3', '"category_id": 12'), encoding="utf-8"
    )
    with pytest.raises(VistreamError, match="segment 3 is of category 12, which is none"):
        read_pair(find_pairs(tmp_path, config.data.train)[0], config.data)


@pytest.mark.parametrize(("write", "configured"), [(write_blocks, quick_config), (write_things, panoptic_config)])
def test_a_resumed_run_ends_where_an_unbroken_one_does(
    write: Callable[[Path], None], configured: Callable[[int], TrainConfig], tmp_path: Path
) -> None:
    write(tmp_path)
    config = configured(4)
    run(config, tmp_path, tmp_path / "whole")
    often = replace(config, schedule=replace(config.schedule, save_every=2))
    output = tmp_path / "broken"

    class Stop(Exception):
        pass

    def interrupt(_: str) -> None:
        raise Stop

    with pytest.raises(Stop):  # the first thing said is said after the last iteration
        train(often, tmp_path, output, Start(), ALONE, interrupt)
    assert torch.load(output / STATE, weights_only=True)["iteration"] == 2
    run(often, tmp_path, output, Start(resume=True))
    assert same_weights(output / WEIGHTS, tmp_path / "whole" / WEIGHTS)
    longer = replace(often, schedule=replace(often.schedule, iterations=5), loss=replace(often.loss, dice=2.0))
    said: list[str] = []
    train(longer, tmp_path, output, Start(resume=True), ALONE, said.append)
    assert said[:3] == [
        f"not as before: loss.dice was {often.loss.dice}, is 2.0",
        "not as before: schedule.iterations was 4, is 5",
        "resumed at iteration 4",
    ]


def test_fine_tuning_starts_from_given_weights(tmp_path: Path) -> None:
    write_blocks(tmp_path)
    run(quick_config(iterations=2), tmp_path, tmp_path / "first")
    config = quick_config(iterations=1)
    still = replace(config, optimiser=replace(config.optimiser, rate=0.0))
    run(still, tmp_path, tmp_path / "second", Start(weights=str(tmp_path / "first" / WEIGHTS)))
    first, second = (load(tmp_path / name / WEIGHTS).state_dict() for name in ("first", "second"))
    assert all(torch.equal(first[key], second[key]) for key in first if "running" not in key)
    assert not all(torch.equal(first[key], second[key]) for key in first if "running" in key)


def test_samples_depend_on_seed_and_number_alone(tmp_path: Path) -> None:
    write_blocks(tmp_path)
    config = quick_config(iterations=3, batch=4)
    pairs = find_pairs(tmp_path, config.data.train)
    alone = [images for images, _ in batches(pairs, config, 0, 0, 1)]
    shared = [[images for images, _ in batches(pairs, config, 0, rank, 2)] for rank in (0, 1)]
    for number, images in enumerate(alone):
        assert torch.equal(images, torch.cat([part[number] for part in shared]))
    late = [images for images, _ in batches(pairs, config, 2, 0, 1)]
    assert torch.equal(late[0], alone[2])
    other = Samples(pairs, replace(config, schedule=replace(config.schedule, seed=1)))
    assert not torch.equal(other[0][0], alone[0][0])


def test_data_that_does_not_fit_is_named(tmp_path: Path) -> None:
    config = quick_config(1)
    with pytest.raises(VistreamError, match="there are no pictures"):
        find_pairs(tmp_path, config.data.train)
    write_blocks(tmp_path)
    (tmp_path / "train" / "labels" / "2.png").unlink()
    with pytest.raises(VistreamError, match=r"2\.png: is missing"):
        find_pairs(tmp_path, config.data.train)
    write_blocks(tmp_path / "more")
    with pytest.raises(VistreamError, match="nothing to resume"):
        run(config, tmp_path / "more", tmp_path / "none", Start(resume=True))


def test_the_number_of_no_class_is_void_or_refused(tmp_path: Path) -> None:
    write_blocks(tmp_path)
    config = quick_config(1)
    pair = find_pairs(tmp_path, config.data.train)[0]
    _, plain = read_pair(pair, config.data)
    reduced = replace(config.data, reduce_zero_label=True)
    _, labels = read_pair(pair, reduced)
    np.testing.assert_array_equal(labels, np.where(plain == 0, 255, plain - 1))
    marked = np.array(plain)
    marked[0, :2] = 255, 77
    Image.fromarray(marked).save(pair.labels)
    with pytest.raises(VistreamError, match=r"0\.png: holds the number 77, which is none of the 7 classes"):
        read_pair(pair, config.data)
    marked[0, 1] = 0
    Image.fromarray(marked).save(pair.labels)
    assert read_pair(pair, reduced)[1][0, :2].tolist() == [255, 255]


def test_a_list_of_names_holds_one_a_line(tmp_path: Path) -> None:
    write_blocks(tmp_path)
    for folder, ending in (("images", ".jpg"), ("labels", ".png")):
        (tmp_path / "train" / folder / f"0{ending}").rename(tmp_path / "train" / folder / f"my street{ending}")
    (tmp_path / "names.txt").write_bytes(b"\xef\xbb\xbfmy street\r\n1\r\n")
    found = find_pairs(tmp_path, replace(quick_config(1).data.train, names="names.txt"))
    assert [pair.image.name for pair in found] == ["my street.jpg", "1.jpg"]


def test_what_can_not_be_validated_costs_no_training(tmp_path: Path) -> None:
    write_blocks(tmp_path)
    spoilt = tmp_path / "validation" / "labels" / "3.png"
    good = spoilt.read_bytes()
    Image.fromarray(np.full((9, 9), 1, np.uint8)).save(spoilt)
    output = tmp_path / "output"
    with pytest.raises(VistreamError, match=r"3\.png: is of another size than 3\.jpg"):
        run(quick_config(2), tmp_path, output)
    assert not output.exists()
    spoilt.write_bytes(good[: len(good) // 2])  # whose header is sound
    with pytest.raises(VistreamError, match=r"3\.png can't be read as an image"):
        run(quick_config(2), tmp_path, output)
    assert torch.load(output / STATE, weights_only=True)["iteration"] == 2
    spoilt.write_bytes(good)
    run(quick_config(2), tmp_path, output, Start(resume=True))
    assert (output / BEST).is_file()


def test_a_run_that_comes_apart_ends_in_one_line_and_saves_nothing(tmp_path: Path) -> None:
    write_blocks(tmp_path)
    config = quick_config(3)
    wild = replace(
        config,
        optimiser=replace(config.optimiser, rate=1e30, clip=1e30),
        schedule=replace(config.schedule, save_every=1, warmup=0),
    )
    with pytest.raises(VistreamError, match=r"no longer gives finite numbers: lower optimiser\.rate"):
        run(wild, tmp_path, tmp_path / "output")
    assert not (tmp_path / "output" / STATE).exists()


def test_files_of_the_user_are_not_replaced(tmp_path: Path) -> None:
    write_blocks(tmp_path)
    output = tmp_path / "output"
    output.mkdir()
    (output / BEST).write_text("mine")
    with pytest.raises(VistreamError, match="is there already, and is not of an earlier run"):
        run(quick_config(1), tmp_path, output)
    assert (output / BEST).read_text() == "mine"


def test_a_worker_that_finds_a_damaged_picture_says_so_in_one_line(tmp_path: Path) -> None:
    write_blocks(tmp_path, count=1)
    picture = tmp_path / "train" / "images" / "0.jpg"
    picture.write_bytes(picture.read_bytes()[:-400])
    config = quick_config(1)
    config = replace(config, schedule=replace(config.schedule, workers=1))
    with pytest.raises(VistreamError) as caught:
        list(batches(find_pairs(tmp_path, config.data.train), config, 0, 0, 1))
    assert "\n" not in str(caught.value)
    assert "0.jpg can't be read as an image" in str(caught.value)
