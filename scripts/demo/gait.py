"""Where every joint of a walking person is: planted feet, two-bone legs, swinging arms. Pure kinematics, no shapes.

Segment lengths are the fractions of stature of Drillis and Contini (1966). A foot stands still on the ground for 60 %
of the cycle, rolls over heel and ball, and swings for 40 % (Perry, Gait Analysis, 1992); knees follow from inverse
kinematics, so that feet do not slide whatever the path and the speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from demo.camera import Floats, cross, unit

FPS = 25
STANCE = 0.6  # share of the cycle in which a foot is on the ground
AHEAD = 0.235  # how far before the body a foot comes down, in strides
UP = np.array([0.0, 0.0, 1.0])
Joints = dict[str, Floats]
DIRECTIONS = ("forward", "across", "spine", "face")  # unit vectors; everything else in a pose is a place in metres


@dataclass(frozen=True)
class Path:
    """A smooth way over the ground, walked at `speed` (m/s) from time 0.

    `points`: metres (X, Y), joined by a Catmull-Rom spline. `waits`: (from, to) in seconds, when the walker stands.
    """

    points: tuple[tuple[float, float], ...]
    speed: float
    waits: tuple[tuple[float, float], ...] = ()

    @cached_property
    def _table(self) -> tuple[Floats, Floats]:
        """Arc length `[n]` and place `[n, 2]` along the spline."""
        p = np.array(self.points, np.float64)
        p = np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
        u = np.linspace(0, 1, 100, endpoint=False)[:, None]
        pieces = []
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False):
            cubic = -a + 3 * b - 3 * c + d
            pieces.append(0.5 * (2 * b + (c - a) * u + (2 * a - 5 * b + 4 * c - d) * u**2 + cubic * u**3))
        places = np.vstack([*pieces, p[-2:-1]])
        steps = np.sqrt((np.diff(places, axis=0) ** 2).sum(1))
        return np.concatenate([[0.0], np.cumsum(steps)]), places

    def pace(self, time: float) -> float:
        """Share of full speed, 0..1: eases over 0.6 s at the ends of a wait."""
        share = 1.0
        for start, stop in self.waits:
            rise = max((start - time) / 0.6, (time - stop) / 0.6)
            share = min(share, float(np.clip(rise, 0, 1)))
        return share * share * (3 - 2 * share)

    def travelled(self, time: float) -> float:
        """Metres walked from time 0, by midpoint sums of a hundredth of a second."""
        if not self.waits:
            return self.speed * time
        steps = (np.arange(round(time * 100)) + 0.5) / 100
        return self.speed / 100 * sum(self.pace(float(t)) for t in steps)

    def at(self, distance: float) -> Floats:
        """Place (X, Y, 0); beyond either end the path goes on straight."""
        arc, places = self._table
        inside = min(max(distance, 0.0), float(arc[-1]))
        point = np.array([np.interp(inside, arc, places[:, 0]), np.interp(inside, arc, places[:, 1]), 0.0])
        if distance != inside:
            point = point + self.heading(inside) * (distance - inside)
        return point

    def heading(self, distance: float, reach: float = 0.25) -> Floats:
        """Unit direction of travel, over `reach` metres to either side."""
        arc, places = self._table
        middle = min(max(distance, reach), float(arc[-1]) - reach)
        ends = [middle - reach, middle + reach]
        x, y = (np.interp(ends, arc, places[:, k]) for k in range(2))
        step = np.array([x[1] - x[0], y[1] - y[0], 0.0])
        return np.asarray(step / np.sqrt((step**2).sum()), np.float64)


@dataclass(frozen=True)
class Body:
    """Stature in metres and how this person moves. `arms`: swing, phone, or hands (the pockets). Angles in radians."""

    height: float
    phase: float = 0.0
    arms: str = "swing"
    lean: float = 0.05
    head_scale: float = 1.0
    look: float = 0.0
    carry: tuple[str, ...] = ()

    def stride(self, speed: float) -> float:
        """Metres from one heel strike to the next of the same foot."""
        return float(0.78 * self.height * (max(speed, 0.3) / 1.35) ** 0.45)


def pose(body: Body, path: Path, time: float) -> Joints:
    """All joints at a time, metres in the world `[3]`, by PoseTrack's names and a few more (toes, hands, pelvis)."""
    distance, pace = path.travelled(time), path.pace(time)
    stride = body.stride(path.speed)
    cycle = distance / stride + body.phase
    forward = path.heading(distance)
    left = cross(UP, forward)
    feet = {side: _foot(body, path, distance, cycle, pace, side) for side in ("left", "right")}
    sway = 0.018 * pace * np.sin(2 * np.pi * (cycle + 0.05))
    ground = path.at(distance) + left * sway
    pelvis = ground + UP * _pelvis_height(body, ground, forward, feet)
    twist = 0.10 * pace * np.cos(2 * np.pi * cycle)
    joints: Joints = {"pelvis": pelvis, "forward": forward}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        ankle, toe, heel = feet[side]
        hip = pelvis + body.height * 0.052 * sign * _turned(left, forward, -twist)
        knee, ankle = _two_bones(
            hip, ankle, 0.245 * body.height, 0.246 * body.height, _turned(forward, left, 0.06 * sign)
        )
        joints |= {f"{side}_hip": hip, f"{side}_knee": knee, f"{side}_ankle": ankle}
        joints |= {f"{side}_toe": toe, f"{side}_heel": heel}
    _upper(joints, body, time, cycle, pace, twist)
    return joints


