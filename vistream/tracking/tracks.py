"""The life of tracks: born from an observation, confirmed, lost, found again or removed. Online: no frame is revised.

Tasks embed what they observe (boxes, masks, skeletons) and hand observations and embeddings to `Tracker.step`, which
does the rest alike for all of them. It is the association of UniTrack (Wang et al., NeurIPS 2021), itself that of
JDE (Wang et al., ECCV 2020), with the second look at weak detections of ByteTrack (Zhang et al., ECCV 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from vistream.tracking import kalman
from vistream.tracking.assignment import Pairs, assign, iou, same_label
from vistream.tracking.kalman import Belief
from vistream.tracking.similarity import Vectors, reconstruction_similarity
from vistream.types import Observations, Track

Array = NDArray[np.float64]


class Stage(Enum):
    """Where a track is in its life."""

    NEW = "seen once, not yet reported"
    TRACKED = "matched in the last frame"
    LOST = "not matched in the last frame"


@dataclass(frozen=True)
class TrackerConfig:
    conf_thres: float = 0.5
    low_thres: float = 0.1
    match_limit: float = 0.7
    iou_limit: float = 0.5
    unconfirmed_limit: float = 0.7
    track_buffer: float = 1.0
    use_motion: bool = True
    iou_weight: float = 0.5
    motion_weight: float = 0.02
    gate: float = kalman.GATE
    memory: float = 0.0
    duplicate: float = 0.15
    smooth: bool = True
    coast: float = 0.0
    dt_mode: str = "seconds"
    app_gate: float = 9.0
    fuse: str = "spec"
    expand: float = 0.0
    revive_iou: bool = False
    zero_lost: bool = True


@dataclass
class Life:
    id: int
    stage: Stage
    label: str
    score: float
    belief: Belief
    vectors: Vectors | None
    born: int
    seen: int
    box: Array


class Tracker:
    def __init__(self, config: TrackerConfig, fps: float):
        self.config = config
        self.fps = fps
        self.dt = 30.0 / fps if config.dt_mode == "seconds" else 1.0
        self.buffer = max(1, round(config.track_buffer * fps))
        self.reset()

    def reset(self) -> None:
        self.lives: list[Life] = []
        self.frame = -1
        self.next_id = 1

    def step(self, observations: Observations, embeddings: Sequence[Vectors] | None) -> tuple[Track, ...]:
        c = self.config
        self.frame += 1
        first = self.frame == 0
        measured = kalman.measure(observations.boxes)
        self._predict()
        strong = np.flatnonzero(observations.scores >= c.conf_thres)
        weak = np.flatnonzero((observations.scores < c.conf_thres) & (observations.scores >= c.low_thres))
        pool = [i for i, t in enumerate(self.lives) if t.stage is not Stage.NEW]
        matched: dict[int, int] = {}

        def run(rows, cols, cost, limit):
            pairs = assign(cost, limit)
            for r, k in pairs:
                matched[int(rows[r])] = int(cols[k])
            used_r = {r for r, _ in pairs}
            used_c = {k for _, k in pairs}
            return [x for i, x in enumerate(rows) if i not in used_r], [
                x for i, x in enumerate(cols) if i not in used_c
            ]

        rest_t, rest_d = list(pool), list(strong)
        if embeddings is not None or c.fuse != "spec":
            rest_t, rest_d = run(
                pool, strong, self._fused(pool, strong, observations, embeddings, measured), c.match_limit
            )
        second = [i for i in rest_t if c.revive_iou or self.lives[i].stage is Stage.TRACKED]
        rest_t2, rest_d = run(second, rest_d, self._iou(second, rest_d, observations), c.iou_limit)
        second = [i for i in rest_t2 if self.lives[i].stage is Stage.TRACKED]
        run(second, list(weak), self._iou(second, list(weak), observations), c.iou_limit)
        new = [i for i, t in enumerate(self.lives) if t.stage is Stage.NEW]
        gone, rest_d = run(new, rest_d, self._iou(new, rest_d, observations), c.unconfirmed_limit)
        self._update(matched, observations, embeddings, measured)
        for i, t in enumerate(self.lives):
            if i not in matched and t.stage is Stage.TRACKED:
                t.stage = Stage.LOST
        gone_set = set(gone)
        self.lives = [
            t
            for i, t in enumerate(self.lives)
            if i not in gone_set and (t.seen == self.frame or self.frame - t.seen <= self.buffer)
        ]
        for d in rest_d:
            self.lives.append(
                Life(
                    self._take() if first else 0,
                    Stage.TRACKED if first else Stage.NEW,
                    observations.labels[d],
                    float(observations.scores[d]),
                    kalman.initiate(measured[d : d + 1]),
                    None if embeddings is None else embeddings[d],
                    self.frame,
                    self.frame,
                    observations.boxes[d],
                )
            )
        self._drop_duplicates()
        return self._report()

    def _take(self):
        self.next_id += 1
        return self.next_id - 1

    def _predict(self):
        if not self.lives:
            return
        b = Belief.join([t.belief for t in self.lives])
        if self.config.zero_lost:
            lost = np.array([t.stage is Stage.LOST for t in self.lives])
            v = b.velocity.copy()
            v[lost, 3] = 0
            v[lost, 2] = 0
            b = replace(b, velocity=v)
        b = kalman.predict(b, self.dt)
        for i, t in enumerate(self.lives):
            t.belief = b.pick([i])

    def _update(self, matched, obs, emb, measured):
        if not matched:
            return
        rows = list(matched)
        cols = [matched[r] for r in rows]
        b = kalman.update(Belief.join([self.lives[r].belief for r in rows]), measured[cols])
        for k, (r, d) in enumerate(zip(rows, cols)):
            t = self.lives[r]
            t.belief = b.pick([k])
            if t.id == 0:
                t.id = self._take()
            t.stage = Stage.TRACKED
            t.score = float(obs.scores[d])
            t.seen = self.frame
            t.box = obs.boxes[d]
            if emb is not None and obs.scores[d] >= self.config.conf_thres:
                m = self.config.memory
                from vistream.tracking.similarity import unit_vectors

                t.vectors = (
                    emb[d] if m == 0 or t.vectors is None else unit_vectors(m * t.vectors + (1 - m) * emb[d])
                )

    def _boxes(self, rows):
        if not len(rows):
            return np.zeros((0, 4))
        if not self.config.use_motion:
            return np.array([self.lives[r].box for r in rows])
        return kalman.to_boxes(np.concatenate([self.lives[r].belief.position for r in rows]))

    def _iou(self, rows, cols, obs):
        a, b = self._boxes(rows), obs.boxes[cols]
        e = self.config.expand
        if e:

            def ex(x):
                x = x.copy()
                x[:, :2] -= e * x[:, 2:]
                x[:, 2:] *= 1 + 2 * e
                return x

            a, b = ex(a), ex(b)
        cost = 1 - iou(a, b)
        return np.where(
            same_label([self.lives[r].label for r in rows], [obs.labels[d] for d in cols]), cost, np.inf
        )

    def _fused(self, rows, cols, obs, emb, measured):
        c = self.config
        if not len(rows) or not len(cols):
            return np.zeros((len(rows), len(cols)))
        m2 = kalman.mahalanobis(Belief.join([self.lives[r].belief for r in rows]), measured[cols])
        i = self._iou(rows, cols, obs)
        if emb is not None:
            a = 1 - reconstruction_similarity([self.lives[r].vectors for r in rows], [emb[d] for d in cols])
        else:
            a = np.ones_like(i)
        if c.fuse == "spec":
            cost = a
            if c.use_motion:
                cost = (1 - c.motion_weight) * a + c.motion_weight * m2
        elif c.fuse == "sum":
            cost = (1 - c.iou_weight) * a + c.iou_weight * i
        elif c.fuse == "maha":
            cost = (1 - c.iou_weight) * a + c.iou_weight * m2 / c.gate
        elif c.fuse == "min":
            a2 = np.where((a > c.app_gate) | (i > 0.99), 1, a * 0.5)
            cost = np.minimum(a2, i)
        cost = np.where(np.isfinite(i), cost, np.inf)
        if c.use_motion and c.gate:
            cost = np.where(m2 > c.gate, np.inf, cost)
        return cost

    def _drop_duplicates(self):
        tr = [i for i, t in enumerate(self.lives) if t.stage is Stage.TRACKED]
        lo = [i for i, t in enumerate(self.lives) if t.stage is Stage.LOST]
        if not tr or not lo:
            return
        d = 1 - iou(self._boxes(tr), self._boxes(lo))
        dead = set()
        for p, q in zip(*np.nonzero(d < self.config.duplicate)):
            a, b = self.lives[tr[p]], self.lives[lo[q]]
            if a.label != b.label:
                continue
            dead.add(tr[p] if b.born < a.born else lo[q])
        self.lives = [t for i, t in enumerate(self.lives) if i not in dead]

    def _report(self):
        out = []
        limit = round(self.config.coast * self.fps)
        for t in self.lives:
            if t.id == 0 or self.frame - t.seen > limit:
                continue
            if self.config.smooth or t.seen != self.frame:
                box = kalman.to_boxes(t.belief.position)[0]
            else:
                box = t.box
            out.append(Track(t.id, tuple(float(v) for v in box), t.score, t.label))
        return tuple(sorted(out, key=lambda t: t.id))
