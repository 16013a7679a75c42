"""Which track is seen in which observation of a frame, and what matches teach about rates and appearance.

In the first round the evidence (`evidence`) decides, of place, size, appearance and class; the rounds after it, after
JDE (Wang et al., ECCV 2020) and ByteTrack (Zhang et al., ECCV 2022), take what is left by overlap, weak detections too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.tracking.assignment import assign, iou, same_label
from vistream.tracking.crowding import outside
from vistream.tracking.evidence import AppearanceModel, Rates, position_evidence
from vistream.tracking.kalman import Noise
from vistream.tracking.life import Life, Stage, TrackerConfig, belief_of, boxes_of
from vistream.tracking.scene import Scene
from vistream.tracking.similarity import reconstruction_similarity

Array = NDArray[np.float64]
Cost = Callable[[list[Life], list[int]], Array]
"""Of each of some tracks for each of some rows of the observations."""

LEFT = 4.0  # nats against an object that was not seen any more and is predicted outside the frame
SURE = 2.0  # nats from which a pair teaches what appearance says


class Matcher:
    """Matches tracks and observations, frame by frame; what it has learned of them is its whole state."""

    def __init__(self, config: TrackerConfig) -> None:
        self.config = config
        self.appearance = AppearanceModel()
        self.rates = Rates()

    def match(
        self, lives: list[Life], scene: Scene, weak: NDArray[np.bool_], noise: Noise
    ) -> tuple[dict[int, int], list[int]]:
        """`{index of life: row of observation}`, and the rows of strong observations that no track claimed.

        `lives`: predicted for this frame. `weak`: the observations that may continue a track only, bool `[N]`.
        """
        matches: dict[int, int] = {}
        config = self.config

        def run(rows: list[int], columns: list[int], cost: Cost, limit: float) -> tuple[list[int], list[int]]:
            if not rows or not columns:
                return rows, columns
            pairs = assign(cost([lives[i] for i in rows], columns), limit)
            matches.update({rows[r]: columns[c] for r, c in pairs})
            used_rows, used_columns = {r for r, _ in pairs}, {c for _, c in pairs}
            return (
                [row for r, row in enumerate(rows) if r not in used_rows],
                [column for c, column in enumerate(columns) if c not in used_columns],
            )

        def unlikely(some: list[Life], columns: list[int]) -> Array:
            return -self._evidence(scene, some, columns, noise)

        def apart(some: list[Life], columns: list[int]) -> Array:
            return _overlap_cost(scene, some, columns)

        known = [i for i, life in enumerate(lives) if life.stage is not Stage.NEW]
        new = [i for i, life in enumerate(lives) if life.stage is Stage.NEW]
        high, low = np.flatnonzero(scene.strong).tolist(), np.flatnonzero(weak).tolist()
        known, high = run(known, high, unlikely, config.newness)
        seen = [i for i in known if lives[i].stage is Stage.TRACKED]
        seen, high = run(seen, high, apart, config.iou_limit)
        run(seen, low, apart, config.weak_limit)
        _, high = run(new, high, unlikely, config.newness)
        return matches, high

    def learn_rates(self, lives: list[Life], matches: Mapping[int, int], new: int) -> None:
        """Count which of the tracks were matched, before any is brought up to date, and the `new` observations."""
        tracked = [i for i, life in enumerate(lives) if life.stage is Stage.TRACKED]
        lost = [i for i, life in enumerate(lives) if life.stage is Stage.LOST]
        seen, found = sum(i in matches for i in tracked), sum(i in matches for i in lost)
        self.rates.learn(seen=seen, missed=len(tracked) - seen, found=found, hidden=len(lost) - found)
        self.rates.learn(old=len(matches), new=new)

    def _evidence(self, scene: Scene, lives: list[Life], rows: list[int], noise: Noise) -> Array:
        """Nats for each track's being each observation, rather than that being something new: `[N, D]`."""
        evidence = position_evidence(belief_of(lives), scene.measured[rows], noise)
        held = np.array([life.stage is not Stage.LOST for life in lives])
        evidence += self.rates.odds(held)[:, None]
        if scene.size is not None:
            evidence -= LEFT * np.where(held, 0.0, outside(boxes_of(lives), scene.size))[:, None]
        same = same_label([life.label for life in lives], scene.labels(rows))
        evidence -= np.where(same, 0.0, self.config.other_class)
        remembered = {k: life.vectors for k, life in enumerate(lives) if life.vectors is not None}
        if scene.embeddings is not None and remembered:
            likeness = reconstruction_similarity(list(remembered.values()), [scene.embeddings[row] for row in rows])
            says = self.appearance.evidence(likeness)
            # what speaks against a half-hidden object may be what hides it
            says = np.where(says < 0, says * scene.apart[rows], says)
            evidence[list(remembered)] += self.config.appearance * says
            self._learn_appearance(likeness, evidence[list(remembered)])
        return evidence

    def _learn_appearance(self, likeness: Array, evidence: Array) -> None:
        """The pairs that are each other's best by far are the same object, all others of theirs are different ones."""
        if min(evidence.shape) < 2:
            return
        pairs = [(r, c) for r, c in assign(-evidence, 0.0) if evidence[r, c] > SURE]
        if not pairs:
            return
        rows, columns = np.array(pairs).T
        others = np.ones(likeness.shape, bool)
        others[:, [c for c in range(likeness.shape[1]) if c not in set(columns.tolist())]] = False
        others[[r for r in range(likeness.shape[0]) if r not in set(rows.tolist())]] = False
        others[rows, columns] = False
        self.appearance.learn(likeness[rows, columns], likeness[others])

    def state_dict(self) -> dict[str, Any]:
        """What was learned of the video, by part."""
        return {"appearance": self.appearance.state_dict(), "rates": self.rates.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a matcher with the same options was."""
        self.appearance.load_state_dict(state["appearance"])
        self.rates.load_state_dict(state["rates"])


def _overlap_cost(scene: Scene, lives: list[Life], rows: list[int]) -> Array:
    """IoU distance of predicted and observed boxes; infinite across labels."""
    cost = 1.0 - iou(boxes_of(lives), scene.observations.boxes[rows])
    return np.where(same_label([life.label for life in lives], scene.labels(rows)), cost, np.inf)
