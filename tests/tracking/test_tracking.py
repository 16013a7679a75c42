"""The parts of association, each held to something independent: a textbook, a formula written out, a brute force."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vistream.tracking import kalman, similarity
from vistream.tracking.assignment import assign, iou, same_label
from vistream.tracking.kalman import Belief, Noise
from vistream.tracking.noise import NoiseModel, Recent
from vistream.tracking.roi import roi_align
from vistream.tracking.similarity import reconstruction_similarity, unit_vectors
from vistream.types import FeatureMap

Array = NDArray[np.float64]
Vectors = NDArray[np.float32]
seeds = st.integers(0, 2**32 - 1)


class Textbook:
    """A Kalman filter of one object with full 8 x 8 matrices: state (left, top, right, bottom) and its velocity."""

    def __init__(self, z: Array, noise: Noise) -> None:
        self.noise = noise
        self.x = np.concatenate([z, np.zeros(4)])
        self.p = self.size * np.diag(np.concatenate([noise.measured, noise.speed]))
        self.observe = np.eye(4, 8)

    @property
    def size(self) -> float:
        return float((self.x[2] - self.x[0]) * (self.x[3] - self.x[1]))

    def predict(self) -> None:
        drift = self.size * np.diag(np.concatenate([self.noise.jump, self.noise.turn]))
        move = np.eye(8) + np.eye(8, k=4)
        self.x = move @ self.x
        self.p = move @ self.p @ move.T + drift

    def innovation(self) -> Array:
        return np.asarray(self.observe @ self.p @ self.observe.T + self.size * np.diag(self.noise.measured))

    def update(self, z: Array) -> None:
        gain = self.p @ self.observe.T @ np.linalg.inv(self.innovation())
        self.x = self.x + gain @ (z - self.observe @ self.x)
        self.p = (np.eye(8) - gain @ self.observe) @ self.p

    def distance(self, z: Array) -> float:
        difference = z - self.observe @ self.x
        return float(difference @ np.linalg.solve(self.innovation(), difference))


NOISE = Noise(np.full(4, 4e-3), np.full(4, 1e-3), np.array([1e-4, 2e-4, 1e-4, 3e-4]), np.full(4, 1e-2))


def some_edges(rng: np.random.Generator, count: int) -> Array:
    corner = rng.uniform(0, 500, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(20, 90, (count, 2))], axis=1)


def test_kalman_filter_is_the_textbook_one() -> None:
    rng = np.random.default_rng(3)
    truth = some_edges(rng, 6)
    speed = np.tile(rng.normal(0, 3, (6, 2)), 2) + rng.normal(0, 0.3, (6, 4))
    belief, textbooks = kalman.initiate(truth, NOISE), [Textbook(z, NOISE) for z in truth]
    for step in range(1, 12):
        measured = truth + step * speed + rng.normal(0, 2, (6, 4))
        belief = kalman.predict(belief, NOISE)
        for textbook in textbooks:
            textbook.predict()
        expected = [[textbook.distance(z) for z in measured] for textbook in textbooks]
        np.testing.assert_allclose(kalman.deviations(belief, measured, NOISE).sum(axis=2), expected, rtol=1e-9)
        belief = kalman.update(belief, measured, NOISE)
        for textbook, z in zip(textbooks, measured, strict=True):
            textbook.update(z)
        np.testing.assert_allclose(belief.position, [t.x[:4] for t in textbooks], rtol=1e-9)
        np.testing.assert_allclose(belief.velocity, [t.x[4:] for t in textbooks], rtol=1e-7, atol=1e-12)
        for diagonal, expected_diagonal in (
            (belief.pp, [np.diag(t.p)[:4] for t in textbooks]),
            (belief.pv, [np.diag(t.p[:4, 4:]) for t in textbooks]),
            (belief.vv, [np.diag(t.p)[4:] for t in textbooks]),
        ):
            np.testing.assert_allclose(diagonal, expected_diagonal, rtol=1e-7, atol=1e-15)


def test_boxes_survive_measuring_and_beliefs_survive_joining() -> None:
    boxes = np.array([[10.0, 20, 30, 60], [-5, 3, 7, 2]])
    np.testing.assert_allclose(kalman.to_boxes(kalman.measure(boxes)), boxes)
    belief = kalman.predict(kalman.initiate(kalman.measure(boxes), NOISE), NOISE)
    joined = Belief.join([belief.at(1), belief.at(0)])
    np.testing.assert_array_equal(joined.pp, belief.pp[[1, 0]])
    assert len(Belief.join([])) == 0


def test_extrapolated_size_never_turns_negative() -> None:
    belief = kalman.initiate(kalman.measure(np.array([[0.0, 0, 10, 10]])), NOISE)
    shrinking = Belief(belief.position, np.array([[5.0, 5, -5, -5]]), belief.pp, belief.pv, belief.vv)
    assert (kalman.to_boxes(kalman.predict(shrinking, NOISE).position)[:, 2:] > 0).all()


def test_beliefs_follow_the_camera() -> None:
    """A shift moves boxes, a zoom makes them larger and faster, a quarter turn turns where they go."""
    belief = kalman.initiate(kalman.measure(np.array([[10.0, 20, 30, 60]])), NOISE)
    moving = Belief(belief.position, np.array([[2.0, 0, 2, 0]]), belief.pp, belief.pv, belief.vv)
    shifted = kalman.warp(moving, np.array([[1.0, 0, 7], [0, 1, -3]]))
    np.testing.assert_allclose(kalman.to_boxes(shifted.position), [[17, 17, 30, 60]])
    np.testing.assert_allclose(shifted.velocity, moving.velocity)
    zoomed = kalman.warp(moving, np.array([[2.0, 0, 0], [0, 2, 0]]))
    np.testing.assert_allclose(kalman.to_boxes(zoomed.position), [[20, 40, 60, 120]])
    np.testing.assert_allclose(zoomed.velocity, 2 * moving.velocity)
    np.testing.assert_allclose(zoomed.pp, 4 * moving.pp)
    turned = kalman.warp(moving, np.array([[0.0, -1, 0], [1, 0, 0]]))
    np.testing.assert_allclose(turned.velocity, [[0, 2, 0, 2]], atol=1e-12)


@pytest.mark.parametrize(("shake", "jump", "turn"), [(0.05, 0.0, 0.001), (0.001, 0.0, 0.02), (0.03, 0.05, 0.001)])
def test_noise_is_learned_from_the_measurements(shake: float, jump: float, turn: float) -> None:
    """Shares of the object's size, of objects of different sizes, to a fifth or so."""
    rng, model = np.random.default_rng(4), NoiseModel(25.0)
    for size in (20.0, 60.0, 200.0, 50.0, 30.0, 90.0):
        place, speed, recent = np.zeros(2), np.zeros(2), Recent()
        for _ in range(400):
            speed = speed + size * turn * rng.normal(size=2)
            place = place + speed + size * jump * rng.normal(size=2)
            edges = np.concatenate([place, place + size])
            model.learn(recent, edges + size * shake * rng.normal(size=4))
    model.settle()
    lasting = 0.5 * jump**2
    np.testing.assert_allclose(np.sqrt(model.noise.measured), np.hypot(shake, jump * 0.5**0.5), rtol=0.25, atol=0.006)
    np.testing.assert_allclose(np.sqrt(model.noise.jump), lasting**0.5, rtol=0.4, atol=0.03)
    assert model.exactness == (1.0 if shake < 0.01 else model.exactness)
    if shake == 0.05:
        assert model.exactness < 0.2


