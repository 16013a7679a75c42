"""What operations and bytes cost: held to calculation by hand; joules as the processor counts them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from energytoys import LAYER, SIZE

from vistream.energy.constants import KIB, per_byte
from vistream.energy.estimators import Estimator, energy
from vistream.energy.rapl import Meter
from vistream.energy.rows import Access, Operations, Row, operations


@pytest.mark.parametrize(
    ("row", "a", "b"),
    [
        (Row.FLOAT, 1000 * 4.6 + 50 * 0.9, 1000 * 4.6 + 50 * 0.9 + 100 * 1.8),
        (Row.DENSE, 1000 * 4.6 + 50 * 0.9, 1000 * 0.3 + 50 * 0.1 + 100 * 0.2),
        (Row.SKIPPING, 500 * 4.6 + 20 * 0.9, 500 * 0.3 + 20 * 0.1 + 100 * 0.2),
        (Row.RESET, 200 * 0.9, 200 * 0.1 + 30 * 0.2),
        (Row.DIFFERENTIAL, 200 * 0.9, 200 * 0.1 + 30 * 0.2),
        (Row.STREAM, 250 * 4.6 + 12 * 0.9, 250 * 0.3 + 12 * 0.1 + 25 * 0.2),
    ],
)
def test_estimators_a_and_b_by_hand(row: Row, a: float, b: float) -> None:
    done = operations(row, SIZE, LAYER)
    assert energy(Estimator.A, done) == pytest.approx(a)
    assert energy(Estimator.B, done) == pytest.approx(b)


@pytest.mark.parametrize(
    ("row", "moved"),
    [
        (Row.FLOAT, 4 * (1000 + 1000 + 50 + 100)),
        (Row.DENSE, 1000 + 1000 + 50 + 100),
        (Row.SKIPPING, 500 + 900 + 50 + 100),  # every value looked at, few weights
        (Row.STREAM, 250 + 250 + 12 + 25 + 8),  # old levels read, changes written
        (Row.DIFFERENTIAL, 200 + 8 * 200 + 5 * (30 + 10) + 4 * 10 * (2 + 1)),
        (Row.RESET, 200 + 8 * 200 + 5 * (30 + 10) + 4 * 10 * (2 + 1) + 5 * 100),  # and the state cleared
    ],
)
def test_bytes_by_hand(row: Row, moved: int) -> None:
    done = operations(row, SIZE, LAYER)
    assert sum(access.read + access.written for access in done.accesses) == moved
    expected = energy(Estimator.B, done) + 1.25 * moved  # all buffers are small
    assert energy(Estimator.C, done) == pytest.approx(expected)


@pytest.mark.parametrize("row", [Row.STREAM, Row.DIFFERENTIAL])
def test_a_held_frame_costs_reading_it_twice_and_writing_it(row: Row) -> None:
    def moved(analog: bool) -> int:
        done = operations(row, replace(SIZE, analog=analog), LAYER)
        return sum(access.read + access.written for access in done.accesses)

    assert moved(True) - moved(False) == 3 * SIZE.inputs


@pytest.mark.parametrize(
    ("size", "price"),
    [
        (0, 1.25),
        (8 * KIB, 1.25),
        (20 * KIB, 1.875),  # half-way between 8 and 32 KiB
        (32 * KIB, 2.5),
        (528 * KIB, 7.5),  # half-way between 32 KiB and 1 MiB
        (1024 * KIB, 12.5),
        (1024 * KIB + 1, 160.0),
    ],
)
def test_the_price_of_a_byte_is_piecewise_linear(size: int, price: float) -> None:
    assert per_byte(size) == pytest.approx(price)
    done = Operations(0, 0, 0, (Access(size, read=3, written=4),))
    assert energy(Estimator.C, done) == pytest.approx(7 * price)


def test_measured_joules_count_packages_and_survive_a_wrap(tmp_path: Path) -> None:
    package, core = tmp_path / "intel-rapl:0", tmp_path / "intel-rapl:0:0"
    for folder in (package, core):
        folder.mkdir()
        (folder / "energy_uj").write_text("900\n")
        (folder / "max_energy_range_uj").write_text("1000\n")
    meter = Meter(tmp_path)
    (package / "energy_uj").write_text("950\n")
    assert meter.lap() == pytest.approx(50e-6), "a core is part of its package"
    (package / "energy_uj").write_text("20\n")
    assert meter.lap() == pytest.approx(70e-6)
    assert Meter(tmp_path / "none").lap() is None
