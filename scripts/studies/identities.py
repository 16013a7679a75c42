"""What dead zones cost in tracks: HOTA, IDF1 and identity switches, less those of `exact`.

    PYTHONPATH=scripts python scripts/studies/identities.py ../shared/data nanodet-g --models detector

One clip says little, for one identity more or less moves it by three points. So each is played forwards, mirrored and
backwards, and detections are taken as they are, and twice more with 3 % of them dropped and 2 % of their size shaken.
`DETECTIONS`: `public`, or `nanodet-g`, which is streamed at each fidelity and takes the appearance of `--models`:
`detector` stands for its own maps. `exact` always has EfficientNet-Lite0's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from association.cases import Case, ready
from association.cases import Sequence as Prepared
from association.clips import CLIPS
from association.study import Found, Score, score
from common import parser_of, print_table
from numpy.typing import NDArray

from vistream.detect.nanodet_g import NanodetGDetector
from vistream.detect.selection import Selection
from vistream.detect.streaming import SharedFeatures, Streaming
from vistream.engine.fidelity import PRESETS
from vistream.media.video.source import open_source
from vistream.models.download import fetch
from vistream.pipeline.session import Session
from vistream.pipeline.sharing import OWN_MAPS
from vistream.quantize.named import DEFAULT_MODEL
from vistream.types import Frame, Observations

PLAYED = ("forwards", "mirrored", "backwards")
SCENES = ("PETS", "PETS-480", "TUD")
SEEDS = (0, 1, 2)  # 0: detections as they are
DROPPED, SHAKEN = 0.03, 0.02  # shares of the detections, and of their sizes


@dataclass(frozen=True, slots=True)
class Footage:
    """A clip as it is played: its frames, and true boxes and public detections by frame."""

    frames: list[Frame]
    known: Prepared


def played(root: Path, name: str, how: str, most: int | None) -> Footage:
    """A clip, played `how`; `most`: frames, from its first."""
    known = ready(root, Case(name))
    with open_source(str(root / CLIPS[name].video), max_frames=most) as source:
        frames = [frame.image for frame in source]
    truth, seen = known.truth[: len(frames)], known.seen[: len(frames)]
    if how == "backwards":
        frames, truth, seen = frames[::-1], truth[::-1], seen[::-1]
    if how == "mirrored":
        frames = [np.ascontiguousarray(frame[:, ::-1]) for frame in frames]
        truth = [(ids, mirrored(boxes, frames[0])) for ids, boxes in truth]
        seen = [replace(one, boxes=mirrored(one.boxes, frames[0])) for one in seen]
    return Footage(frames, replace(known, numbers=range(len(frames)), truth=truth, seen=seen))


def mirrored(boxes: NDArray[np.float64], frame: Frame) -> NDArray[np.float64]:
    """Boxes (x, y, w, h) as the mirrored frame shows them."""
    return np.column_stack([frame.shape[1] - boxes[:, 0] - boxes[:, 2], boxes[:, 1:]])


def people_detector(fidelity: str) -> NanodetGDetector:
    """NanoDet-g, streamed, of people only."""
    people = Selection(classes=frozenset({"person"}))
    return NanodetGDetector(fetch("nanodet-g"), people, Streaming(PRESETS[fidelity]))


class Run:
    """A session, given detections by its seed, and what it has reported of each frame."""

    def __init__(self, session: Session, seed: int) -> None:
        self.found: Found = []
        self._session, self._seed, self._random = session, seed, np.random.default_rng(seed)

    def step(self, frame: Frame, seen: Observations, maps: SharedFeatures | None) -> None:
        """Take the next frame; `maps`: the detector's own, None: the session's network looks at the frame."""
        given = seen if self._seed == 0 else perturbed(seen, self._random)
        result = self._session.step(frame, given, features=maps)
        tracks = [track for track in result.tracks if track.seen or track.covered]
        boxes = np.array([track.box for track in tracks]).reshape(-1, 4)
        self.found.append((np.array([track.id for track in tracks], np.int64), boxes))


def tracked(footage: Footage, fidelity: str, model: str, streamed: bool) -> Iterator[Score]:
    """The score by each seed."""
    detector = people_detector(fidelity) if streamed else None
    own = model == OWN_MAPS
    network, fps = None if own else model, footage.known.fps
    runs = [Run(Session("mot", fidelity, network, fps=fps, close=streamed), seed) for seed in SEEDS]
    for number, frame in enumerate(footage.frames):
        seen = footage.known.seen[number] if detector is None else detector.detect(frame, number)
        maps = detector.features() if own and detector is not None else None
        for run in runs:
            run.step(frame, seen, maps)
    yield from (score(footage.known, run.found) for run in runs)


def perturbed(seen: Observations, random: np.random.Generator) -> Observations:
    """Without some of the detections, and the others shaken."""
    kept = seen.pick(random.random(len(seen)) >= DROPPED)
    return replace(
        kept, boxes=kept.boxes + SHAKEN * kept.boxes[:, [2, 3, 2, 3]] * random.standard_normal((len(kept), 4))
    )


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("detections", choices=("public", "nanodet-g"))
    parser.add_argument("--clips", nargs="*", choices=SCENES, default=list(SCENES))
    parser.add_argument("--played", nargs="*", choices=PLAYED, default=list(PLAYED))
    parser.add_argument("--models", nargs="*", choices=(DEFAULT_MODEL, OWN_MAPS), default=[DEFAULT_MODEL])
    parser.add_argument("--frames", type=int, help="of each clip, at the most")
    options = parser.parse_args()
    streamed = options.detections != "public"
    less: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    for name in options.clips:
        footages = [played(options.root, name, how, options.frames) for how in options.played]

        def scores(fidelity: str, model: str, footages: list[Footage] = footages) -> NDArray[np.float64]:
            found = [one for footage in footages for one in tracked(footage, fidelity, model, streamed)]
            return np.array([(one.hota, one.idf1, one.switches) for one in found])

        exact = scores("exact", DEFAULT_MODEL)
        for fidelity, model in product(("high", "fast"), options.models):
            less.setdefault((fidelity, model), []).append(scores(fidelity, model) - exact)
    rows = []
    for (fidelity, model), clips in less.items():
        means = [*(clip.mean(0) for clip in clips), np.mean([clip.mean(0) for clip in clips], axis=0)]
        cells = [f"{hota:+.1f} / {idf1:+.1f} / {switches:+.1f}" for hota, idf1, switches in means]
        rows.append([fidelity, model, *cells, f"{np.mean([clip[:, 0].std() for clip in clips]):.1f}"])
    print_table(["fidelity", "appearance", *options.clips, "mean", "deviation of HOTA"], rows)


if __name__ == "__main__":
    main()
