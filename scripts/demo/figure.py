"""From joints and an outfit to the tubes of a dressed person. Shapes only: motion is in `gait`, drawing in `raster`.

Below `figure`, all lengths are metres on a person of 1.75 m, and joints are scaled to match.
"""

from __future__ import annotations

from dataclasses import replace

from demo.camera import Floats, cross, unit
from demo.gait import UP, Joints, resized
from demo.head import head
from demo.materials import Cloth, Plain
from demo.outfit import Outfit
from demo.raster import Material, Tube, round_tube

SIDES = ("left", "right")
Radii = tuple[float, ...]


def figure(joints: Joints, outfit: Outfit, height: float, head_scale: float = 1.0) -> list[Tube]:
    """All tubes of one person, metres in the world. `height`: stature; `joints` as `gait.pose` gives them."""
    scale = height / 1.75
    body = resized(joints, 1 / scale)
    tubes = [
        *_legs(body, outfit),
        *_trunk(body, outfit),
        *_arms(body, outfit),
        *_skirts(body, outfit),
        *_bag(body, outfit),
    ]
    bigger = scale * head_scale
    skull = head(resized(joints, 1 / bigger), outfit)
    return [tube.scaled(scale) for tube in tubes] + [tube.scaled(bigger) for tube in skull]


def _girth(outfit: Outfit, radii: Radii, share: float = 1.0) -> Radii:
    """Radii for this build, which thickens limbs less (`share`) than the trunk."""
    return tuple(r * (1 + share * (outfit.build - 1)) for r in radii)


def _ahead(joints: Joints) -> Floats:
    """Where the chest faces."""
    return cross(joints["across"], joints["spine"])


def _trunk(j: Joints, o: Outfit) -> list[Tube]:
    spine, forward = j["spine"], j["forward"]
    low, high = j["pelvis"] - spine * 0.075, j["neck"] + spine * 0.015
    deep = _girth(o, (0.118, 0.110, 0.106, 0.112, 0.118, 0.112, 0.094, 0.050))
    wide = _girth(o, (0.165, 0.153, 0.148, 0.160, 0.178, 0.196, 0.188, 0.066))
    slim = 0.85 if o.coat else 1.0  # what lies under a coat must not come through it
    seat_deep = tuple(slim * r for r in _girth(o, (0.095, 0.112, 0.113, 0.106)))
    seat_wide = tuple(slim * r for r in _girth(o, (0.125, 0.155, 0.160, 0.150)))
    seat_cloth = o.top if o.bottom == "dress" else o.legs
    throat = j["head_bottom"] + UP * 0.05
    tubes = [
        Tube(low - spine * 0.03, low + (high - low) * 0.2, forward, seat_deep, seat_wide, seat_cloth, 0.6, "seat"),
        Tube(low + (high - low) * 0.13, high, _ahead(j), deep, wide, o.top, 0.15, "torso"),
        round_tube(j["neck"] - spine * 0.03, throat, forward, (0.060, 0.054, 0.052), Plain(o.skin), "neck", 0.5),
    ]
    if o.top.opening:
        end = j["neck"] + spine * 0.045 - forward * 0.02
        tubes.append(
            round_tube(j["neck"] - spine * 0.02, end, forward, (0.082, 0.070), Plain(o.top.colour), "collar", 0.2)
        )
    return tubes


