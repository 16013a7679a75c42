"""The numbers of README.md, the tutorial and the first ten minutes, and the hero picture, by the program as it is.

    python scripts/docs_numbers.py                          # of the demo clip: writes what has changed
    python scripts/docs_numbers.py --data ../shared/data    # README's table too, which takes minutes
    python scripts/docs_numbers.py --check                  # changes nothing; says what is stale, and ends with 1

Measured times are not among them: they are of one machine, which is named beside them.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vistream.detect.choose import RECOMMENDED
from vistream.evaluate.datasets.dataset import evaluate_dataset
from vistream.evaluate.datasets.job import Order
from vistream.evaluate.datasets.observed import PUBLIC
from vistream.evaluate.files.mot import mot_table
from vistream.evaluate.files.pairs import Pair
from vistream.media.video.source import open_source
from vistream.pipeline.tasks import OF_APPEARANCE, check_fidelity
from vistream.types import Frame

ROOT = Path(__file__).parents[1]
CLIP = ROOT / "demo_videos" / "plaza_static.mp4"
DETECTIONS = CLIP.with_suffix("") / "det" / "det.txt"
GROUND_TRUTH = CLIP.with_suffix("") / "gt" / "gt.txt"
TUTORIAL, FIRST, README, RESULTS = (
    ROOT / name for name in ("docs/tutorial.md", "docs/first-ten-minutes.md", "README.md", "docs/results.md")
)
HERO = ROOT / "docs" / "figures" / "track.jpg"
SHOWN = 150
"""The frame of the hero picture, as in `docs_pictures.py`."""
STATUS = 24
"""Rows of a picture that have the speed of this machine in them."""
DENSE = re.compile(r"│ network +│ .*?\((.*?) % of dense\)")


@dataclass(frozen=True)
class Stated:
    """A line of a page: how it begins, and what it has to be."""

    page: Path
    begins: str
    line: str

    def put(self, text: str) -> str:
        """`text` with the line in it. Raises ValueError where no line, or more than one, begins so."""
        changed, count = re.subn(rf"^{re.escape(self.begins)}.*$", lambda _: self.line, text, flags=re.MULTILINE)
        if count != 1:
            raise ValueError(f"{self.page}: {count} lines begin with {self.begins!r}")
        return changed


def track(folder: Path, *options: str) -> str:
    """What `vistream track` of the demo clip prints."""
    command = [sys.executable, "-m", "vistream", "track", str(CLIP), *options]
    environment = {"COLUMNS": "100", "PATH": "", "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def fidelities(folder: Path) -> Iterator[Stated]:
    """The tutorial's table; the video of `high` is left in the folder."""
    for name in ("exact", "high", "fast"):
        outputs = ["--mot-txt", f"{name}.txt", *(["-o", "high.mp4"] if name == "high" else [])]
        share = DENSE.search(track(folder, "--detections", str(DETECTIONS), "--fidelity", name, *outputs))
        assert share is not None
        score = mot_table([Pair("plaza_static", GROUND_TRUTH, folder / f"{name}.txt")]).overall
        zones = check_fidelity("mot", name, None, None, OF_APPEARANCE)
        cells = f"{zones.deadband} | {zones.hysteresis} | {share[1]} % | {score['HOTA']:.3f} | {score['IDF1']:.3f}"
        yield Stated(TUTORIAL, f"| {name} |", f"| {name} | {cells} |")


def first_table(folder: Path) -> Iterator[Stated]:
    """What the first command prints, but for the speed."""
    printed = track(folder, "--detector", "motion")
    for name in ("frames", "tracks", "detections", "network"):
        found = re.search(rf"│ {name} +│ (.*?) +│", printed)
        assert found is not None
        yield Stated(FIRST, f"    │ {name:<10} │", f"    │ {name:<10} │ {found[1]:<41} │")


def real_clips(data: Path, folder: Path, sequences: tuple[str, ...] = ()) -> Iterator[Stated]:
    """README's table, which docs/results.md has too. `sequences`: some of its rows, else all."""
    for name, begins, scores, row in _rows(data, folder, PUBLIC, sequences):
        for page, unit in ((README, " %"), (RESULTS, "%")):
            cells = f"{scores} | {row['IDSW']:.0f} | {100 * row['Work']:.0f}{unit}"
            start = begins if page == RESULTS else f"| {name} |"
            yield Stated(page, start, f"{start} {cells} |")


def detected_clips(data: Path, folder: Path, sequences: tuple[str, ...] = ()) -> Iterator[Stated]:
    """The rows of docs/results.md with the recommended detector, whose weights have to be here."""
    for name, begins, scores, row in _rows(data, folder, RECOMMENDED, sequences):
        work = f" {100 * row['Work']:.0f}%" if name == "all" else ""
        yield Stated(RESULTS, begins, f"{begins} {scores} | {row['IDSW']:.0f} |{work} |")


def _rows(
    data: Path, folder: Path, detections: str, sequences: tuple[str, ...]
) -> Iterator[tuple[str, str, str, Mapping[str, float]]]:
    """Of each clip, and of all: what it is called, how its line of docs/results.md begins, its scores, its row."""
    table = evaluate_dataset(Order("mot", detections, folder / detections), data, sequences)["exact"]
    for clip, row in table.all_rows() if not sequences else table.rows.items():
        name = "all" if clip == "COMBINED" else clip
        scores = " | ".join(f"{row[metric]:.3f}" for metric in ("HOTA", "IDF1", "MOTA"))
        yield name, f"| {detections} | {name} |", scores, row


def shown(video: Path) -> Frame:
    """The frame of the hero picture."""
    with open_source(str(video), start=SHOWN, max_frames=1) as frames:
        return next(iter(frames)).image


def is_shown(picture: Frame) -> bool:
    """Whether the hero picture is this one, but for the speed in it and what JPEG loses."""
    with Image.open(HERO) as saved:
        before = np.asarray(saved.convert("RGB"), np.int16)
    differs = np.abs(before - picture).max(axis=2)[STATUS:] > 80
    return before.shape == picture.shape and float(differs.mean()) < 0.003


def stale(stated: Iterator[Stated], *, write: bool) -> list[str]:
    """The lines that are not what they have to be; `write`: they are made so."""
    found = []
    for one in stated:
        text = one.page.read_text(encoding="utf-8")
        changed = one.put(text)
        if changed != text:
            found.append(f"{one.page.relative_to(ROOT)}: {one.line.strip()}")
            if write:
                one.page.write_text(changed, encoding="utf-8", newline="")
    return found


def main() -> None:
    """Compare, and write or complain."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--data", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = stale(first_table(folder), write=not given.check) + stale(fidelities(folder), write=not given.check)
        picture = shown(folder / "high.mp4")
        if not is_shown(picture):
            found.append(str(HERO.relative_to(ROOT)))
            if not given.check:
                Image.fromarray(picture).save(HERO, quality=85, optimize=True)
        if given.data is not None:
            for rows in (real_clips, detected_clips):
                found += stale(rows(given.data, folder), write=not given.check)
    print("\n".join(found) or "nothing is stale")
    sys.exit(bool(given.check and found))


if __name__ == "__main__":
    main()
