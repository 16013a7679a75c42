"""What a network sees behind a dead-band without speckles: the bound, the company, and nothing forgotten."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vistream.engine.despeckle import COMPANY, FAR, Despeckled
from vistream.engine.fidelity import DeadZones
from vistream.kernels.despeckle import Despeckle
from vistream.kernels.library import Variant, variants
from vistream.types import Frame

clips = st.integers(1, 9).flatmap(lambda rows: st.lists(hnp.arrays(np.uint8, (rows, 7, 3)), min_size=1, max_size=4))


def plainly(held: Frame | None, frame: Frame, tau: int) -> Frame:
    """The rule, pixel by pixel."""
    if held is None:
        return frame.copy()
    distance = np.abs(frame.astype(int) - held).max(2)
    around = np.pad(distance > tau, 1)
    seen = held.copy()
    for y, x in np.ndindex(distance.shape):
        company = around[y : y + 3, x : x + 3].sum()
        if (distance[y, x] > tau and company >= COMPANY) or distance[y, x] > FAR * tau:
            seen[y, x] = frame[y, x]
    return seen


@given(frames=clips, tau=st.integers(1, 120), cut=st.integers(0, 4))
def test_it_is_the_rule_within_its_bound_and_goes_on_from_its_state(frames: list[Frame], tau: int, cut: int) -> None:
    whole = Despeckled(DeadZones(tau))
    held = None
    for number, frame in enumerate(frames):
        if number == cut:
            other = Despeckled(DeadZones(tau))
            other.load_state_dict(whole.state_dict())
            whole = other
        held = plainly(held, frame, tau)
        seen = whole.of(frame)
        assert (seen == held).all()
        assert np.abs(seen.astype(int) - frame).max() <= FAR * tau


@given(frames=clips)
def test_without_a_dead_band_frames_are_seen_as_they_are(frames: list[Frame]) -> None:
    despeckled = Despeckled(DeadZones(hysteresis=1))
    for frame in frames:
        assert despeckled.of(frame) is frame


def test_a_lone_pixel_is_not_read_again_but_a_group_is() -> None:
    despeckled = Despeckled(DeadZones(4))
    still = np.full((8, 8, 3), 100, np.uint8)
    despeckled.of(still)
    speckled = still.copy()
    speckled[2, 2] = 106
    assert (despeckled.of(speckled) == still).all()
    speckled[2, 3:5] = 106
    assert (despeckled.of(speckled) == speckled).all(2).sum() == 64 - 2  # the two ends have company of one alone
    far = still.copy()
    far[6, 6] = 100 + 4 * FAR + 1
    assert (despeckled.of(far)[6, 6] == far[6, 6]).all()


def test_another_size_begins_anew() -> None:
    despeckled = Despeckled(DeadZones(4))
    despeckled.of(np.zeros((8, 8, 3), np.uint8))
    assert despeckled.of(np.ones((6, 8, 3), np.uint8)).shape == (6, 8, 3)
    despeckled.reset()
    assert (despeckled.of(np.ones((6, 8, 3), np.uint8)) == 1).all()


@pytest.mark.parametrize("kernels", [None, *variants()], ids=lambda one: "OpenCV" if one is None else one.name)
@given(seed=st.integers(0, 2**32 - 1), columns=st.integers(1, 140), tau=st.integers(1, 90))
def test_all_kernels_read_the_same_pixels(kernels: Variant | None, seed: int, columns: int, tau: int) -> None:
    random = np.random.default_rng(seed)
    frame, held = (random.integers(0, 256, (int(random.integers(1, 6)), columns, 3), np.uint8) for _ in range(2))
    frame = np.where(random.random(held.shape) < 0.7, held, np.resize(frame, held.shape))
    expected = plainly(held, frame, tau)
    read = Despeckle(COMPANY, FAR, kernels)
    read._variant = kernels
    read(frame[::-1][::-1], held, tau)
    assert np.array_equal(held, expected)
