"""The life of tracks in small synthetic scenes whose answer is plain."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.tracking.life import TrackerConfig
from vistream.tracking.similarity import unit_vectors
from vistream.tracking.tracks import Tracker
from vistream.types import Observations, Track

Array = NDArray[np.float64]
Vectors = NDArray[np.float32]
SIZE = (30.0, 60.0)
NO_COAST = TrackerConfig(coast=0.0)


def at(*corners: tuple[float, float], scores: float | list[float] = 0.9, labels: str = "p") -> Observations:
    boxes = np.array([[x, y, *SIZE] for x, y in corners]).reshape(-1, 4)
    return Observations(
        boxes, np.broadcast_to(scores, len(corners)).astype(float), tuple((labels * len(corners))[: len(corners)])
    )


def ids(tracks: tuple[Track, ...]) -> list[int]:
    return [track.id for track in tracks]


def looks(seed: int) -> Vectors:
    return unit_vectors(np.random.default_rng(seed).standard_normal((12, 16)).astype(np.float32))


def test_first_frame_is_confirmed_at_once_later_tracks_on_their_second() -> None:
    tracker = Tracker(NO_COAST)
    assert ids(tracker.step(at((0, 0)), None)) == [1]
    assert ids(tracker.step(at((0, 0), (200, 0)), None)) == [1]
    assert ids(tracker.step(at((0, 0), (200, 0)), None)) == [1, 2]


@pytest.mark.parametrize("hits", [1, 2, 3, 6])
def test_a_new_object_is_reported_once_enough_frames_have_shown_it(hits: int) -> None:
    tracker = Tracker(TrackerConfig(coast=0.0, min_hits=hits))
    tracker.step(at((0, 0)), None)
    shown = [len(tracker.step(at((0, 0), (200, 0)), None)) for _ in range(8)]
    assert shown == [1] * (hits - 1) + [2] * (9 - hits)


def test_a_track_needs_a_match() -> None:
    with pytest.raises(VistreamError, match="min_hits is 0: it must be at least 1"):
        TrackerConfig(min_hits=0)


def test_what_is_seen_only_once_takes_no_id() -> None:
    tracker = Tracker(NO_COAST)
    tracker.step(at((0, 0)), None)
    for n in range(5):
        tracker.step(at((0, 0), (200.0 + 100 * n, 0)), None)
    tracker.step(at((0, 0), (900, 0)), None)
    assert ids(tracker.step(at((0, 0), (900, 0)), None)) == [1, 2]


def walk(frame: int) -> tuple[float, float]:
    return 4.0 * frame, 50.0


@pytest.mark.parametrize("hidden", [1, 10, 30])
def test_id_survives_being_hidden(hidden: int) -> None:
    tracker = Tracker(NO_COAST)
    for frame in range(12):
        assert ids(tracker.step(at(walk(frame)), None)) == [1]
    for _ in range(hidden):
        assert tracker.step(at(), None) == ()
    assert ids(tracker.step(at(walk(12 + hidden)), None)) == [1]


@pytest.mark.parametrize("fps", [5.0, 30.0])
def test_a_track_is_kept_for_its_buffer_and_not_longer(fps: float) -> None:
    for late, expected in ((0, 1), (1, 2)):
        tracker = Tracker(TrackerConfig(coast=0.0, track_buffer=1.0), fps)
        for _ in range(10):
            tracker.step(at((0, 0)), None)
        for _ in range(int(fps) + late):
            tracker.step(at(), None)
        tracker.step(at((0, 0)), None)
        assert ids(tracker.step(at((0, 0)), None)) == [expected]


def crossing(with_looks: bool) -> tuple[Track, ...]:
    """Two objects meet, vanish together, and part the way they came: motion alone takes them for passing through."""
    tracker = Tracker(NO_COAST)
    seen = {0: looks(1), 1: looks(2)}
    path = [*range(0, 110, 5), *[None] * 4, *range(105, 75, -5)]
    tracks: tuple[Track, ...] = ()
    for x in path:
        observations = at() if x is None else at((x, 0), (240 - x, 0))
        tracks = tracker.step(observations, (seen if x is not None else {}) if with_looks else None)
    return tracks


def test_appearance_tells_apart_what_motion_confuses() -> None:
    by_looks, by_motion = crossing(with_looks=True), crossing(with_looks=False)
    assert [track.id for track in sorted(by_looks, key=lambda t: t.box[0])] == [1, 2]
    assert [track.id for track in sorted(by_motion, key=lambda t: t.box[0])] != [1, 2]


def test_weak_detections_continue_a_track_but_start_none() -> None:
    tracker = Tracker(NO_COAST)
    tracker.step(at((0, 0)), None)
    for _ in range(5):
        assert ids(tracker.step(at((0, 0), (200, 0), scores=0.3), None)) == [1]
    assert tracker.step(at((0, 0), scores=0.05), None) == ()
    assert (tracker.counts.frames, tracker.counts.observations, tracker.counts.weak) == (7, 12, 11)


def test_a_flip_of_the_label_is_no_new_id_and_the_vote_decides() -> None:
    tracker = Tracker(NO_COAST)
    labels = ["p", "p", "q", "p", "q", "q", "q"]
    reported = [tracker.step(at((0, 0), labels=label), None) for label in labels]
    assert [ids(tracks) for tracks in reported] == [[1]] * len(labels)
    assert [tracks[0].label for tracks in reported] == ["p"] * 6 + ["q"]


def test_of_two_observations_a_track_takes_that_of_its_class() -> None:
    tracker = Tracker(NO_COAST)
    tracker.step(at((0, 0), labels="p"), None)
    tracks = tracker.step(at((1, 0), (-1, 0), labels="qp"), None)
    assert ids(tracks) == [1]
    assert tracks[0].box[0] < 0


@pytest.mark.parametrize(("hits", "coasted"), [(3, 0), (8, 3)])
def test_only_long_standing_tracks_coast_and_only_briefly(hits: int, coasted: int) -> None:
    tracker = Tracker(TrackerConfig(coast=0.1, coast_hits=5))
    for frame in range(hits):
        tracker.step(at(walk(frame)), None)
    reported = [tracker.step(at(), None) for _ in range(6)]
    assert [len(tracks) for tracks in reported] == [1] * coasted + [0] * (6 - coasted)
    assert not any(track.seen for tracks in reported for track in tracks)
    if coasted:
        assert reported[1][0].box[0] == pytest.approx(walk(hits + 1)[0], abs=3.0)


def test_memory_is_a_mean_and_can_be_switched_off() -> None:
    for memory, expected in ((0.0, looks(2)), (0.5, unit_vectors(looks(1) + looks(2)))):
        tracker = Tracker(TrackerConfig(memory=memory))
        tracker.step(at((0, 0)), {0: looks(1)})
        tracker.step(at((0, 0)), {0: looks(2)})
        np.testing.assert_array_equal(tracker.lives[0].vectors, expected)


def test_looks_of_weak_detections_are_neither_asked_for_nor_remembered() -> None:
    tracker = Tracker(TrackerConfig())
    tracker.step(at((0, 0)), {0: looks(1)})
    weak = at((0, 0), scores=0.3)
    assert tracker.compared(weak) == []
    assert len(tracker.step(weak, {})) == 1
    np.testing.assert_array_equal(tracker.lives[0].vectors, looks(1))


def test_looks_are_asked_for_where_a_class_is_strong_at_a_score_of_its_own() -> None:
    tracker = Tracker(TrackerConfig(conf_thres=0.5, class_conf=(("p", 0.2), ("q", 0.8))))
    scores = {"p": (0.1, 0.3), "q": (0.4, 0.6)}  # of q, 0.6 starts no track, but is worth remembering
    for label, (less, enough) in scores.items():
        assert tracker.compared(at((0, 0), scores=less, labels=label)) == []
        assert tracker.compared(at((0, 0), scores=enough, labels=label)) == [0]


def test_looks_alone_do_not_carry_a_track_across_the_frame() -> None:
    tracker = Tracker(TrackerConfig(coast=0.0))
    for _ in range(10):
        tracker.step(at((0, 0)), {0: looks(1)})
    for _ in range(2):
        tracks = tracker.step(at((300, 0)), {0: looks(1)})
    assert ids(tracks) == [2]


def test_a_class_may_have_its_own_least_score() -> None:
    tracker = Tracker(TrackerConfig(coast=0.0, conf_thres=0.5, class_conf=(("q", 0.2),)))
    tracks = tracker.step(at((0, 0), (200, 0), scores=0.3, labels="pq"), None)
    assert [track.label for track in tracks] == ["q"]


@pytest.mark.parametrize("told", [True, False])
def test_tracks_follow_the_camera(told: bool) -> None:
    """The camera jumps by more than an object; a track that was lost meanwhile comes back at its place."""
    tracker, rng = Tracker(TrackerConfig(coast=0.0)), np.random.default_rng(8)
    shift, seen = np.zeros(2), set()
    for frame in range(40):
        jump = rng.normal(0, 40, 2)
        shift = shift + jump
        places = [(x + shift[0], shift[1]) for x in (0.0, 45.0, 90.0)][: 2 if 15 <= frame < 25 else 3]
        camera = np.array([[1, 0, jump[0]], [0, 1, jump[1]]], dtype=float) if told and frame else None
        seen.update(ids(tracker.step(at(*places), None, camera)))
    assert (seen == {1, 2, 3}) == told


def test_exact_boxes_are_reported_as_they_are() -> None:
    tracker = Tracker(TrackerConfig(coast=0.0), 25.0)
    for frame in range(40):
        x = 100.0 + 60.0 * math.sin(frame / 5)
        tracks = tracker.step(at((x, 3.0 * frame)), None)
    assert tracks[0].box == pytest.approx((x, 3.0 * frame, *SIZE), abs=0.2)


def test_shaken_boxes_are_smoothed() -> None:
    tracker, rng = Tracker(TrackerConfig(coast=0.0), 25.0), np.random.default_rng(9)
    errors = []
    for frame in range(300):
        off = rng.normal(0, 6, 2)
        tracks = tracker.step(at((2.0 * frame + off[0], off[1])), None)
        errors.append((abs(tracks[0].box[1]), abs(off[1])))
    filtered, measured = np.mean(errors[50:], axis=0)
    assert filtered < 0.7 * measured


def test_state_goes_into_another_tracker() -> None:
    first, second = Tracker(TrackerConfig(), 10.0), Tracker(TrackerConfig(), 10.0)
    rng = np.random.default_rng(10)
    for _ in range(40):
        first.step(busy_frame(rng), None)
    second.load_state_dict(first.state_dict())
    for _ in range(40):
        frame = busy_frame(rng)
        assert first.step(frame, None) == second.step(frame, None)


def test_a_lost_track_keeps_its_size() -> None:
    tracker = Tracker(NO_COAST)

    def height() -> float:
        edges = tracker.lives[0].belief.position[0]
        return float(edges[3] - edges[1])

    for frame in range(12):
        boxes = np.array([[0.0, 0, 30 - frame, 60 - 2 * frame]])
        tracker.step(Observations(boxes, np.array([0.9]), ("p",)), None)
    tracker.step(at(), None)  # predicted for this frame before it was known to be lost
    before = height()
    for _ in range(10):
        tracker.step(at(), None)
    assert height() == pytest.approx(before)


def test_vectors_of_another_shape_replace_the_memory() -> None:
    tracker = Tracker(TrackerConfig())
    tracker.step(at((0, 0)), {0: looks(1)})
    tracker.step(at((0, 0)), {0: looks(1)[:5]})
    np.testing.assert_array_equal(tracker.lives[0].vectors, looks(1)[:5])


def test_masks_and_keypoints_go_with_their_track() -> None:
    tracker = Tracker(TrackerConfig())
    masks, keypoints = np.zeros((2, 4, 4), bool), np.arange(12.0).reshape(2, 2, 3)
    masks[1] = True
    plain = at((0, 0), (200, 0))
    tracks = tracker.step(Observations(plain.boxes, plain.scores, plain.labels, masks, keypoints), None)
    for track, row in zip(tracks, (0, 1), strict=True):
        assert track.mask is not None and track.keypoints is not None
        np.testing.assert_array_equal(track.mask, masks[row])
        np.testing.assert_array_equal(track.keypoints, keypoints[row])


def busy_frame(rng: np.random.Generator) -> Observations:
    n = int(rng.integers(0, 9))
    boxes = np.column_stack([rng.uniform(0, 300, (n, 2)), rng.uniform(20, 60, (n, 2))])
    return Observations(boxes, rng.uniform(0, 1, n), tuple(rng.choice(["p", "q"], n).tolist()))


@pytest.mark.parametrize("use_motion", [True, False])
def test_reset_forgets_everything_and_ids_are_never_reused(use_motion: bool) -> None:
    tracker = Tracker(TrackerConfig(use_motion=use_motion), 10.0)
    runs = []
    for _ in range(2):
        rng = np.random.default_rng(5)
        runs.append([tracker.step(busy_frame(rng), None) for _ in range(150)])
        tracker.reset()
    assert runs[0] == runs[1]
    last_seen: dict[int, int] = {}
    for frame, tracks in enumerate(runs[0]):
        assert ids(tracks) == sorted(set(ids(tracks)))
        for track in tracks:
            assert frame - last_seen.get(track.id, frame) <= tracker.buffer_frames + 1
            last_seen[track.id] = frame
    assert sorted(last_seen) == list(range(1, len(last_seen) + 1))


def test_what_is_remembered_is_bounded() -> None:
    tracker, rng = Tracker(TrackerConfig(track_buffer=0.5)), np.random.default_rng(6)
    sizes = []
    for _ in range(1500):
        tracker.step(busy_frame(rng), None)
        sizes.append(len(tracker.lives))
    assert max(sizes) <= 8 * (tracker.buffer_frames + 1)
    assert max(sizes[750:]) <= 1.2 * max(sizes[:750])


@pytest.mark.parametrize(
    "bad", [{"conf_thres": 1.5}, {"iou_limit": -0.1}, {"memory": 1.0}, {"track_buffer": math.nan}, {"coast": -1.0}]
)
def test_options_out_of_range_are_named(bad: dict[str, float]) -> None:
    with pytest.raises(VistreamError, match=next(iter(bad))):
        TrackerConfig(**bad)  # type: ignore[arg-type]  # mypy can't tell the names apart


@pytest.mark.parametrize("fps", [0.0, -1.0, math.inf, math.nan])
def test_frame_rate_must_be_a_positive_number(fps: float) -> None:
    with pytest.raises(VistreamError, match="fps"):
        Tracker(TrackerConfig(), fps)
