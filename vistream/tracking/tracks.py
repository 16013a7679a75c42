"""The tracker: tracks are born, confirmed, matched, lost, found again and removed. Online: no frame is revised.

Tasks embed what they observe (boxes, masks, skeletons) and hand observations and embeddings to `Tracker.step`, which
treats them all alike. The order of matches is that of JDE (Wang et al., "Towards real-time multi-object tracking",
ECCV 2020), which UniTrack took over, with a second look at weak detections after ByteTrack (Zhang et al., ECCV 2022).
The first cost is a weighted sum of appearance and IoU distance inside the Kalman gate, where UniTrack adds 2 % of
the Mahalanobis distance instead: better at low frame rates, and it does without appearance as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.tracking import kalman
from vistream.tracking.assignment import assign, iou, same_label
from vistream.tracking.kalman import Belief
from vistream.tracking.life import UNKNOWN_FPS, Counts, Life, Stage, TrackerConfig
from vistream.tracking.similarity import Vectors, reconstruction_similarity, unit_vectors
from vistream.types import Observations, Track

Array = NDArray[np.float64]
Embeddings = Sequence[Vectors]


@dataclass(frozen=True, slots=True)
class _Scene:
    """One frame as the tracker gets it; `measured` are the boxes as the Kalman filter measures them."""

    observations: Observations
    embeddings: Embeddings | None
    measured: Array

    def labels(self, rows: list[int]) -> list[str]:
        return [self.observations.labels[row] for row in rows]


class Tracker:
    """Follows whatever is observed through one video. `lives` and `counts` are its whole state, open to readers.

    `fps` is the rate at which `step` is called.
    """

    def __init__(self, config: TrackerConfig, fps: float = UNKNOWN_FPS) -> None:
        if not 0 < fps < float("inf"):
            raise VistreamError(f"fps is {fps}: it must be a positive number (take {UNKNOWN_FPS:g} if unknown)")
        self.config = config
        self.dt = UNKNOWN_FPS / fps
        self.buffer_frames = max(1, round(config.track_buffer * fps))
        self.coast_frames = round(config.coast * fps)
        self.reset()

    def reset(self) -> None:
        """Forget everything; ids start at 1 again."""
        self.lives: list[Life] = []
        self.counts = Counts()

    def step(self, observations: Observations, embeddings: Embeddings | None) -> tuple[Track, ...]:
        """The tracks of the next frame, by id.

        `embeddings`: for each observation a float32 `[n, C]` from `similarity.unit_vectors`; None: no appearance.
        """
        first = self.counts.frames == 0
        strong = observations.scores >= self.config.conf_thres
        weak = ~strong & (observations.scores >= self.config.low_thres)
        scene = _Scene(observations, embeddings, kalman.measure(observations.boxes))
        self._predict()
        matches, unclaimed = self._match(scene, strong, weak)
        self._correct(scene, matches)
        self._age()
        self.lives += [self._newborn(scene, row, confirmed=first) for row in unclaimed]
        self._drop_duplicates()
        tracks = tuple(self._report(scene))
        self.counts = replace(
            self.counts,
            frames=self.counts.frames + 1,
            observations=self.counts.observations + len(observations),
            weak=self.counts.weak + int((~strong).sum()),
        )
        return tracks

    def _predict(self) -> None:
        """Move every belief to this frame. A lost track keeps its size: nothing confirms that it grows or shrinks."""
        if not self.lives or not self.config.use_motion:
            return
        belief = self._belief(self.lives)
        lost = np.array([life.stage is Stage.LOST for life in self.lives])
        velocity = belief.velocity.copy()
        velocity[lost, 2:] = 0.0
        belief = kalman.predict(replace(belief, velocity=velocity), self.dt)
        for i, life in enumerate(self.lives):
            life.belief = belief.pick([i])

    def _match(
        self, scene: _Scene, strong: NDArray[np.bool_], weak: NDArray[np.bool_]
    ) -> tuple[dict[int, int], list[int]]:
        """`{index of life: row of observation}`, and the rows of strong observations that no track claimed."""
        matches: dict[int, int] = {}
        config = self.config

        def run(rows: list[int], columns: list[int], cost: Array, limit: float) -> tuple[list[int], list[int]]:
            pairs = assign(cost, limit)
            matches.update({rows[r]: columns[c] for r, c in pairs})
            used_rows, used_columns = {r for r, _ in pairs}, {c for _, c in pairs}
            return (
                [row for r, row in enumerate(rows) if r not in used_rows],
                [column for c, column in enumerate(columns) if c not in used_columns],
            )

        known = [i for i, life in enumerate(self.lives) if life.stage is not Stage.NEW]
        new = [i for i, life in enumerate(self.lives) if life.stage is Stage.NEW]
        high, low = np.flatnonzero(strong).tolist(), np.flatnonzero(weak).tolist()
        cost = self._fused_cost(scene, known, high)
        known, high = run(known, high, cost, config.match_limit)
        seen = [i for i in known if self.lives[i].stage is Stage.TRACKED]
        seen, high = run(seen, high, self._overlap_cost(scene, seen, high), config.iou_limit)
        run(seen, low, self._overlap_cost(scene, seen, low), config.iou_limit)
        _, high = run(new, high, self._overlap_cost(scene, new, high), config.unconfirmed_limit)
        return matches, high

    def _overlap_cost(self, scene: _Scene, indices: list[int], rows: list[int]) -> Array:
        """IoU distance of predicted and observed boxes; infinite across labels."""
        lives = [self.lives[i] for i in indices]
        cost = 1.0 - iou(self._boxes(lives), scene.observations.boxes[rows])
        return np.where(same_label([life.label for life in lives], scene.labels(rows)), cost, np.inf)

    def _fused_cost(self, scene: _Scene, indices: list[int], rows: list[int]) -> Array:
        """Appearance and overlap (alone, for a track without vectors); infinite across labels and outside the gate."""
        cost = self._overlap_cost(scene, indices, rows)
        if not indices or not rows:
            return cost
        lives = [self.lives[i] for i in indices]
        remembered = {k: life.vectors for k, life in enumerate(lives) if life.vectors is not None}
        if scene.embeddings is not None and remembered:
            seen = [scene.embeddings[row] for row in rows]
            likeness = reconstruction_similarity(list(remembered.values()), seen)
            weight, known = self.config.iou_weight, list(remembered)
            cost[known] = weight * cost[known] + (1.0 - weight) * (1.0 - likeness)
        if self.config.use_motion:
            outside = kalman.mahalanobis(self._belief(lives), scene.measured[rows]) > kalman.GATE
            cost = np.where(outside, np.inf, cost)
        return cost

    def _correct(self, scene: _Scene, matches: dict[int, int]) -> None:
        """Bring each matched track up to date with its observation."""
        for life in self.lives:
            life.row = None
        if not matches:
            return
        rows = list(matches.values())
        if self.config.use_motion:
            belief = kalman.update(self._belief([self.lives[i] for i in matches]), scene.measured[rows])
        else:
            belief = kalman.initiate(scene.measured[rows])
        for k, (i, row) in enumerate(matches.items()):
            life = self.lives[i]
            life.id = life.id or self._next_id()
            life.stage = Stage.TRACKED
            life.score = float(scene.observations.scores[row])
            life.belief = belief.pick([k])
            life.seen, life.row = self.counts.frames, row
            life.hits += 1
            # a weak detection is mostly of a half-hidden object: its looks are not worth remembering
            if scene.embeddings is not None and life.score >= self.config.conf_thres:
                life.vectors = self._remember(life.vectors, scene.embeddings[row])

    def _remember(self, old: Vectors | None, now: Vectors) -> Vectors:
        """The exponential mean, where vectors of two frames correspond at all (boxes: always; masks: seldom)."""
        if old is None or old.shape != now.shape or self.config.memory == 0:
            return now
        return unit_vectors(np.float32(self.config.memory) * old + np.float32(1 - self.config.memory) * now)

    def _age(self) -> None:
        """What was not matched becomes lost, and goes when it was lost too long or never confirmed."""
        now = self.counts.frames
        alive = [life for life in self.lives if life.row is not None or life.stage is not Stage.NEW]
        self.lives = [life for life in alive if now - life.seen <= self.buffer_frames]
        for life in self.lives:
            if life.row is None:
                life.stage = Stage.LOST

    def _newborn(self, scene: _Scene, row: int, confirmed: bool) -> Life:
        return Life(
            id=self._next_id() if confirmed else 0,
            stage=Stage.TRACKED if confirmed else Stage.NEW,
            label=scene.observations.labels[row],
            score=float(scene.observations.scores[row]),
            belief=kalman.initiate(scene.measured[[row]]),
            vectors=None if scene.embeddings is None else scene.embeddings[row],
            born=self.counts.frames,
            seen=self.counts.frames,
            row=row,
        )

    def _drop_duplicates(self) -> None:
        """Where a tracked and a lost track lie on each other, the younger goes."""
        tracked = [life for life in self.lives if life.stage is Stage.TRACKED]
        lost = [life for life in self.lives if life.stage is Stage.LOST]
        close = 1.0 - iou(self._boxes(tracked), self._boxes(lost)) < self.config.duplicate
        close &= same_label([life.label for life in tracked], [life.label for life in lost])
        gone = {id(tracked[i] if lost[j].born < tracked[i].born else lost[j]) for i, j in np.argwhere(close).tolist()}
        self.lives = [life for life in self.lives if id(life) not in gone]

    def _report(self, scene: _Scene) -> Iterator[Track]:
        """Confirmed tracks matched in this frame, and the long-standing ones that only just went missing."""
        masks, keypoints = scene.observations.masks, scene.observations.keypoints
        for life in sorted(self.lives, key=lambda life: life.id):
            coasts = life.hits >= self.config.coast_hits and self.counts.frames - life.seen <= self.coast_frames
            if life.id == 0 or (life.row is None and not coasts):
                continue
            x, y, w, h = kalman.to_boxes(life.belief.position)[0].tolist()
            yield Track(
                life.id,
                (x, y, w, h),
                life.score,
                life.label,
                None if masks is None or life.row is None else masks[life.row],
                None if keypoints is None or life.row is None else keypoints[life.row],
            )

    def _next_id(self) -> int:
        self.counts = replace(self.counts, tracks=self.counts.tracks + 1)
        return self.counts.tracks

    @staticmethod
    def _belief(lives: list[Life]) -> Belief:
        return Belief.join([life.belief for life in lives])

    def _boxes(self, lives: list[Life]) -> Array:
        return kalman.to_boxes(self._belief(lives).position)
