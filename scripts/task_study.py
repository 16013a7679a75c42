"""Compares the choices behind the tasks on real clips: prints the tables that stand in docs/tasks.md.

    python scripts/task_study.py ../shared/data cuts rates

cuts: which layer's features masks are propagated by. rates: what appearance is worth to masks, at full and at lower
frame rates. Single objects: `scripts/sot_study.py`; how well the tasks do in all: `scripts/results.py`. Seconds are CPU
seconds of one thread (set OMP_NUM_THREADS=1), reading the images included.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from vistream.engine.stream.engine import Stream
from vistream.evaluate.datasets.clips import find_clips
from vistream.evaluate.datasets.ground_truth import true_observations
from vistream.evaluate.files.mots import mots_table
from vistream.evaluate.files.pairs import Pair
from vistream.evaluate.metrics.vos import score_objects
from vistream.media.formats.davis import label_map, read_folder
from vistream.media.formats.mots import MotsWriter
from vistream.models.lite0 import MEAN, STD, lite0_features
from vistream.pipeline.session import Session
from vistream.quantize.convert import convert
from vistream.quantize.named import DEFAULT_MODEL, shipped_ranges
from vistream.quantize.ranges import Preprocess
from vistream.quantize.trace import trace
from vistream.tracking.vos import VosConfig, VosTracker
from vistream.types import Observations


def table(title: str, rows: Sequence[dict[str, object]]) -> None:
    """Print rows as a Markdown table; their keys are the columns."""
    print(f"\n**{title}**\n")
    print("| " + " | ".join(rows[0]) + " |")
    print("|" + "---|" * len(rows[0]))
    for row in rows:
        cells = [f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values()]
        print("| " + " | ".join(cells) + " |", flush=True)


CUTS: dict[str, tuple[int, int | None]] = {
    "block 4": (4, None),
    "block 7, dilated": (7, 5),
    "block 10, dilated": (10, 5),
    "block 10, stride 16": (10, None),
}
CUT_FRAMES = 8
DAVIS = ("blackswan", "drift-chicane", "horsejump-high", "libby", "rollerblade")


def study_cuts(root: Path) -> None:
    """Which layer's features VOS should take: the first frames of each DAVIS clip, integer networks, exact."""
    rows = []
    for name, (last, dilate_from) in CUTS.items():
        program = trace(lite0_features(last, dilate_from))
        network = convert(program, shipped_ranges(DEFAULT_MODEL) or {}, Preprocess(MEAN, STD))
        radius = 6 if "16" in name else 12  # the same reach in pixels
        row: dict[str, object] = {"cut": name}
        start, count, macs = time.process_time(), 0, 0
        for clip in find_clips("vos", root, DAVIS):
            gt = [labels for _, labels in islice(read_folder(clip.ground_truth), CUT_FRAMES)]
            stream, tracker = Stream(network), VosTracker(VosConfig(radius=radius))
            tracker.add_object(gt[0] > 0)
            found = []
            with clip.open() as source:
                for frame in islice(source, CUT_FRAMES):
                    step = stream.step(frame.image)
                    tracks = tracker.step(step.features(frame.image), Observations.none())
                    found.append(label_map(tracks, (frame.image.shape[0], frame.image.shape[1])))
                    count, macs = count + 1, step.work.macs_dense
            row[clip.name] = float(score_objects(gt, found)[1].j.mean())
        mean = float(np.mean([value for value in row.values() if isinstance(value, float)]))
        seconds = (time.process_time() - start) / count
        rows.append(row | {"mean J": mean, "GMAC": f"{macs / 1e9:.1f}", "s/frame": f"{seconds:.2f}"})
    table(f"VOS: mean J of the first {CUT_FRAMES} frames by cut of Lite0", rows)


def study_rates(root: Path) -> None:
    """True masks of schoolgirls without their ids, every n-th frame of them, with and without a network."""
    (clip,) = find_clips("mots", root, ("schoolgirls",))
    seen = true_observations("mots", clip)
    lines = clip.ground_truth.read_text(encoding="utf-8").splitlines(keepends=True)
    rows: list[dict[str, object]] = []
    for method, model in (("exact", DEFAULT_MODEL), ("no network", None)):
        for every in (1, 3, 6):
            session = Session("mots", "exact", model, fps=25 / every)
            with TemporaryDirectory() as folder:
                out, kept = Path(folder) / "out.txt", Path(folder) / "gt.txt"
                with MotsWriter(out) as writer, clip.open() as source:
                    for frame in source:
                        if frame.index % every == 0:
                            observations = seen[frame.index] if frame.index in seen else Observations.none()
                            writer.write(session.step(frame.image, observations, index=frame.index))
                kept.write_text(
                    "".join(line for line in lines if (int(line.split()[0]) - 1) % every == 0),
                    encoding="utf-8",
                    newline="\n",
                )
                found = mots_table([Pair(clip.name, kept, out)]).overall
            row: dict[str, object] = {"appearance": method, "every n-th frame": every}
            rows.append(row | {name: found[name] for name in ("HOTA", "sMOTSA", "IDF1", "IDSW")})
    table("MOTS: schoolgirls, true masks without their ids", rows)


STUDIES: dict[str, Callable[[Path], None]] = {"cuts": study_cuts, "rates": study_rates}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("studies", nargs="+", choices=STUDIES)
    arguments = parser.parse_args()
    for study in arguments.studies:
        STUDIES[study](arguments.root)


if __name__ == "__main__":
    main()
