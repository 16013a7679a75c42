"""What every source of observations looks like to the rest of the program."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol, runtime_checkable

from vistream.types import Frame, Observations


class Detector(Protocol):
    """Something that says which objects a frame shows."""

    @property
    def name(self) -> str:
        """A short name, as in `--detector`."""

    def describe(self) -> str:
        """One honest line for the user: what it is, and what it can't see."""

    def detect(self, frame: Frame, index: int) -> Observations:
        """The objects in one RGB frame `[H, W, 3]`, which is number `index` of its source, from 0.

        Frames come in order; a detector may remember earlier ones.
        """

    def reset(self) -> None:
        """Forget every frame seen: another video begins."""


@runtime_checkable
class Labelled(Protocol):
    """A detector that knows the classes of all that it will ever report."""

    @property
    def labels(self) -> Collection[str]:
        """Their names."""
