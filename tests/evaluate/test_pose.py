"""Pose metrics against motmetrics accumulators filled joint by joint, and small cases by hand."""

from __future__ import annotations

from collections.abc import Sequence

import motmetrics
import numpy as np
import pytest
from numpy.typing import NDArray

from vistream.evaluate.metrics.pose import average_precision, combine_pose, pose_scores
from vistream.evaluate.metrics.pose_frame import PosePair, Skeletons, head_size

Array = NDArray[np.float64]
JOINTS = ("nose", "left_knee", "right_ankle")


def people(
    ids: Sequence[int], joints: Array, present: NDArray[np.bool_] | None = None, scores: Array | None = None
) -> Skeletons:
    shape = joints.shape[:2]
    return Skeletons(
        np.array(ids, dtype=np.int64),
        joints,
        np.ones(shape, np.bool_) if present is None else present,
        np.ones(shape) if scores is None else scores,
    )


def nobody(joints: int = len(JOINTS)) -> Skeletons:
    return people([], np.zeros((0, joints, 2)))


def random_frames(seed: int, frames: int = 15) -> list[PosePair]:
    """Three people walking; a tracker that misses, invents and swaps people, and drops or misplaces joints."""
    rng = np.random.default_rng(seed)
    base = rng.uniform(0, 120, (3, 1, 2)) + rng.normal(0, 12, (3, len(JOINTS), 2))
    names = np.array([4, 2, 9])
    made = []
    for frame in range(frames):
        here, seen = rng.random(3) < 0.9, rng.random(3) < 0.8
        if rng.random() < 0.2:
            names = rng.permutation(names)
        seen &= rng.random() > 0.1
        joints = base + 2.0 * frame
        ghost = rng.uniform(0, 150, (rng.integers(0, 2), len(JOINTS), 2))
        guess = np.concatenate([(joints + rng.normal(0, 5, joints.shape))[seen], ghost])
        heads = rng.uniform(15, 25, here.sum())
        ground_truth = people(np.flatnonzero(here).tolist(), joints[here], rng.random((here.sum(), len(JOINTS))) < 0.85)
        drawn = rng.random((len(guess), len(JOINTS))) < 0.9
        ids = [*names[seen], *(100 + frame + np.arange(len(ghost)))]
        made.append(PosePair(ground_truth, heads, people(ids, guess, drawn, rng.random((len(guess), len(JOINTS))))))
    return made


def by_accumulators(frames: Sequence[PosePair], joint: int) -> dict[str, float]:
    """One joint of everybody through motmetrics, pair by pair as poseval's rules say."""
    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    for frame in frames:
        if not len(frame.gt):
            continue
        gt = [i for i in range(len(frame.gt)) if frame.gt.present[i, joint]]
        pred = [i for i in range(len(frame.pred)) if frame.pred.present[i, joint]]
        distances = np.full((len(gt), len(pred)), np.nan)
        for row, i in enumerate(gt):
            for column, k in enumerate(pred):
                apart = np.linalg.norm(frame.gt.joints[i, joint] - frame.pred.joints[k, joint]) / frame.head[i]
                if apart <= 0.5:
                    distances[row, column] = apart
        accumulator.update([frame.gt.ids[i] for i in gt], [frame.pred.ids[k] for k in pred], distances)
    names = ["mota", "motp", "precision", "recall", "idf1", "num_switches"]
    host = motmetrics.metrics.create()
    answer = host.compute(accumulator, metrics=names, return_dataframe=False)
    return {name: float(answer[name]) for name in names}


@pytest.mark.parity
@pytest.mark.parametrize("seed", range(10))
def test_every_joint_scores_as_its_accumulator_says(seed: int) -> None:
    frames = random_frames(seed)
    scores = pose_scores(frames, JOINTS)
    theirs = [by_accumulators(frames, joint) for joint in range(len(JOINTS))]
    for name, their in zip(JOINTS, theirs, strict=True):
        ours = scores.by_joint()[name]
        assert ours["MOTA"] == pytest.approx(their["mota"])
        assert ours["MOTP"] == pytest.approx(1 - their["motp"])
        assert ours["Precision"] == pytest.approx(their["precision"])
        assert ours["Recall"] == pytest.approx(their["recall"])
        assert ours["IDF1"] == pytest.approx(their["idf1"])
    assert scores.row()["MOTA"] == pytest.approx(np.mean([t["mota"] for t in theirs]))
    assert scores.row()["IDSW"] == sum(t["num_switches"] for t in theirs)