def _legs(j: Joints, o: Outfit) -> list[Tube]:
    trousers, skin, forward = o.bottom == "trousers", Plain(o.skin), j["forward"]
    thigh = _girth(o, (0.080, 0.092, 0.086, 0.076, 0.069) if trousers else (0.088, 0.090, 0.080, 0.068, 0.060), 0.65)
    shin = _girth(o, (0.068, 0.068, 0.064, 0.060, 0.062) if trousers else (0.060, 0.064, 0.058, 0.048, 0.043), 0.65)
    tubes = []
    for side in SIDES:
        hip, knee, ankle = j[f"{side}_hip"] + UP * 0.02, j[f"{side}_knee"], j[f"{side}_ankle"]
        cover: Material = o.legs if trousers else skin
        # Only what the hem leaves free is drawn of a thigh: cloth drapes over it, it is not pierced.
        free = {"skirt": 0.94, "dress": 0.94, "shorts": 0.7}.get(o.bottom, 0.95 * o.coat)
        tubes.append(round_tube(hip + (knee - hip) * free, knee, forward, thigh[2:] if free else thigh, cover, "thigh"))
        hem = ankle + (knee - ankle) * 0.06
        tubes.append(round_tube(knee, hem, forward, shin, cover, "shin", 0.5 if trousers else 1.0))
        if o.bottom == "shorts":
            loose = _girth(o, (0.084, 0.097, 0.094, 0.090), 0.65)
            tubes.append(round_tube(hip, hip + (knee - hip) * 0.82, forward, loose, o.legs, "shorts", 0.25))
        tubes += _foot(j, side, o)
    return tubes


def _foot(j: Joints, side: str, o: Outfit) -> list[Tube]:
    heel, toe, ankle = j[f"{side}_heel"], j[f"{side}_toe"], j[f"{side}_ankle"]
    shoe, sole = Plain(o.shoes), Plain("d8d4cc" if o.shoes > "8" else "15120f")
    lift = unit(ankle - (heel + (toe - heel) * 0.2))
    high, wide = (0.040, 0.046, 0.040, 0.032, 0.024), (0.034, 0.038, 0.042, 0.046, 0.036)
    return [
        Tube(heel + lift * 0.006, toe, lift, high, wide, shoe, 0.6, "foot"),
        Tube(heel - lift * 0.030, toe - lift * 0.020, lift, (0.012,) * 3, (0.036, 0.042, 0.046), sole, 1.0, "sole"),
        round_tube(heel + (toe - heel) * 0.22, ankle + UP * 0.03, j["forward"], (0.042, 0.040), shoe, "heel", 0.5),
    ]


