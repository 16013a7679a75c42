"""Scenes to train on: the same on every run, different from one another, with labels that fit the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import render_semseg
from demo.gait import FPS
from demo.labels import Shown
from demo.variety import scene
from PIL import Image


def test_a_scene_follows_from_its_number() -> None:
    size = (64, 48)
    assert scene(3, size)[0] == scene(3, size)[0]
    assert scene(3, size)[0].walkers != scene(4, size)[0].walkers


def test_pictures_and_labels_are_written_in_pairs(tmp_path: Path) -> None:
    counts = ("--train", "2", "--validation", "1", "--takes", "1", "--workers", "1")
    render_semseg.main([str(tmp_path), *counts, "--size", "64", "48"])
    seen: set[int] = set()
    for part, count in (("train", 2), ("validation", 1)):
        images = sorted(path.stem for path in (tmp_path / part / "images").iterdir())
        labels = sorted(path.stem for path in (tmp_path / part / "labels").iterdir())
        assert images == labels
        assert len(images) <= count
        for name in labels:
            with Image.open(tmp_path / part / "labels" / f"{name}.png") as picture:
                values = np.array(picture)
            assert values.shape == (48, 64)
            seen |= set(values.ravel().tolist())
            number, frame = (int(value) for value in name.split("-"))
            first = render_semseg.VALIDATION if part == "validation" else 0
            walkers = scene(first + number, (64, 48))[0].walkers
            assert all(w.path.at(w.path.travelled(frame / FPS))[1] >= render_semseg.NEAREST for w in walkers)
    assert seen <= {int(shown) for shown in Shown}
    assert {int(Shown.BUILDING), int(Shown.PAVEMENT)} <= seen