def best_gain(cost: Array, limit: float) -> float:
    """The largest sum of `limit - cost` over any one-to-one set of pairs, by trying all."""
    rows, columns = cost.shape
    padded = np.full((rows, columns + rows), limit)
    padded[:, :columns] = np.minimum(cost, limit)
    tried = permutations(range(columns + rows), rows)
    return max((sum(limit - padded[r, c] for r, c in enumerate(chosen)) for chosen in tried), default=0.0)


@given(seed=seeds, rows=st.integers(0, 4), columns=st.integers(0, 4), limit=st.floats(0.05, 1.0))
def test_assignment_is_one_to_one_below_the_limit_and_best(seed: int, rows: int, columns: int, limit: float) -> None:
    rng = np.random.default_rng(seed)
    cost = rng.random((rows, columns))
    cost[rng.random((rows, columns)) < 0.2] = np.inf
    pairs = assign(cost, limit)
    assert len({r for r, _ in pairs}) == len({c for _, c in pairs}) == len(pairs)
    assert all(cost[pair] < limit for pair in pairs)
    assert sum(limit - cost[pair] for pair in pairs) == pytest.approx(best_gain(cost, limit))


@given(seed=seeds)
def test_overlap_is_symmetric_bounded_and_whole_with_itself(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (np.column_stack([rng.uniform(-20, 60, (n, 2)), rng.uniform(1, 40, (n, 2))]) for n in (3, 5))
    np.testing.assert_allclose(iou(a, b), iou(b, a).T)
    assert ((iou(a, b) >= 0) & (iou(a, b) <= 1 + 1e-12)).all()
    np.testing.assert_allclose(np.diag(iou(a, a)), 1.0)


def test_labels_pair_up_only_with_their_like() -> None:
    assert same_label(["cat", "dog"], ["dog", "cat", "cow"]).tolist() == [[False, True, False], [True, False, False]]
    assert same_label([], ["dog"]).shape == (0, 1)


@given(seed=seeds, rows=st.integers(1, 6), columns=st.integers(1, 6))
@settings(max_examples=40)
def test_roi_align_samples_as_torch_does(seed: int, rows: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((7, 9, 3)).astype(np.float32)
    boxes = np.column_stack([rng.uniform(-30, 70, (5, 2)), rng.uniform(1, 60, (5, 2))])  # some beyond the edge
    got = roi_align(FeatureMap(values, (8.0, 6.0)), boxes, (rows, columns))
    for box, region in zip(boxes, got, strict=True):
        x = (box[0] + box[2] * (np.arange(columns) + 0.5) / columns) / (9 * 8.0) * 2 - 1
        y = (box[1] + box[3] * (np.arange(rows) + 0.5) / rows) / (7 * 6.0) * 2 - 1
        where = torch.from_numpy(np.stack(np.meshgrid(x, y), axis=2).astype(np.float32))[None]
        expected = torch.nn.functional.grid_sample(
            torch.from_numpy(values).permute(2, 0, 1)[None], where, padding_mode="border", align_corners=False
        )
        np.testing.assert_allclose(region, expected[0].permute(1, 2, 0).reshape(-1, 3).numpy(), atol=1e-4)


def test_roi_align_of_no_box_is_empty() -> None:
    assert roi_align(FeatureMap(np.zeros((4, 4, 2), np.float32), (8, 8)), np.zeros((0, 4)), (3, 2)).shape == (0, 6, 2)


def some_objects(rng: np.random.Generator, counts: Sequence[int], channels: int = 8) -> list[Vectors]:
    return [unit_vectors(rng.standard_normal((n, channels)).astype(np.float32)) for n in counts]


def plainly(tracks: Sequence[Vectors], detections: Sequence[Vectors]) -> Array:
    """The definition, word by word, in float64."""

    def unit(x: Vectors) -> Array:
        return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True), dtype=np.float64)

    def rebuilt(some: Sequence[Vectors], others: Sequence[Vectors]) -> Array:
        everything = np.concatenate([unit(other) for other in others])
        owner = np.repeat(np.arange(len(others)), [len(other) for other in others])
        result = np.zeros((len(some), len(others)))
        for i, one in enumerate(some):
            weight = np.exp(100 * unit(one) @ everything.T)
            weight /= weight.sum(axis=1, keepdims=True)
            for j in range(len(others)):
                rebuilt_one = weight[:, owner == j] @ everything[owner == j]
                lengths = np.linalg.norm(unit(one)) * np.linalg.norm(rebuilt_one)
                result[i, j] = (unit(one) * rebuilt_one).sum() / lengths
        return result

    return (rebuilt(tracks, detections) + rebuilt(detections, tracks).T) / 2


