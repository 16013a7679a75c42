"""The collector is off while a program starts, and leaves alone what was made by the time of the first result."""

from __future__ import annotations

import gc

import pytest

from vistream.garbage import started, starting


def test_it_is_off_until_the_first_result_is_there() -> None:
    with starting():
        assert not gc.isenabled()
        started()
        assert gc.isenabled()
        frozen = gc.get_freeze_count()
        assert frozen > 0
        started()  # every result after it
        assert gc.get_freeze_count() == frozen
    gc.unfreeze()


def test_it_is_on_again_behind_an_error_and_what_was_made_is_collected() -> None:
    with pytest.raises(ValueError, match="a wrong option"), starting():
        raise ValueError("a wrong option")
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_somebody_who_has_it_off_keeps_it_so() -> None:
    gc.disable()
    try:
        with starting():
            started()
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
    started()  # in a library's user, who has not asked for it
    assert gc.get_freeze_count() == 0
