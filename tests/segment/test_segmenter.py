"""Segmenting frames: whole, in windows, at many sizes; classes, things and their numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from segmenters import ColourNetwork, network_file, painted, random_network

from vistream.errors import VistreamError
from vistream.models.classes import VOID, class_set
from vistream.models.spike2former.segments import Panoptic
from vistream.models.spike2former.segments import Segment as Found
from vistream.segment.inference import Inference, class_scores, starts
from vistream.segment.network import load_network, segmentation_zones
from vistream.segment.segmenter import Segmenter, as_segmented, classes_of

CELLS = np.random.default_rng(0).integers(0, 7, (6, 8), np.uint8)
LABELS: NDArray[np.uint8] = CELLS.repeat(10, axis=0).repeat(10, axis=1)
FRAME = painted(LABELS, "plaza")


@pytest.mark.parametrize("how", [Inference(), Inference(window=24), Inference(window=500)], ids=str)
def test_a_network_that_knows_the_answer_gives_it(how: Inference) -> None:
    found = Segmenter(ColourNetwork("plaza"), "semseg", how).step(FRAME)
    np.testing.assert_array_equal(found.class_map.labels, LABELS)
    assert found.class_map.names == class_set("plaza").names
    assert found.class_map.ids is None and not found.segments
    shares = found.class_map.shares()
    assert shares == pytest.approx(
        {class_set("plaza").names[n]: (n == CELLS).mean() for n in np.unique(CELLS)}, abs=1e-6
    )


def test_augmentation_is_the_mean_over_sizes_and_mirrors() -> None:
    network = random_network("plaza")
    frame = np.random.default_rng(1).integers(0, 255, (96, 128, 3), np.uint8)
    found = class_scores(network, frame, Inference(augmented=True))
    fit, parts = network.profile.fit, []
    for scale in (0.5, 0.75, 1.0, 1.25, 1.5, 1.75):
        other = random_network("plaza")
        size = {"long": round(fit.long * scale), "short": round(fit.short * scale)}
        other.profile = type(network.profile)("plaza", fit=type(fit)(**size))
        parts += [other.scores(frame), other.scores(np.ascontiguousarray(frame[:, ::-1])).flip(-1)]
    torch.testing.assert_close(found, torch.stack(parts).mean(0), rtol=1e-5, atol=1e-6)
    assert network.profile.fit == fit  # the network itself stays as it was
    assert (Segmenter(ColourNetwork("plaza"), "semseg", Inference(augmented=True)).step(FRAME).class_map.labels
            == LABELS).mean() > 0.9  # fmt: skip


def test_one_window_over_everything_is_the_whole() -> None:
    network = random_network("plaza")
    frame = np.random.default_rng(2).integers(0, 255, (50, 70, 3), np.uint8)
    whole, slid = (class_scores(network, frame, how) for how in (Inference(), Inference(window=999)))
    torch.testing.assert_close(whole, slid, rtol=1e-5, atol=1e-6)


@given(st.integers(1, 500), st.integers(1, 200))
def test_windows_cover_a_side_and_stay_inside(length: int, window: int) -> None:
    places = starts(length, window)
    covered = np.zeros(length, bool)
    for place in places:
        assert 0 <= place <= max(0, length - window)
        covered[place : place + window] = True
    assert covered.all()
    assert len(places) == len(set(places))


def test_segments_are_numbered_and_hidden_ones_left_out() -> None:
    classes = classes_of(random_network("coco-panoptic", panoptic=True))
    ids = torch.full((4, 6), 133, dtype=torch.int32)
    ids[:2, :3], ids[2:, 1:4] = 1000, 120
    found = as_segmented(
        Panoptic(ids, (Found(1000, 0, 0.9, 3), Found(2017, 17, 0.85, 1), Found(120, 120, 0.95, 0))), classes
    )
    first, second = found.segments
    assert (first.id, first.label, first.thing, first.area, first.box) == (1, "person", True, 6, (0, 0, 3, 2))
    assert (second.id, second.label, second.thing, second.box) == (2, "cabinet-merged", False, (1, 2, 3, 2))
    np.testing.assert_array_equal(found.class_map.labels[0], [0, 0, 0, VOID, VOID, VOID])
    assert found.class_map.ids is not None
    assert set(np.unique(found.class_map.ids).tolist()) == {0, 1, 2}
    assert classes.numbers[120] == 188


def test_what_does_not_fit_is_refused_in_one_line(tmp_path: Path) -> None:
    path = network_file(tmp_path)
    with pytest.raises(VistreamError, match="knows classes but no things, which the task panoptic needs"):
        load_network(str(path), "panoptic")
    with pytest.raises(VistreamError, match="no such network, nor is it a file"):
        load_network("spike2former-mars", "semseg")
    with pytest.raises(VistreamError, match="the fidelity float has no dead zones"):
        segmentation_zones("float", deadband=2)
    with pytest.raises(VistreamError, match="no fidelity is called 'medium'"):
        segmentation_zones("medium")
