"""The tracker: tracks are born, confirmed, matched, lost, found again and removed. Online: no frame is revised.

Tasks embed what they observe (boxes, masks, skeletons) and hand observations and embeddings to `Tracker.step`, which
treats them all alike. Which track is which observation, `matching` decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.tracking import kalman
from vistream.tracking.crowding import covered, doubt, outside
from vistream.tracking.kalman import Belief
from vistream.tracking.life import UNKNOWN_FPS, Counts, Life, Stage, TrackerConfig, belief_of, boxes_of
from vistream.tracking.matching import Matcher
from vistream.tracking.noise import NoiseModel, Recent
from vistream.tracking.scene import Embeddings, Scene
from vistream.tracking.similarity import Vectors, unit_vectors
from vistream.tracking.sizes import SizeModel
from vistream.types import Box, Observations, Track, Warp

Array = NDArray[np.float64]

BESIDE = 0.8  # a new object has less than this of its box to itself: it may be a false detection of two others
LEAVING = 0.5  # share of its box outside the frame from which an object leaves it
BEHIND = 0.5  # share of its box that the detection of another object covers, from which an object is behind that
UNSURE = 0.2  # deviation, in shares of its size, from which it is not known any more where behind
HALF_SEEN = 0.5  # of the last score: that of an object which is behind another


class Tracker:
    """Follows whatever is observed through one video.

    `fps` is the rate at which `step` is called.
    """

    def __init__(self, config: TrackerConfig, fps: float = UNKNOWN_FPS) -> None:
        if not 0 < fps < float("inf"):
            raise VistreamError(f"fps is {fps}: it must be a positive number (take {UNKNOWN_FPS:g} if unknown)")
        self.config = config
        self.fps = fps
        self.buffer_frames = max(1, round(config.track_buffer * fps))
        self.away_frames = max(self.buffer_frames, round(config.away * fps))
        self.exact_frames = round(config.exact_buffer * fps)
        self.coast_frames = round(config.coast * fps)
        self.slowing = float(np.exp(-1.0 / (config.pause * fps))) if config.pause else 0.0
        self.reset()

    def reset(self) -> None:
        """Forget everything; ids start at 1 again."""
        self.lives: list[Life] = []
        self.counts = Counts()
        self.noise = NoiseModel(self.fps)
        self.sizes = SizeModel(self.fps)
        self.matcher = Matcher(self.config)

    def step(
        self,
        observations: Observations,
        embeddings: Embeddings | None,
        camera: Warp | None = None,
        size: tuple[float, float] | None = None,
    ) -> tuple[Track, ...]:
        """The tracks of the next frame, by id.

        `embeddings`: of the observations that are `compared`, by row; None: no appearance.
        `camera`: its motion since the last frame, None if there was none. `size`: (width, height) of the frame, in
        pixels; None: where it ends is not known.
        """
        first = self.counts.frames == 0
        strong = self._strong(observations)
        weak = ~strong & (observations.scores >= self.config.low_thres)
        scene = Scene.of(observations, strong, embeddings, size)
        if camera is not None:
            self._follow(camera)
        self._predict()
        matches, unclaimed = self.matcher.match(self.lives, scene, weak, self.noise.noise)
        if not first:
            self.matcher.learn_rates(self.lives, matches, len(unclaimed))
        self._correct(scene, matches)
        self._age(size)
        self.lives += [self._newborn(scene, row, confirmed=first or self.config.min_hits == 1) for row in unclaimed]
        tracks = tuple(self._report(scene))
        self.counts = replace(
            self.counts,
            frames=self.counts.frames + 1,
            observations=self.counts.observations + len(observations),
            weak=self.counts.weak + int((~strong).sum()),
        )
        return tracks

    def compared(self, observations: Observations) -> list[int]:
        """The rows of the observations that `step` wants embeddings of: weak ones are matched by overlap alone."""
        worth = self._strong(observations) | (observations.scores >= self.config.conf_thres)
        return [int(row) for row in np.flatnonzero(worth)]

    def _strong(self, observations: Observations) -> NDArray[np.bool_]:
        """Which of them may start a track and enter the first round, bool `[N]`."""
        special = dict(self.config.class_conf)
        least = [special.get(label, self.config.conf_thres) for label in observations.labels]
        return np.asarray(observations.scores >= np.array(least, dtype=np.float64))

    def _follow(self, camera: Warp) -> None:
        """Take everything that is remembered of places along with the camera."""
        scale = kalman.scale_of(camera)
        for life in self.lives:
            life.belief, life.turned = kalman.warp(life.belief, camera), True
            life.recent.measured = [kalman.warp_edges(place[None], camera)[0] for place in life.recent.measured]
            life.size.zoom(scale)

    def _predict(self) -> None:
        """Move every belief to this frame. A lost track keeps its size and slows down: nothing confirms either."""
        if not self.lives or not self.config.use_motion:
            return
        belief = belief_of(self.lives)
        lost = np.array([life.stage is Stage.LOST for life in self.lives])
        velocity = np.where(lost[:, None], self.slowing * kalman.rigid(belief.velocity), belief.velocity)
        belief = kalman.predict(replace(belief, velocity=velocity), self.noise.noise)
        for i, life in enumerate(self.lives):
            life.belief = belief.at(i)

    def _correct(self, scene: Scene, matches: dict[int, int]) -> None:
        """Bring each matched track up to date with its observation."""
        for life in self.lives:
            life.row = None
        if matches:
            rows = list(matches.values())
            doubts = self._doubt(scene, matches)
            if self.config.use_motion:
                before = belief_of([self.lives[i] for i in matches])
                belief = kalman.update(before, scene.measured[rows], self.noise.noise, doubts)
            else:
                belief = kalman.initiate(scene.measured[rows], self.noise.noise)
            for k, (i, row) in enumerate(matches.items()):
                self.lives[i].doubt = float(doubts[k])
                self._confirm(self.lives[i], belief.at(k), scene, row)
            self.noise.settle()

    def _doubt(self, scene: Scene, matches: dict[int, int]) -> Array:
        """By how much the noise of each matched observation grows, from 1."""
        missing = [
            life
            for i, life in enumerate(self.lives)
            if i not in matches and life.stage is not Stage.NEW and self.counts.frames - life.seen <= max(1, self.fps)
        ]
        rows = list(matches.values())
        return doubt(scene.observations.boxes[rows], scene.strong[rows], boxes_of(missing))

    def _confirm(self, life: Life, belief: Belief, scene: Scene, row: int) -> None:
        if life.stage is not Stage.NEW or life.hits + 1 >= life.probation:
            life.id = life.id or self._next_id()
            life.stage = Stage.TRACKED
        life.score = float(scene.observations.scores[row])
        life.belief = belief
        self._learn(life, scene, row)
        life.seen, life.row, life.turned = self.counts.frames, row, False
        life.hits += 1
        label = scene.observations.labels[row]
        life.votes[label] = life.votes.get(label, 0.0) + life.score
        # a weak detection is mostly of a half-hidden object: its appearance is not worth remembering
        if scene.embeddings is not None and life.score >= self.config.conf_thres:
            life.vectors = self._remember(life.vectors, scene.embeddings[row])

    def _learn(self, life: Life, scene: Scene, row: int) -> None:
        """What a track's observation says of noise and sizes; `life.seen` is still the frame of the one before."""
        box, frames = scene.box(row), self.counts.frames - life.seen
        if frames > 1:
            life.recent.gap()
            life.size.gap()
        if scene.strong[row]:
            self.noise.learn(life.recent, scene.measured[row])
        else:
            life.recent.gap()
        if life.doubt > 1.0:
            life.size.gap()
        else:
            self.sizes.learn(life.size, box)
        self.sizes.correct(life.size, box, frames, life.doubt)

    def _remember(self, old: Vectors | None, now: Vectors) -> Vectors:
        """The exponential mean, where vectors of two frames correspond at all (boxes: always; masks: seldom)."""
        if old is None or old.shape != now.shape or self.config.memory == 0:
            return now
        return unit_vectors(np.float32(self.config.memory) * old + np.float32(1 - self.config.memory) * now)

    def _age(self, size: tuple[float, float] | None) -> None:
        """What was not matched becomes lost, and goes when it was lost too long or never confirmed."""
        alive = [life for life in self.lives if life.row is not None or life.stage is not Stage.NEW]
        lost_for = np.array([self.counts.frames - life.seen for life in alive])
        self.lives = [alive[i] for i in np.flatnonzero(lost_for <= self._remembered(alive, size))]
        for life in self.lives:
            if life.row is None:
                life.stage = Stage.LOST

    def _remembered(self, lives: list[Life], size: tuple[float, float] | None) -> Array:
        """For how many frames each of them is kept without being seen, `[N]`."""
        kept = np.where([life.turned for life in lives], float(self.away_frames), self.buffer_frames)
        exact = self.noise.exactness * self.exact_frames
        if size is None or exact <= self.buffer_frames or not lives:
            return kept
        # what vanished inside the frame must still be there; what left it may have gone for good
        inside = outside(boxes_of(lives), size) < LEAVING
        return np.where(inside, np.maximum(kept, exact), kept)

    def _newborn(self, scene: Scene, row: int, confirmed: bool) -> Life:
        rough = (1.0 - self.noise.exactness) if scene.apart[row] < BESIDE else 0.0
        least = self.config.min_hits
        return Life(
            id=self._next_id() if confirmed else 0,
            stage=Stage.TRACKED if confirmed else Stage.NEW,
            votes={scene.observations.labels[row]: float(scene.observations.scores[row])},
            score=float(scene.observations.scores[row]),
            belief=kalman.initiate(scene.measured[[row]], self.noise.noise),
            size=self.sizes.begin(scene.box(row)),
            vectors=None if scene.embeddings is None else scene.embeddings[row],
            seen=self.counts.frames,
            row=row,
            probation=least + round(rough * max(0, self.config.probation - least)),
            recent=Recent([scene.measured[row]]),
        )

    def _report(self, scene: Scene) -> Iterator[Track]:
        """Confirmed tracks matched in this frame, and the long-standing ones that only just went missing."""
        masks, keypoints = scene.observations.masks, scene.observations.keypoints
        alone = masks is None and keypoints is None  # a box that belongs to a mask or a skeleton stays with it
        behind = self._behind(scene) if alone else set()
        for life in sorted(self.lives, key=lambda life: life.id):
            coasts = life.hits >= self.config.coast_hits and self.counts.frames - life.seen <= self.coast_frames
            if life.id == 0 or (life.row is None and not coasts and life.id not in behind):
                continue
            yield Track(
                life.id,
                self._box(life, scene, alone),
                life.score * (HALF_SEEN if life.id in behind else 1.0),
                life.label,
                None if masks is None or life.row is None else masks[life.row],
                None if keypoints is None or life.row is None else keypoints[life.row],
                seen=life.row is not None,
                covered=life.id in behind,
            )

    def _box(self, life: Life, scene: Scene, alone: bool) -> Box:
        """Where a track is reported: what was measured, as far as that is exact, and what is believed."""
        x, y, w, h = kalman.to_boxes(life.belief.position)[0].tolist()
        believed = life.size.around((x, y, w, h)) if self.config.use_motion else (x, y, w, h)
        if life.row is None:
            return believed
        exactness = self.noise.exactness / life.doubt if alone else 1.0
        x, y, w, h = (b + exactness * (m - b) for b, m in zip(believed, scene.box(life.row), strict=True))
        return x, y, w, h

    def _behind(self, scene: Scene) -> set[int]:
        """The ids of the long-standing tracks that are missing because the detection of another covers them."""
        missing = [life for life in self.lives if life.row is None and life.hits >= self.config.coast_hits]
        if not missing or not self.config.use_motion or not self.config.coast:
            return set()
        rows = [life.row for life in self.lives if life.row is not None and life.id]
        share = covered(boxes_of(missing), scene.observations.boxes[rows])
        known = (share >= BEHIND) & (kalman.uncertainty(belief_of(missing)) < UNSURE)
        return {missing[i].id for i in np.flatnonzero(known)}

    def state_dict(self) -> dict[str, Any]:
        """All that is remembered of the video: numbers, arrays, and the dataclasses of `life` and `kalman`."""
        return {
            "lives": self.lives,
            "counts": self.counts,
            "noise": self.noise.state_dict(),
            "sizes": self.sizes.state_dict(),
            **self.matcher.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a tracker with the same options was. The state is taken over, not copied."""
        self.lives, self.counts = list(state["lives"]), state["counts"]
        self.noise.load_state_dict(state["noise"])
        self.sizes.load_state_dict(state["sizes"])
        self.matcher.load_state_dict(state)

    def _next_id(self) -> int:
        self.counts = replace(self.counts, tracks=self.counts.tracks + 1)
        return self.counts.tracks
