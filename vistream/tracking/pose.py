"""Pose tracking: skeletons in, ids out; or skeletons of one frame carried through the frames that follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.detect.coco import KEYPOINTS
from vistream.errors import VistreamError
from vistream.given import as_array
from vistream.tracking.life import UNKNOWN_FPS, Counts, TrackerConfig
from vistream.tracking.propagation import LabelPropagation, PropagationConfig
from vistream.tracking.region import frame_size, vectors_under
from vistream.tracking.similarity import unit_vectors
from vistream.tracking.skeleton import around, skeleton_mask
from vistream.tracking.tracks import Tracker
from vistream.types import FeatureMap, Features, Frame, Observations, Target, Track, Warp

Keypoints = NDArray[np.float64]

LABEL = "person"
SPREAD = 0.7  # of a joint's label, in cells: the narrowest that a grid of cells still shows wherever the joint lies


@dataclass(frozen=True)
class PoseConfig(TrackerConfig):
    """Options of `PoseTracker`, beside those of every tracker; a skeleton is not predicted, so `coast` is 0.

    `max_cells`: feature vectors taken of one skeleton, at the most. `propagation`: of skeletons that were given;
    `joint_cells`: so many of a joint's strongest cells say where it is; `least`: a label below this is no joint.
    """

    coast: float = 0.0
    max_cells: int = 400
    propagation: PropagationConfig = field(default_factory=PropagationConfig)
    joint_cells: int = 5
    least: float = 0.05


class PoseTracker:
    """Follows skeletons through one video, frame by frame.

    It joins what a detector observes; once skeletons are given with `add_object`, it carries those on instead and looks
    at no observations. `joints` names the keypoints; `fps` is the rate at which `step` is called.
    """

    def __init__(
        self, config: PoseConfig | None = None, fps: float = UNKNOWN_FPS, joints: Sequence[str] = KEYPOINTS
    ) -> None:
        self.config = config or PoseConfig()
        if self.config.coast:
            raise VistreamError("a skeleton is not predicted: coast must be 0")
        self.joints = tuple(joints)
        self._tracker = Tracker(self.config, fps)
        self._propagation = LabelPropagation(self.config.propagation)
        self.reset()

    @property
    def counts(self) -> Counts:
        """What came in and went out since the last reset."""
        return self._tracker.counts

    def reset(self) -> None:
        """Forget everything; ids start at 1 again."""
        self._tracker.reset()
        self._propagation.reset()
        self._given: dict[int, Keypoints] = {}
        self._alive: set[int] = set()
        self._next = 1

    def state_dict(self) -> dict[str, Any]:
        """All that is remembered of the video."""
        objects = {"given": self._given, "alive": self._alive, "next": self._next}
        return {"tracker": self._tracker.state_dict(), "propagation": self._propagation.state_dict(), **objects}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a tracker with the same options was."""
        self._tracker.load_state_dict(state["tracker"])
        self._propagation.load_state_dict(state["propagation"])
        self._given, self._alive, self._next = dict(state["given"]), set(state["alive"]), int(state["next"])

    def add_object(self, target: Target, identity: int | None = None) -> int:
        """Carry one more skeleton on from the next frame, where it is `target`, `[K, 3]`; returns its id.

        Raises VistreamError for something else than K keypoints (x, y, confidence), of which one is there.
        """
        keypoints = as_array("a skeleton", target, np.float64)
        shaped = keypoints.shape == (len(self.joints), 3)
        if not shaped or not (keypoints[:, 2] > 0).any() or not np.isfinite(keypoints[keypoints[:, 2] > 0]).all():
            raise VistreamError(f"a skeleton must be {len(self.joints)} keypoints (x, y, confidence), one of them seen")
        identity = self._next if identity is None else identity
        self._next = max(self._next, identity + 1)
        self._given[identity] = keypoints
        self._alive.add(identity)
        return identity

    def remove_object(self, identity: int) -> None:
        """Carry a skeleton on no longer. Raises VistreamError where there is no such skeleton."""
        if identity not in self._alive:
            raise VistreamError(f"there is no object {identity} to be removed")
        self._alive.remove(identity)
        self._given.pop(identity, None)
        for key in self._keys(identity):
            self._propagation.forget(key)

    def step(
        self,
        features: Features | None,
        observations: Observations,
        camera: Warp | None = None,
        frame: Frame | None = None,
    ) -> tuple[Track, ...]:
        """The people of the next frame, by id, each with keypoints. `camera`: its motion since the last frame.

        `frame`: uint8 `[H, W, 3]`, whose colours are compared where skeletons are carried on.
        Raises VistreamError for observations without keypoints, or with others than `joints` names.
        """
        if self._alive:
            if features is None:
                raise VistreamError("skeletons are carried on by appearance: that needs a model")
            return self._carry(features.within(), frame)
        keypoints = observations.keypoints
        if len(observations) and keypoints is None:
            raise VistreamError("the task pose needs keypoints for every detection: these have none")
        if keypoints is not None and keypoints.shape[1] != len(self.joints):
            raise VistreamError(f"detections have {keypoints.shape[1]} keypoints, and joints name {len(self.joints)}")
        if features is None or keypoints is None:
            return self._tracker.step(observations, None, camera)
        width, height = frame_size(features)
        size = round(width), round(height)
        rows = self._tracker.compared(observations)
        masks = [skeleton_mask(keypoints[row], self.joints, size) for row in rows]
        regions = vectors_under(features, masks, self.config.max_cells)
        embeddings = {row: unit_vectors(vectors) for row, vectors in zip(rows, regions, strict=True)}
        return self._tracker.step(observations, embeddings, camera, frame_size(features))

    def _keys(self, identity: int) -> range:
        return range(identity * len(self.joints), (identity + 1) * len(self.joints))

    def _carry(self, features: FeatureMap, frame: Frame | None) -> tuple[Track, ...]:
        given, self._given = self._given, {}
        labels = {
            key: joint_label(point, features)
            for identity, keypoints in given.items()
            for key, point in zip(self._keys(identity), keypoints, strict=True)
            if point[2] > 0
        }
        soft = self._propagation.step(features.values, labels, frame)
        tracks = []
        for identity in sorted(self._alive):
            keypoints = np.array([self._joint(soft.get(key), features) for key in self._keys(identity)])
            keypoints = given.get(identity, keypoints)
            if (keypoints[:, 2] > 0).any():
                score = float(keypoints[keypoints[:, 2] > 0, 2].mean())
                tracks.append(Track(identity, around(keypoints), min(score, 1.0), LABEL, None, keypoints))
        return tuple(tracks)

    def _joint(self, label: NDArray[np.float32] | None, features: FeatureMap) -> tuple[float, float, float]:
        """(x, y, confidence): the mean of the strongest cells, weighted by their labels."""
        if label is None or float(label.max()) < self.config.least:
            return 0.0, 0.0, 0.0
        best = np.argsort(-label, axis=None, kind="stable")[: self.config.joint_cells]
        rows, columns = np.unravel_index(best, label.shape)
        weight = label.ravel()[best].astype(np.float64)
        x = float(weight @ (columns + 0.5) / weight.sum()) * features.stride[0]
        y = float(weight @ (rows + 0.5) / weight.sum()) * features.stride[1]
        return x, y, min(float(label.max()), 1.0)


def joint_label(point: Keypoints, features: FeatureMap) -> NDArray[np.float32]:
    """A joint at (x, y) as a label `[h, w]`: a Gaussian of `SPREAD` cells, 1 at its centre."""
    height, width = features.values.shape[:2]
    across = np.arange(width) + 0.5 - point[0] / features.stride[0]
    down = np.arange(height) + 0.5 - point[1] / features.stride[1]
    return np.asarray(np.exp(-0.5 * (down[:, None] ** 2 + across**2) / SPREAD**2), dtype=np.float32)
