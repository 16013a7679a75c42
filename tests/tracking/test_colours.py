"""Colours beside features: what tells two things apart that a network takes for the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.tracking.colours import colour_vectors, colours_in
from vistream.tracking.propagation import LabelPropagation, PropagationConfig, byte_vectors

ALIKE = np.ones((12, 16, 24), np.float32)
"""Features to which all cells are the same."""


def square(left: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A red square of 4 x 4 cells of 8 pixels before a green ground: the frame, and where it is."""
    label = np.zeros((12, 16), np.float32)
    label[4:8, left : left + 4] = 1
    large = label.repeat(8, axis=0).repeat(8, axis=1)[:, :, None]
    return np.where(large > 0, [200, 60, 40], [40, 120, 60]).astype(np.uint8), label


def test_a_label_follows_a_colour_where_features_say_nothing() -> None:
    propagation = LabelPropagation()
    frame, label = square(2)
    propagation.step(ALIKE, {1: label}, frame)
    for left in range(3, 9):
        frame, label = square(left)
        np.testing.assert_allclose(propagation.step(ALIKE, {}, frame)[1], label, atol=0.05)


def test_without_a_frame_features_alone_are_compared() -> None:
    propagation = LabelPropagation()
    _, label = square(2)
    propagation.step(ALIKE, {1: label})
    assert abs(propagation.step(ALIKE, {})[1] - label).max() > 0.5


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 255), st.integers(1, 40), st.integers(1, 40))
def test_every_colour_is_most_like_itself(seed: int, spread: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    frame = rng.integers(0, spread + 1, (height, width, 3)).astype(np.uint8)
    vectors = colour_vectors(frame, (3, 5)).reshape(15, 6)
    np.testing.assert_allclose(vectors @ vectors.T, np.minimum(vectors @ vectors.T, 1.0), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_colours_are_as_long_beside_features_as_they_are_given() -> None:
    rng = np.random.default_rng(1)
    values = rng.standard_normal((6, 7, 112)).astype(np.float32)
    colours = colour_vectors(rng.integers(0, 256, (48, 56, 3)).astype(np.uint8), (6, 7)) * np.float32(0.5)
    vectors = byte_vectors(values, colours).astype(np.float64)
    assert vectors.shape == (6, 7, 120)
    shares = np.linalg.norm(vectors[:, :, 112:], axis=2) / np.linalg.norm(vectors[:, :, :112], axis=2)
    np.testing.assert_allclose(shares, 0.5, atol=0.02)


def test_a_length_below_zero_is_refused() -> None:
    with pytest.raises(VistreamError, match="colour"):
        PropagationConfig(colour=-0.1)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40))
def test_boxes_anywhere_have_colours_of_one_length(seed: int, height: int, width: int) -> None:
    random = np.random.default_rng(seed)
    frame = random.integers(0, 256, (height, width, 3)).astype(np.uint8)
    where = random.uniform(-2e3, 2e3, (5, 4))
    boxes = np.concatenate([where[:, :2], np.abs(where[:, 2:])], 1)
    boxes[0] = 0, 0, width, height
    found = colours_in(frame, boxes, (8, 4))
    assert found.shape == (5, 32, 6)
    assert np.linalg.norm(found, axis=2) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(found[1:], colours_in(frame, boxes[1:], (8, 4)))


def test_of_no_box_there_are_none() -> None:
    assert colours_in(np.zeros((4, 4, 3), np.uint8), np.zeros((0, 4)), (8, 4)).shape == (0, 32, 6)
