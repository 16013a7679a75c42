"""From which score on a box should start a track: HOTA, IDF1, MOTA and identity switches by `--conf`.

    vistream download-weights nanodet-g
    PYTHONPATH=scripts python scripts/studies/start_scores.py ../shared/data nanodet-g --fidelity exact high

Each clip is played forwards, mirrored and backwards, and detections are taken as they are, and twice more with 3 % of
them dropped and 2 % of their size shaken, as in identities.py. Means over runs, and over clips, each counting the same.
Below the table: what would be chosen on the other clips, and what it gives on the one that was left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from association.study import score
from common import parser_of, print_table
from identities import PLAYED, SCENES, SEEDS, Footage, Run, people_detector, played
from numpy.typing import NDArray

from vistream.engine.fidelity import PRESETS
from vistream.pipeline.session import Session
from vistream.quantize.named import DEFAULT_MODEL
from vistream.tracking.life import TrackerConfig

CONFS = (0.4, 0.5, 0.54, 0.58, 0.62, 0.66)
USUAL = CONFS.index(TrackerConfig().conf_thres)
Scores = NDArray[np.float64]


def scores(footage: Footage, fidelity: str, streamed: bool) -> Scores:
    """HOTA, IDF1, MOTA and switches, by seed and by `CONFS`, `[S, C, 4]`."""
    detector = people_detector(fidelity) if streamed else None
    own = streamed and fidelity != "exact"
    network = None if own else DEFAULT_MODEL
    runs = [
        Run(Session("mot", fidelity, network, fps=footage.known.fps, conf=conf, close=streamed), seed)
        for seed in SEEDS
        for conf in CONFS
    ]
    for number, frame in enumerate(footage.frames):
        seen = footage.known.seen[number] if detector is None else detector.detect(frame, number)
        maps = detector.features() if own and detector is not None else None
        for run in runs:
            run.step(frame, seen, maps)
    found = [score(footage.known, run.found) for run in runs]
    rows = np.array([(one.hota, one.idf1, one.mota, one.switches) for one in found])
    return rows.reshape(len(SEEDS), len(CONFS), 4)


def left_out(hota: Scores, clips: Sequence[str]) -> list[list[str]]:
    """Rows: a clip, what is best on the others, its HOTA here, and that of the usual score; `hota` is `[clips, C]`."""
    rows = []
    for index, clip in enumerate(clips):
        best = int(np.delete(hota, index, axis=0).mean(0).argmax())
        rows.append([clip, f"{CONFS[best]:g}", f"{hota[index, best]:.1f}", f"{hota[index, USUAL]:.1f}"])
    return rows


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("detections", choices=("public", "nanodet-g"))
    parser.add_argument("--fidelity", nargs="*", choices=tuple(PRESETS), default=["exact"])
    parser.add_argument("--clips", nargs="*", choices=SCENES, default=list(SCENES))
    parser.add_argument("--played", nargs="*", choices=PLAYED, default=list(PLAYED))
    parser.add_argument("--frames", type=int, help="of each clip, at the most")
    options = parser.parse_args()
    streamed = options.detections != "public"
    for fidelity in options.fidelity:
        clips = []
        for name in options.clips:
            footages = (played(options.root, name, how, options.frames) for how in options.played)
            clips.append(np.mean([scores(one, fidelity, streamed).mean(0) for one in footages], axis=0))
        table = np.array(clips)  # clips, confs, what
        rows = []
        for index, conf in enumerate(CONFS):
            cells = [*table[:, index], table[:, index].mean(0)]
            rows.append([f"{conf:g}", *(" / ".join(f"{value:.1f}" for value in cell) for cell in cells)])
        print_table([f"`--conf`, {fidelity}", *options.clips, "mean"], rows)
        if len(clips) > 1:
            print_table(["left out", "best elsewhere", "HOTA", "with 0.5"], left_out(table[:, :, 0], options.clips))


if __name__ == "__main__":
    main()
