"""Public detections that behave like a real detector's: jitter, misses under occlusion, doubles, and false alarms.

Drawn from the truth with the clip's seed and the frame's number, so that any frame can be made alone.
"""

from __future__ import annotations

import numpy as np

from demo.camera import Camera, Floats
from demo.cast import Clip
from demo.film import Seen, Take
from demo.truth import scored

Detection = tuple[float, float, float, float, float]
"""left, top, width, height in 0-based pixels, and the score."""


def detect(take: Take, clip: Clip, camera: Camera, frame: int) -> list[Detection]:
    """The detections of frame `frame` (from 0), best first. `camera`: as it stood then."""
    rng = np.random.default_rng([clip.seed, 2, frame])
    found = []
    for seen in take.seen:
        # A detector that misses somebody tends to miss them for a while: one mood a walker for five frames.
        mood = float(np.random.default_rng([clip.seed, 3, seen.id, frame // 5]).normal())
        found += _person(seen, mood, rng)
    found += _alarms(clip, camera, rng)
    return sorted(found, key=lambda d: -d[4])


def _person(seen: Seen, mood: float, rng: np.random.Generator) -> list[Detection]:
    """None, one, or now and then two boxes for a walker."""
    luck, jitter, double = rng.random(), rng.normal(size=(2, 4)), rng.random()
    if not scored(seen) or seen.visible is None:
        return []
    size = min(seen.body[3] / 70, 1.0)
    evidence = 5.5 * (seen.share - 0.38) + 2.0 * size + 0.7 * mood
    if luck > 1 / (1 + np.exp(-evidence)):
        return []
    # Of a half-covered person a detector guesses the whole, the less surely the less it sees.
    guess = min(1.25 * seen.share, 1.0)
    low = np.array(seen.visible[:2]) * (1 - guess) + np.array(seen.body[:2]) * guess
    high = np.array([a + b for a, b in ((seen.visible[0], seen.visible[2]), (seen.visible[1], seen.visible[3]))]) * (
        1 - guess
    )
    high = high + np.array([seen.body[0] + seen.body[2], seen.body[1] + seen.body[3]]) * guess
    score = 0.45 + 0.42 * seen.share * size + 0.10 * size + 0.05 * mood + 0.02 * float(jitter[0, 0])
    out = [_jittered(low, high, jitter[0], 0.022, score)]
    if double < 0.015:
        out.append(_jittered(low, high, jitter[1], 0.09, 0.6 * score))
    return out


def _jittered(low: Floats, high: Floats, noise: Floats, share: float, score: float) -> Detection:
    width, height = high - low
    x, y = (low + high) / 2 + noise[:2] * share * np.array([1.2 * width, height])
    width, height = np.array([width, height]) * np.exp(noise[2:] * share * np.array([1.8, 1.0]))
    return float(x - width / 2), float(y - height / 2), float(width), float(height), float(np.clip(score, 0.05, 0.995))


def _alarms(clip: Clip, camera: Camera, rng: np.random.Generator) -> list[Detection]:
    """False alarms: now and then at things as tall as people, seldom anywhere at all; scores mostly low."""
    out = []
    for x, y in clip.decoys:
        luck, noise, score = rng.random(), rng.normal(size=4), rng.beta(3, 5)
        ends, _, scale = camera.project(np.array([[x, y, 0.0], [x, y, 1.75]]))
        inside = 0 < ends[0, 0] < camera.width
        if luck < 0.05 and inside:
            half = np.array([0.33 * scale[0], 0.0])
            out.append(_jittered(ends[1] - half, ends[0] + half, noise, 0.04, 0.15 + 0.6 * score))
    luck, place, score = rng.random(), rng.random(2), rng.beta(2, 6)
    if luck < 0.05:
        height = 40 + 80 * place[1]
        left, top = place[0] * (camera.width - 0.4 * height), place[1] * (camera.height - height)
        out.append((float(left), float(top), 0.4 * height, float(height), float(0.1 + 0.5 * score)))
    return out


def mot_lines(found: list[Detection], frame: int) -> list[str]:
    """`frame,-1,left,top,w,h,conf,-1,-1,-1`, one based."""
    return [
        f"{frame + 1},-1,{x + 1:.2f},{y + 1:.2f},{w:.2f},{h:.2f},{score:.4f},-1,-1,-1" for x, y, w, h, score in found
    ]
