"""The tubes of a head: skull with its face, nose, ears, hair and hat. Metres on a person of 1.75 m."""

from __future__ import annotations

from dataclasses import dataclass

from demo.camera import Floats, cross, unit
from demo.gait import UP, Joints
from demo.materials import Cloth, Face, Hair, Plain
from demo.outfit import Outfit
from demo.raster import Tube, round_tube


@dataclass(frozen=True)
class _Skull:
    """Chin and crown, and the directions up the skull, ahead of the face, and to its left."""

    chin: Floats
    crown: Floats
    up: Floats
    ahead: Floats
    left: Floats

    def at(self, up: float, ahead: float) -> Floats:
        """A point in the plane of symmetry, `up` from the chin."""
        return self.chin + self.up * up + self.ahead * ahead


def head(joints: Joints, outfit: Outfit) -> list[Tube]:
    """All tubes above the neck."""
    chin, crown, ahead = joints["head_bottom"], joints["head_top"], joints["face"]
    up = unit(crown - chin)
    skull = _Skull(chin, crown, up, ahead, cross(up, ahead))
    deep = (0.050, 0.074, 0.088, 0.095, 0.098, 0.097, 0.090, 0.072, 0.034)
    wide = (0.036, 0.055, 0.066, 0.072, 0.076, 0.077, 0.072, 0.058, 0.028)
    hairline = 1.2 if outfit.hair_style == "bald" else outfit.hairline
    skin = Plain(outfit.skin)
    face = Face(outfit.skin, outfit.hair, hairline, outfit.beard)
    tubes = [
        Tube(chin + up * 0.008, crown - up * 0.01, ahead, deep, wide, face, 0.35, "head"),
        round_tube(skull.at(0.115, 0.090), joints["nose"], skull.left, (0.007, 0.011, 0.016), skin, "nose"),
    ]
    for ear in ("left_ear", "right_ear"):
        low, high = joints[ear] - up * 0.018, joints[ear] + up * 0.018
        tubes.append(Tube(low, high, ahead, (0.014, 0.020), (0.008, 0.009), skin, 1.0, "ear"))
    if outfit.hair_style != "bald":
        tubes += _hair(skull, outfit)
    if outfit.hat != "none":
        tubes += _hat(skull, outfit)
    return tubes


def _hair(skull: _Skull, outfit: Outfit) -> list[Tube]:
    hair = Hair(outfit.hair)
    crown = skull.crown + skull.up * 0.004 - skull.ahead * 0.016
    volume = (0.070, 0.088, 0.096, 0.094, 0.080, 0.042), (0.062, 0.076, 0.083, 0.082, 0.070, 0.036)
    tubes = [Tube(skull.at(0.10, -0.022), crown, skull.ahead, *volume, hair, 0.35, "hair")]
    if outfit.hair_style == "long":
        end = skull.at(0.0, -0.095) - UP * 0.13
        flow = (0.062, 0.066, 0.056, 0.034), (0.080, 0.088, 0.092, 0.070)
        tubes.append(Tube(skull.at(0.17, -0.035), end, skull.ahead, *flow, hair, 0.5, "hair"))
    elif outfit.hair_style == "tail":
        root = skull.at(0.15, -0.105)
        end = root - UP * 0.24 - skull.ahead * 0.035
        tubes.append(round_tube(root, end, skull.ahead, (0.028, 0.038, 0.034, 0.012), hair, "hair"))
    elif outfit.hair_style == "bun":
        tubes.append(
            round_tube(skull.at(0.19, -0.105), skull.at(0.21, -0.105), skull.ahead, (0.045, 0.045), hair, "hair")
        )
    return tubes


def _hat(skull: _Skull, outfit: Outfit) -> list[Tube]:
    felt = Cloth(outfit.hat_colour, seed=5)
    up, ahead = skull.up, skull.ahead
    brow = skull.at(0.178, -0.006)
    deep, wide = (0.107, 0.108, 0.098, 0.060), (0.088, 0.089, 0.080, 0.050)
    if outfit.hat == "beanie":
        knitted = Cloth(outfit.hat_colour, "ffffff", "band", 0.06)
        return [Tube(brow - up * 0.025, brow + up * 0.105, ahead, deep, wide, knitted, 0.25, "hat")]
    tubes = [Tube(brow, brow + up * 0.085, ahead, deep, wide, felt, 0.25, "hat")]
    if outfit.hat == "brim":
        tubes.append(Tube(brow, brow + up * 0.014, ahead, (0.175, 0.165), (0.155, 0.148), felt, 0.08, "hat"))
        ribbon = Plain("1a1716")
        tubes.append(
            Tube(brow + up * 0.014, brow + up * 0.034, ahead, (0.1085, 0.1085), (0.0895, 0.0895), ribbon, 0.05, "hat")
        )
    else:
        peak = brow + ahead * 0.10
        tip = peak + ahead * 0.06 - up * 0.006
        tubes.append(Tube(peak, tip, up, (0.008, 0.007), (0.070, 0.052), felt, 0.3, "hat"))
    return tubes