def resized(joints: Joints, factor: float) -> Joints:
    """The same pose with all places, but not the directions, multiplied by `factor`."""
    return {name: value if name in DIRECTIONS else value * factor for name, value in joints.items()}


def _turned(vector: Floats, other: Floats, angle: float) -> Floats:
    """The unit vector `angle` radians from `vector` towards `other`, which is about square to it."""
    return unit(vector * np.cos(angle) + other * np.sin(angle))


def _foot(body: Body, path: Path, s: float, cycle: float, pace: float, side: str) -> tuple[Floats, Floats, Floats]:
    """Ankle, toe and heel. Footprints keep their places on the path, `AHEAD` strides before the body at heel strike."""
    stride, sign = body.stride(path.speed), 1.0 if side == "left" else -1.0
    own = cycle + (0.0 if side == "left" else 0.5)
    count, f = np.floor(own), own - np.floor(own)
    now = s + (count - own + AHEAD) * stride
    if f < STANCE:
        ankle, pitch, heading = _stance(body, path, now, f / STANCE, sign)
    else:
        g = (f - STANCE) / (1 - STANCE)
        early = g**0.85
        smooth = early * early * (3 - 2 * early)
        start, from_pitch, heading = _stance(body, path, now, 1.0, sign)
        stop, to_pitch, next_heading = _stance(body, path, now + stride, 0.0, sign)
        ankle = start + (stop - start) * (0.35 * g + 0.65 * smooth) + UP * 0.022 * body.height * np.sin(np.pi * early)
        fast = np.clip(g * 1.35, 0, 1)
        pitch = from_pitch + (to_pitch - from_pitch) * fast * fast * (3 - 2 * fast)
        heading = unit(heading * (1 - g) + next_heading * g)
    rest, _, rest_heading = _stance(body, path, s + 0.012 * sign, 0.4, 1.25 * sign)
    ankle, pitch = ankle * pace + rest * (1 - pace), pitch * pace
    heading = unit(heading * pace + rest_heading * (1 - pace))
    ahead, below = _turned(heading, UP, pitch), _turned(-UP, heading, pitch)
    toe = ankle + ahead * 0.105 * body.height + below * 0.024 * body.height
    heel = ankle - ahead * 0.028 * body.height + below * 0.022 * body.height
    toe[2] = max(toe[2], 0.012 * body.height)  # toes bend where the ground stops them
    return ankle, toe, heel


def _stance(body: Body, path: Path, s: float, f: float, sign: float) -> tuple[Floats, float, Floats]:
    """Ankle, foot pitch (toes up) and heading at share `f` of a stance on the footprint at `s` metres."""
    heading = path.heading(s)
    height = body.height
    ankle = path.at(s) + cross(UP, heading) * 0.045 * height * sign + UP * 0.039 * height
    if f < 0.13:  # on the heel, toes coming down
        pitch = 0.35 * (1 - f / 0.13)
        return ankle + (UP * 0.03 - heading * 0.02) * height * pitch, pitch, heading
    pitch = -1.12 * max((f - 0.45) / 0.55, 0.0) ** 2.2
    # Heel off: the ankle turns about the ball of the foot, 0.075 statures ahead of it, on the ground.
    arm, up = 0.075 * height, 0.039 * height
    cos, sin = np.cos(-pitch), np.sin(-pitch)
    shift = heading * (arm - arm * cos + up * sin) + UP * (arm * sin + up * cos - up)
    return ankle + shift, pitch, heading