@example(seed=16974594, counts=[1, 5, 5, 5, 1], cut=1)
@given(seed=seeds, counts=st.lists(st.integers(1, 5), min_size=2, max_size=5), cut=st.integers(1, 4))
@settings(max_examples=60)
def test_similarity_is_its_definition_and_keeps_its_laws(seed: int, counts: list[int], cut: int) -> None:
    rng = np.random.default_rng(seed)
    cut = min(cut, len(counts) - 1)
    # like features of one network: all of them share a direction, so that no weight is negligible
    objects = [unit_vectors(x + np.float32(12000)) for x in some_objects(rng, counts)]
    tracks, detections = objects[:cut], objects[cut:]
    likeness = reconstruction_similarity(tracks, detections)
    np.testing.assert_allclose(likeness, plainly(tracks, detections), atol=0.01)
    np.testing.assert_array_equal(reconstruction_similarity(detections, tracks), likeness.T)
    order = rng.permutation(len(detections))
    permuted = reconstruction_similarity(tracks, [detections[i] for i in order])
    np.testing.assert_allclose(permuted, likeness[:, order], atol=2e-3)


def test_an_object_is_wholly_similar_to_itself() -> None:
    one, other = some_objects(np.random.default_rng(0), (40, 40), channels=40)
    likeness = reconstruction_similarity([one, other], [one, other])
    np.testing.assert_allclose(np.diag(likeness), 1.0, atol=1e-3)
    assert likeness[0, 1] < 0.9


def test_similarity_does_not_depend_on_the_order_of_summation() -> None:
    """What a BLAS with other threads or another blocking would do: the same terms, added in another order."""
    rng = np.random.default_rng(1)
    objects = [unit_vectors(np.abs(x)) for x in some_objects(rng, (30, 40, 20), channels=112)]
    channels = rng.permutation(112)
    shuffled = [np.ascontiguousarray(x[:, channels]) for x in objects]
    np.testing.assert_array_equal(
        reconstruction_similarity(shuffled, shuffled), reconstruction_similarity(objects, objects)
    )


def test_similarity_of_a_crowd_is_the_same_in_less_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(5)
    objects = [unit_vectors(draw.normal(size=(count, 6)).astype(np.float32)) for count in (4, 1, 7, 3, 2)]
    others = objects[1:4]
    whole = reconstruction_similarity(objects, others)
    monkeypatch.setattr(similarity, "MOST", 40)
    np.testing.assert_array_equal(reconstruction_similarity(objects, others), whole)


def test_similarity_of_nothing_and_of_zeros() -> None:
    one = some_objects(np.random.default_rng(2), (3,))
    assert reconstruction_similarity([], one).shape == (0, 1)
    assert reconstruction_similarity(one, []).shape == (1, 0)
    blank = unit_vectors(np.zeros((3, 8), np.float32))
    assert np.isfinite(reconstruction_similarity([blank, *one], [blank, *one])).all()