def test_sequences_combine_by_their_counts() -> None:
    """Twice the same sequence scores as once, and an accident in one of two weighs by its share."""
    once = pose_scores(random_frames(1), JOINTS)
    twice = combine_pose([once, once])
    assert twice.row() | {"IDSW": 0} == pytest.approx(once.row() | {"IDSW": 0})
    found = pose_scores([PosePair(*pair) for pair in [(spot(1), HEAD, spot(1))] * 3], ("nose",))
    missed = pose_scores([PosePair(spot(1), HEAD, nobody(1))], ("nose",))
    assert combine_pose([found, missed]).row()["MOTA"] == 0.75


HEAD = np.array([10.0])


def spot(name: int, x: float = 0.0) -> Skeletons:
    return people([name], np.array([[[x, 0.0]]]))


CASES = [  # frames as (ground_truth, prediction), one joint, head size 10; MOTA, recall, precision by hand
    pytest.param([(spot(1), spot(7, 5.0))], 1.0, 1.0, 1.0, id="half a head off is right"),
    pytest.param([(spot(1), spot(7, 5.1))], -1.0, 0.0, 0.0, id="more is a miss and a false positive"),
    pytest.param([(spot(1), spot(7)), (spot(1), spot(8))], 0.5, 1.0, 1.0, id="a switch"),
    pytest.param([(spot(1), nobody(1)), (spot(1), spot(7))], 0.5, 0.5, 1.0, id="a miss"),
    pytest.param([(nobody(1), spot(7)), (spot(1), spot(7))], 1.0, 1.0, 1.0, id="nobody: not scored"),
]


@pytest.mark.parametrize(("pairs", "mota", "recall", "precision"), CASES)
def test_one_joint_by_hand(
    pairs: list[tuple[Skeletons, Skeletons]], mota: float, recall: float, precision: float
) -> None:
    frames = [PosePair(ground_truth, HEAD[: len(ground_truth)], guess) for ground_truth, guess in pairs]
    row = pose_scores(frames, ("nose",)).row()
    assert (row["MOTA"], row["Recall"], row["Precision"]) == (mota, recall, precision)


def test_a_joint_nobody_has_leaves_the_mean_alone() -> None:
    ground_truth = people([1], np.zeros((1, 2, 2)), np.array([[True, False]]))
    scores = pose_scores([PosePair(ground_truth, HEAD, ground_truth)], ("nose", "ear"))
    assert np.isnan(scores.by_joint()["ear"]["MOTA"])
    assert scores.row()["MOTA"] == 1.0


def test_average_precision_by_hand() -> None:
    ranked = np.array([[0.9, 0], [0.8, 1], [0.7, 1], [0.6, 0]])
    # precision 0, 1/2, 2/3, 1/2; made monotone: 2/3 at both finds; 3 to find, 1 never found
    assert average_precision(ranked, 3) == pytest.approx(2 / 3 * 2 / 3)
    assert average_precision(np.zeros((0, 2)), 3) == 0.0
    assert np.isnan(average_precision(ranked, 0))


def test_a_second_skeleton_on_one_person_is_wrong_for_average_precision() -> None:
    """Of two predictions that stand for a person, the one with more joints right is held against it."""
    ground_truth = people([1], np.zeros((1, 2, 2)))
    better = np.array([[[0.0, 0], [0, 0]], [[0, 0], [90, 0]]])
    frame = PosePair(ground_truth, HEAD, people([5, 6], better, scores=np.array([[0.4, 0.4], [0.9, 0.9]])))
    assert frame.owners(frame.distances() <= 0.5).tolist() == [0, -1]
    by_joint = pose_scores([frame], ("nose", "knee")).by_joint()
    assert by_joint["nose"]["AP"] == by_joint["knee"]["AP"] == 0.5  # found second, behind a wrong 0.9


def test_joints_in_an_ignored_region_are_not_scored() -> None:
    region = np.array([[50.0, -5], [70, -5], [70, 5], [50, 5]])
    ground_truth = people([2, 1], np.array([[[60.0, 0]], [[0, 0]]]))
    frame = PosePair(ground_truth, np.array([20.0, 10.0]), people([1, 3], np.array([[[1.0, 0]], [[61, 0]]])))
    kept = frame.outside([region])
    assert (kept.gt.ids.tolist(), kept.head.tolist(), kept.pred.ids.tolist()) == ([1], [10.0], [1])


def test_the_head_box_sets_the_scale() -> None:
    assert head_size(np.array([[0.0, 0, 3, 4], [5, 5, 5, 15]])) == pytest.approx([3.0, 6.0])
