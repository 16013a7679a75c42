"""The methods by which a dataset can be run, each by its name: the fidelities of a session, and the baselines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vistream.detect.streaming import SharedFeatures
from vistream.engine.fidelity import PRESETS
from vistream.errors import VistreamError
from vistream.evaluate.datasets.baselines import Flow, Held
from vistream.pipeline.session import Session
from vistream.pipeline.tasks import FLOAT
from vistream.types import Frame, Observations, Result, Target

BASELINES = {"vos": ("held", "flow"), "sot": ("held",)}
"""By task, the baselines that there are."""


class Method(Protocol):
    """Something that tracks a clip."""

    def add_object(self, target: Target, identity: int) -> int: ...

    def step(
        self,
        frame: Frame,
        observations: Observations,
        *,
        index: int,
        time: float,
        features: SharedFeatures | None = None,
    ) -> Result: ...


def check_methods(task: str, names: Sequence[str]) -> None:
    """Raise VistreamError for a name that is neither a fidelity nor a baseline of the task."""
    known = (*PRESETS, FLOAT, *BASELINES.get(task, ()))
    for name in names:
        if name not in known:
            raise VistreamError(f"no fidelity is called {name!r}: it is one of {', '.join(known)}")


def make_method(
    name: str, task: str, model: str | None, fps: float | None, joints: Sequence[str], close: bool
) -> tuple[Method, dict[str, str]]:
    """The method called `name`, and what it is: `model` and `fidelity`, for the foot of a table."""
    if name in BASELINES.get(task, ()):
        baseline = Held() if name == "held" else Flow()
        return baseline, {"model": baseline.model, "fidelity": name}
    session = Session(task, name, model, fps=fps, joints=joints, close=close)
    fidelity = "float (not quantised, whole frames)" if name == FLOAT else f"{name} ({session.zones})"
    return session, {"model": session.model, "fidelity": fidelity}
