"""Whole training runs on small pictures: it learns, it resumes, it is the same every time, it says what is wrong."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from trainingdata import quick_config, write_blocks

from vistream.errors import VistreamError
from vistream.models.spike2former import load
from vistream.train.config import TrainConfig
from vistream.train.data import Samples, batches, find_pairs, read_pair
from vistream.train.processes import Processes
from vistream.train.run import BEST, STATE, TABLE, WEIGHTS, Start, train

ALONE = Processes(0, 1, torch.device("cpu"))


def run(config: TrainConfig, data: Path, output: Path, start: Start | None = None) -> float | None:
    output.mkdir(exist_ok=True)
    return train(config, data, output, start or Start(), ALONE, lambda _: None)


def same(a: Path, b: Path) -> bool:
    first, second = load(a).state_dict(), load(b).state_dict()
    return all(torch.equal(value, second[key]) for key, value in first.items())


@pytest.mark.slow
def test_it_learns_four_pictures_by_heart(tmp_path: Path) -> None:
    write_blocks(tmp_path)
    config = quick_config(iterations=150, batch=4)
    config = replace(
        config,
        data=replace(config.data, validation=config.data.train),
        augment=replace(config.augment, flip=0.0, photometric=False),
        optimiser=replace(config.optimiser, rate=1e-2),
    )
    best = run(config, tmp_path, tmp_path / "out")
    assert best is not None
    assert best > 0.9
    network = load(tmp_path / "out" / BEST)  # written whole, with its classes
    assert network.classes[-1] == "person"
    with (tmp_path / "out" / TABLE).open() as file:
        rows = [float(row["loss"]) for row in csv.DictReader(file) if row["loss"]]
    assert rows[-1] < rows[0] / 3


def test_a_resumed_run_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    write_blocks(tmp_path)
    config = quick_config(iterations=4)
    run(config, tmp_path, tmp_path / "whole")
    often = replace(config, schedule=replace(config.schedule, save_every=2))
    output = tmp_path / "broken"
    output.mkdir()

    class Stop(Exception):
        pass

    def interrupt(_: str) -> None:
        raise Stop

    with pytest.raises(Stop):  # the first thing said is said after the last iteration
        train(often, tmp_path, output, Start(), ALONE, interrupt)
    assert torch.load(output / STATE, weights_only=True)["iteration"] == 2
    run(often, tmp_path, output, Start(resume=True))
    assert same(output / WEIGHTS, tmp_path / "whole" / WEIGHTS)


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


def test_labels_beyond_the_classes_are_void(tmp_path: Path) -> None:
    write_blocks(tmp_path)
    config = quick_config(1)
    pair = find_pairs(tmp_path, config.data.train)[0]
    _, plain = read_pair(pair, config)
    reduced = replace(config, data=replace(config.data, reduce_zero_label=True))
    _, labels = read_pair(pair, reduced)
    np.testing.assert_array_equal(labels, np.where(plain == 0, 255, plain - 1))