def _arms(j: Joints, o: Outfit) -> list[Tube]:
    skin, forward = Plain(o.skin), j["forward"]
    sleeve = replace(o.top, opening=0.0)
    thick = 0.008 if o.coat else 0.0
    upper = tuple(r + thick for r in _girth(o, (0.054, 0.055, 0.050, 0.046), 0.6))
    lower = tuple(r + thick for r in _girth(o, (0.046, 0.046, 0.040, 0.034), 0.6))
    tubes = []
    for side in SIDES:
        shoulder, elbow, wrist, hand = (j[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist", "hand"))
        if o.sleeves < 1:
            arm, fore = _girth(o, (0.050, 0.048, 0.043, 0.039), 0.6), _girth(o, (0.039, 0.040, 0.034, 0.027), 0.6)
            end = shoulder + (elbow - shoulder) * (2 * o.sleeves)
            tubes += [
                round_tube(shoulder, elbow, forward, arm, skin, "upper_arm"),
                round_tube(elbow, wrist, forward, fore, skin, "forearm"),
                round_tube(shoulder, end, forward, upper, sleeve, "sleeve"),
            ]
        else:
            tubes.append(round_tube(shoulder, elbow, forward, upper, sleeve, "upper_arm"))
            tubes.append(round_tube(elbow, wrist + (elbow - wrist) * 0.08, forward, lower, sleeve, "forearm", 0.7))
        palm = cross(forward, UP)
        tubes.append(Tube(wrist, hand, palm, (0.024, 0.024, 0.018), (0.028, 0.042, 0.034), skin, 0.9, "hand"))
    return tubes


def _skirts(j: Joints, o: Outfit) -> list[Tube]:
    """Skirts, dresses and coat tails: a cone from the waist to between the knees, wide enough for the stride."""
    forward = j["forward"]
    knees = (j["left_knee"] + j["right_knee"]) / 2
    spread = abs(float((j["left_knee"] - j["right_knee"]) @ forward))
    waist = j["pelvis"] + j["spine"] * 0.085
    tubes = []
    if o.bottom in ("skirt", "dress"):
        hem, reach = j["pelvis"] + (knees - j["pelvis"]) * 1.18, 0.17 + spread * 0.46
        deep = (*_girth(o, (0.106, 0.126, 0.145)), 0.75 * reach + 0.06 * o.build, reach)
        wide = _girth(o, (0.150, 0.178, 0.195, 0.222, 0.250))
        tubes.append(Tube(waist, hem, forward, deep, wide, o.top if o.bottom == "dress" else o.legs, 0.08, "skirt"))
    if o.coat:
        hem, reach = j["pelvis"] + (knees - j["pelvis"]) * o.coat, 0.14 + spread * 0.40 * o.coat
        deep = (*_girth(o, (0.122, 0.135, 0.145)), 0.6 * reach + 0.055 * o.build, reach)
        wide = _girth(o, (0.166, 0.182, 0.190, 0.196, 0.202))
        tails = replace(o.top, opening=0.10 if o.top.opening else 0.0, inner=o.legs.colour)
        tubes.append(Tube(waist, hem, forward, deep, wide, tails, 0.08, "coat"))
    return tubes


def _bag(j: Joints, o: Outfit) -> list[Tube]:
    if o.bag == "none":
        return []
    return {"backpack": _backpack, "shoulder": _shoulder_bag, "hand": _handbag}[o.bag](j, o)


def _leather(o: Outfit) -> Cloth:
    return Cloth(o.bag_colour, "d9cfb8", "band", 0.72, seed=11)


def _backpack(j: Joints, o: Outfit) -> list[Tube]:
    behind, spine, strap = -_ahead(j), j["spine"], Plain(o.bag_colour)
    low = j["pelvis"] + spine * 0.10 + behind * 0.165 * o.build
    high = j["neck"] - spine * 0.05 + behind * 0.15 * o.build
    deep, wide = (0.075, 0.088, 0.085, 0.075, 0.045), (0.115, 0.132, 0.136, 0.128, 0.09)
    tubes = [Tube(low, high, behind, deep, wide, _leather(o), 0.4, "bag")]
    for sign in (1.0, -1.0):
        side = j["across"] * 0.105 * sign
        top = j["neck"] - spine * 0.01 + side - behind * 0.03
        end = j["pelvis"] + spine * 0.22 + side * 1.25 - behind * 0.108 * o.build
        tubes.append(round_tube(top, end, behind, (0.022, 0.022), strap, "strap"))
    return tubes


def _shoulder_bag(j: Joints, o: Outfit) -> list[Tube]:
    """A bag on the left hip, its strap across the chest and back from the right shoulder."""
    behind, across, strap = -_ahead(j), j["across"], Plain(o.bag_colour)
    place = j["left_hip"] + across * 0.14 * o.build + UP * 0.04 + behind * 0.05
    deep, wide = (0.13, 0.15, 0.145), (0.045, 0.05, 0.035)
    tubes = [Tube(place - UP * 0.10, place + UP * 0.13, j["forward"], deep, wide, _leather(o), 0.15, "bag")]
    shoulder = j["right_shoulder"] + UP * 0.045 + across * 0.05
    for offset in (-0.118, 0.118):
        middle = (shoulder + place) / 2 + behind * offset * o.build
        for a, b in ((shoulder, middle), (middle, place + UP * 0.12)):
            tubes.append(round_tube(a, b, behind, (0.014, 0.014), strap, "strap"))
    return tubes


def _handbag(j: Joints, o: Outfit) -> list[Tube]:
    grip, forward = j["right_hand"], j["forward"]
    top, strap = grip - UP * 0.13, Plain(o.bag_colour)
    tubes = [Tube(top, grip - UP * 0.42, forward, (0.12, 0.135, 0.13), (0.045, 0.055, 0.05), _leather(o), 0.08, "bag")]
    handles = [round_tube(grip, top + forward * x, forward, (0.008, 0.008), strap, "strap") for x in (-0.07, 0.07)]
    return tubes + handles
