"""What a report remembers of a run: nothing lost in the sums, and bounded however long the run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vistream.render import history
from vistream.render.history import MOST_POINTS, MOST_STAYS, MOST_TRACKS, History, Series
from vistream.types import LayerWork, Result, Track, Work


def result(frame: int, *ids: int, macs: int = 0, changes: int = 0) -> Result:
    tracks = tuple(Track(identity, (0.0, 0.0, 5.0, 5.0), 1.0, "person") for identity in ids)
    return Result(frame, frame / 25, tracks, len(ids), Work((LayerWork("one", 3, 10, macs, 100, changes),)))


def test_a_track_has_one_stay_for_each_run_of_frames() -> None:
    run = History()
    for frame, ids in ((10, (1,)), (13, (1, 2)), (16, (2,)), (19, (1, 2))):  # every third frame: --stride 3
        run.add(result(frame, *ids))
    assert [(p.id, p.stays, p.frames) for p in run.longest(9)] == [
        (1, [(10, 13), (19, 19)], 3),
        (2, [(13, 19)], 3),
    ]
    assert (run.tracks, run.frames, run.observations, run.first, run.last) == (2, 4, 6, 10, 19)


def test_a_track_is_what_it_was_called_last() -> None:
    run = History()
    for frame, label in enumerate(("dog", "person")):
        run.add(Result(frame, frame / 25, (Track(1, (0.0, 0.0, 5.0, 5.0), 1.0, label),), 1))
    assert run.presences[1].label == "person"


def test_the_first_frame_counts_as_work_but_not_in_the_layers() -> None:
    run = History()
    run.add(result(0, macs=100, changes=1000))
    run.add(result(1, macs=20, changes=6))
    run.add(result(2, macs=30, changes=4))
    assert (run.macs, run.macs_dense, run.share) == (150, 300, 0.5)
    assert run.layers[0].mean(2) == (0.3, 0.25, 5.0)
    assert run.shares.values == [1.0, 0.2, 0.3]


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 9000))
def test_a_series_is_bounded_and_its_points_are_means(length: int) -> None:
    series = Series()
    for frame in range(length):
        series.add(frame, float(frame))
    assert len(series.frames) < MOST_POINTS
    for first, value in zip(series.frames, series.values, strict=True):
        assert value == pytest.approx(first + (series.width - 1) / 2)
    assert length - (series.frames[-1] + series.width) < series.width


def test_however_many_tracks_the_memory_is_bounded() -> None:
    run = History()
    for frame in range(3 * MOST_TRACKS):
        run.add(result(frame, 1, *((2,) if frame % 2 else ()), frame + 10))
    assert len(run.presences) <= MOST_TRACKS
    assert run.tracks == 3 * MOST_TRACKS + 2
    one, two = run.presences[1], run.presences[2]
    assert (one.frames, one.stays) == (3 * MOST_TRACKS, [(0, 3 * MOST_TRACKS - 1)])
    assert two.frames == 3 * MOST_TRACKS // 2
    assert len(two.stays) == MOST_STAYS
    assert [p.id for p in run.longest(2)] == [1, 2]


def test_the_shortest_absence_is_the_one_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST_STAYS", 2)
    run = History()
    for frame, there in enumerate((1, 0, 0, 0, 1, 0, 1, 1)):
        run.add(result(frame, *([5] if there else [])))
    assert run.presences[5].stays == [(0, 0), (4, 7)]
    assert np.isclose(run.counts.values, [1, 0, 0, 0, 1, 0, 1, 1]).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 2 * MOST_POINTS + 9), st.integers(0, 2 * MOST_POINTS))
def test_a_class_that_comes_later_was_nothing_before(count: int, first: int) -> None:
    run = History()
    for frame in range(count):
        shown = {"road": 0.5, "car": 0.25} if frame >= first else {"road": 0.5}
        run.add(Result(frame, frame / 25, (), 0, shares=shown))
    road = run.classes["road"]
    assert set(road.values) <= {0.5}
    if first < count:
        car = run.classes["car"]
        assert (car.frames, car.width) == (road.frames, road.width)
        means = [np.mean([0.25 * (n >= first) for n in range(at, at + car.width)]) for at in car.frames]
        assert car.values == pytest.approx(means)
