"""Holds the tracker against other people's on the same detections.

    python scripts/tracker_table.py ../shared/data --cache FOLDER --write docs/trackers.md

Cases: the ground truth's boxes, their ids forgotten, at the full rate and every 3rd and 6th frame; public detections;
both again seen by a virtual camera that pans and shakes. The peers are installed, from PyPI, into an environment in
`--cache`, where features, frames and the peers' results are kept too; `--only gt` runs a part.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from association.cases import Case
from association.clips import CLIPS
from association.footage import Footage
from association.peers import PEERS, Peers
from association.study import Score, Study, Variant, score

ALL, PUBLIC = tuple(CLIPS), ("PETS", "PETS-480", "TUD")
GROUPS: dict[str, list[Case]] = {
    "gt": [Case(clip, truth=True) for clip in ALL],
    "gt, every 3rd frame": [Case(clip, truth=True, every=3) for clip in ALL],
    "gt, every 6th frame": [Case(clip, truth=True, every=6) for clip in ALL],
    "public": [Case(clip) for clip in PUBLIC],
    "gt, moving camera": [Case(clip, truth=True, moving=True) for clip in ALL],
    "public, moving camera": [Case(clip, moving=True) for clip in PUBLIC],
    "public, every 3rd frame": [Case(clip, every=3) for clip in PUBLIC],
}
OURS = {"vistream": Variant(), "vistream, no appearance": Variant(cut=None)}


def rows(study: Study, peers: Peers, cases: list[Case], ours: dict[str, Variant]) -> dict[str, list[Score]]:
    """A row a tracker: its score in every case."""
    table = {name: [study.scores(case, variant) for case in cases] for name, variant in ours.items()}
    for peer in PEERS:
        found = [peers.found(case, peer) for case in cases]
        there = [result for result in found if result is not None]
        if len(there) == len(cases):
            table[str(peer)] = [score(study.sequence(c), f) for c, f in zip(cases, there, strict=True)]
    return table


def markdown(name: str, cases: list[Case], table: dict[str, list[Score]]) -> str:
    """HOTA / IDF1 / identity switches by clip, and their mean and sum; the best mean HOTA first."""
    lines = [f"## {name}", "", "| | " + " | ".join(case.clip for case in cases) + " | mean |"]
    lines += ["|---|" + "---|" * (len(cases) + 1)]

    def mean(scores: list[Score]) -> tuple[float, float, int]:
        return (
            float(np.mean([s.hota for s in scores])),
            float(np.mean([s.idf1 for s in scores])),
            sum(s.switches for s in scores),
        )

    for tracker, scores in sorted(table.items(), key=lambda item: -mean(item[1])[0]):
        cells = [(s.hota, s.idf1, s.switches) for s in scores] + [mean(scores)]
        lines.append(f"| {tracker} | " + " | ".join(f"{h:.1f} / {i:.1f} / {s}" for h, i, s in cells) + " |")
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of real clips")
    parser.add_argument("--cache", type=Path, required=True, help="folder for what is kept, about 4 GB")
    parser.add_argument("--only", nargs="*", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--write", type=Path, help="the page; else it is printed")
    arguments = parser.parse_args()
    footage = Footage(arguments.data, arguments.cache)
    study, peers = Study(footage), Peers(arguments.cache / "peers", footage)
    peers.run([case for name in arguments.only for case in GROUPS[name]])
    text = "\n".join(markdown(name, GROUPS[name], rows(study, peers, GROUPS[name], OURS)) for name in arguments.only)
    print(text)


if __name__ == "__main__":
    main()