def _pelvis_height(
    body: Body, ground: Floats, forward: Floats, feet: dict[str, tuple[Floats, Floats, Floats]]
) -> float:
    """As high as both legs allow, by a soft minimum: hips rise over a straight leg and sink between steps."""
    leg = 0.486 * body.height
    reach = [0.522 * body.height]
    for ankle, _, _ in feet.values():
        flat = float((ankle - ground) @ forward)
        reach.append(float(np.sqrt(max(leg**2 - flat**2, 0.05)) + ankle[2]))
    sharp = 55.0
    return float(-np.log(np.exp(-sharp * np.array(reach)).sum()) / sharp + 0.4 / sharp)


def _two_bones(root: Floats, tip: Floats, upper: float, lower: float, bend: Floats) -> tuple[Floats, Floats]:
    """Middle joint and reachable tip of two bones, bending towards `bend`."""
    line = tip - root
    length = float(np.sqrt((line**2).sum()))
    reach = min(length, 0.999 * (upper + lower))
    line = line / length
    along = (upper**2 - lower**2 + reach**2) / (2 * reach)
    off = np.sqrt(max(upper**2 - along**2, 0.0))
    bend = unit(bend - line * (bend @ line))
    return root + line * along + bend * off, root + line * reach


def _upper(joints: Joints, body: Body, time: float, cycle: float, pace: float, twist: float) -> None:
    """Spine, head and arms, added to `joints` in place."""
    height, forward = body.height, joints["forward"]
    left = cross(UP, forward)
    lean = body.lean * (0.4 + 0.6 * pace)
    breath = 0.003 * np.sin(2 * np.pi * (time / 3.7 + body.phase))
    spine = _turned(UP, forward, lean)
    chest = joints["pelvis"] + spine * 0.22 * height
    neck = joints["pelvis"] + spine * (0.305 * height + breath)
    across = _turned(left, forward, twist)
    joints |= {"chest": chest, "neck": neck, "across": across, "spine": spine}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        shoulder = neck - spine * 0.032 * height + across * 0.105 * height * sign
        joints[f"{side}_shoulder"] = shoulder
        joints |= _arm(body, side, shoulder, forward, across * sign, cycle, pace, time)
    look = body.look + 0.30 * np.sin(2 * np.pi * (time / 5.3 + body.phase)) + 0.12 * np.sin(time * 2.9 + body.phase * 9)
    face = _turned(forward, left, float(np.clip(look, -1.2, 1.2)))
    nod = 0.55 if body.arms == "phone" else 0.06
    skull = _turned(UP, face, nod * 0.55)
    scale = body.head_scale * height
    chin = neck + _turned(UP, forward, 0.25) * 0.042 * height
    ahead = cross(cross(UP, face), skull)
    joints |= {"head_bottom": chin, "face": ahead, "head_top": chin + skull * 0.134 * scale}
    joints["nose"] = chin + skull * 0.052 * scale + ahead * 0.060 * scale
    for side, sign in (("left", 1.0), ("right", -1.0)):
        joints[f"{side}_ear"] = chin + skull * 0.060 * scale + cross(UP, face) * 0.044 * scale * sign


def _arm(
    body: Body, side: str, shoulder: Floats, forward: Floats, out: Floats, cycle: float, pace: float, time: float
) -> Joints:
    """Elbow, wrist and hand. Each arm swings against the leg of its own side."""
    own = cycle + (0.0 if side == "left" else 0.5)
    wave = -np.cos(2 * np.pi * (own - 0.02))
    swing, bend, spread = 0.06 + pace * 0.42 * wave, 0.22 + pace * (0.28 + 0.18 * wave), 0.10
    if f"{side}_hand" in body.carry:
        swing, bend, spread = 0.02 + 0.10 * pace * wave, 0.12, 0.13
    if body.arms == "phone" and side == "right":
        swing, bend, spread = 0.35 + 0.03 * np.sin(time * 1.9), 1.75, 0.02
    elif body.arms == "hands":
        swing, bend, spread = -0.28 + 0.04 * pace * wave, 0.75, 0.22
    down = _turned(-UP, out, spread)
    upper = _turned(down, forward, float(swing))
    inwards = 0.28 if bend > 0.6 else 0.05
    lower = _turned(_turned(down, forward, float(swing + bend)), -out, inwards)
    elbow = shoulder + upper * 0.172 * body.height
    wrist = elbow + lower * 0.146 * body.height
    return {f"{side}_elbow": elbow, f"{side}_wrist": wrist, f"{side}_hand": wrist + lower * 0.055 * body.height}
