"""Counts priced and added up: by layer, by frame, over frames. The figures that every form of the report shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from vistream.energy.counts import Counts, FrameCounts, LayerCounts, LayerSize
from vistream.energy.estimators import Estimator, energy
from vistream.energy.rows import Row, operations


@dataclass(frozen=True, slots=True)
class Figures:
    """Operations, bytes and picojoules (`a`, `b`, `c`: by estimator) of a layer, a frame, or a mean of frames."""

    macs: float = 0
    acs: float = 0
    updates: float = 0
    read: float = 0
    written: float = 0
    a: float = 0
    b: float = 0
    c: float = 0

    @property
    def operations(self) -> float:
        """Multiply-accumulates and accumulates together."""
        return self.macs + self.acs

    def energy(self, estimator: Estimator) -> float:
        """Picojoules."""
        return {Estimator.A: self.a, Estimator.B: self.b, Estimator.C: self.c}[estimator]

    def as_dict(self) -> dict[str, float]:
        """Names say the units."""
        return {
            "macs": self.macs,
            "acs": self.acs,
            "updates": self.updates,
            "bytes_read": self.read,
            "bytes_written": self.written,
            "energy_a_pj": self.a,
            "energy_b_pj": self.b,
            "energy_c_pj": self.c,
        }


def layer_figures(row: Row, size: LayerSize, counts: LayerCounts) -> Figures:
    """One layer, one frame."""
    done = operations(row, size, counts)
    return Figures(
        done.macs,
        done.acs,
        done.updates,
        sum(access.read for access in done.accesses),
        sum(access.written for access in done.accesses),
        *(energy(estimator, done) for estimator in Estimator),
    )


def frame_figures(row: Row, counts: Counts, frame: FrameCounts) -> Figures:
    """One frame: the sum of its layers."""
    return total(layer_figures(row, size, layer) for size, layer in zip(counts.layers, frame.layers, strict=True))


def total(parts: Iterable[Figures]) -> Figures:
    """Their sum, figure by figure."""
    parts = list(parts)
    return Figures(*(sum(getattr(part, field.name) for part in parts) for field in fields(Figures)))


def mean(parts: Iterable[Figures]) -> Figures:
    """Their mean, figure by figure; raises ValueError if there are none."""
    parts = list(parts)
    if not parts:
        raise ValueError("the mean of no frames")
    return Figures(*(sum(getattr(part, field.name) for part in parts) / len(parts) for field in fields(Figures)))


@dataclass(frozen=True, slots=True)
class Phase:
    """The first frame, or the frames after it: they must never be averaged together."""

    name: str
    frames: tuple[FrameCounts, ...]

    def figures(self, row: Row, counts: Counts) -> Figures:
        """A frame's, in the mean of the phase."""
        return mean(frame_figures(row, counts, frame) for frame in self.frames)

    def layers(self, row: Row, counts: Counts) -> list[Figures]:
        """A layer's in a frame, in the mean of the phase, in the order of `counts.layers`."""
        return [
            mean(layer_figures(row, size, frame.layers[index]) for frame in self.frames)
            for index, size in enumerate(counts.layers)
        ]


def phases(counts: Counts) -> tuple[Phase, ...]:
    """One or two, by how many frames there are."""
    first = Phase("first frame", counts.frames[:1])
    rest = counts.frames[1:]
    if not rest:
        return (first,)
    return first, Phase(f"mean of the {len(rest)} frames after it" if len(rest) > 1 else "second frame", rest)
