"""The dial between exactness and work: what `exact`, `high` and `fast` mean."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from vistream.errors import VistreamError
from vistream.given import real, whole

LARGEST = 255
"""Grey levels, and levels: what a byte holds."""


@dataclass(frozen=True, slots=True)
class DeadZones:
    """`deadband`: grey levels by which a pixel must move to be re-read; `hysteresis`: levels, of every neuron.

    `noise`: where the camera is noisy, the dead-band is this many times the noise (see `engine.deadband`).
    """

    deadband: int = 0
    hysteresis: int = 0
    noise: float = 0.0

    @property
    def exact(self) -> bool:
        """Whether the stream equals the plain integer network."""
        return self.deadband == 0 and self.hysteresis == 0 and self.noise == 0.0

    def __str__(self) -> str:
        follows = f" or {self.noise:g} x noise" if self.noise else ""
        return f"tau {self.deadband}{follows}, h {self.hysteresis}"


PRESETS = {
    "exact": DeadZones(),
    "high": DeadZones(4, 1, 6.0),
    "fast": DeadZones(4, 2, 6.0),
}


def scaled(hysteresis: int, factor: float) -> int:
    """The hysteresis of a layer, in levels: `factor` times that of others, rounded down, and what a byte holds at most.

    >>> scaled(2, 1.5), scaled(1, 0.5), scaled(200, 6)
    (3, 0, 255)
    """
    return min(int(hysteresis * factor), LARGEST)


def check_dead_zones(deadband: int, hysteresis: int) -> tuple[int, int]:
    """Both as whole numbers. Raises VistreamError for what is none, or is not within 0 and 255."""
    deadband, hysteresis = whole("deadband", deadband), whole("hysteresis", hysteresis)
    if not 0 <= deadband <= LARGEST or not 0 <= hysteresis <= LARGEST:
        raise VistreamError("the dead-band (grey levels) and the hysteresis (levels) must lie in 0 to 255")
    return deadband, hysteresis


def check_factors(factors: Mapping[str, float], names: Collection[str]) -> dict[str, float]:
    """`factors` (see `scaled`) of some of the layers called `names`. Raises VistreamError for what is none of them.

    >>> check_factors({"head.0": "2"}, ["head.0", "head.1"])
    {'head.0': 2.0}
    """
    found = {name: real(f"the factor of {name}", factor) for name, factor in factors.items()}
    for name, factor in found.items():
        if name not in names:
            raise VistreamError(f"factors name {name!r}: the network's layers are {', '.join(names)}")
        if factor < 0:
            raise VistreamError(f"the factor of {name} is {factor:g}: it can't be negative")
    return found


def refuse_dead_zones(fidelity: str, deadband: int | None, hysteresis: int | None) -> None:
    """Raise VistreamError where either is given for a fidelity that has none, which the float network is."""
    if deadband is not None or hysteresis is not None:
        raise VistreamError(
            f"the fidelity {fidelity} has no dead zones: --deadband and --hysteresis are for the others"
        )


def dead_zones(
    fidelity: str,
    deadband: int | None = None,
    hysteresis: int | None = None,
    presets: Mapping[str, DeadZones] = PRESETS,
) -> DeadZones:
    """A preset, of others where they are given, with either number replaced; a dead-band given by hand is fixed.

    Raises VistreamError for an unknown preset or a bad number.

    >>> dead_zones("high", deadband=6)
    DeadZones(deadband=6, hysteresis=1, noise=0.0)
    """
    if fidelity not in presets:
        raise VistreamError(f"no fidelity is called {fidelity!r}: it is one of {', '.join(presets)}")
    preset = presets[fidelity]
    noise = preset.noise if deadband is None else 0.0
    deadband = preset.deadband if deadband is None else deadband
    hysteresis = preset.hysteresis if hysteresis is None else hysteresis
    return DeadZones(*check_dead_zones(deadband, hysteresis), noise)
