"""The tracker on clips with public detections, by fidelity: accuracy, share of the dense work, and speed.

    python scripts/mot_table.py ../shared/data

ROOT/mot holds the clips `PETS09-S2L1`, `PETS09-S2L1-full480` and `TUD-Stadtmitte`, each with `gt/gt.txt` and
`det/det_sort.txt`. Prints a Markdown table. HOTA and IDF1 are this project's, which equal TrackEval's (see the tests).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import closing
from pathlib import Path

from vistream.evaluate.files import evaluate_files
from vistream.formats.mot import MotWriter
from vistream.machine.facts import cpu_name
from vistream.tasks.run import Run, Settings

CLIPS = {
    "PETS09-S2L1": "img1",
    "PETS09-S2L1-full480": "PETS09-S2L1_480x360.mp4",
    "TUD-Stadtmitte": "TUD-Stadtmitte.mp4",
}
FIDELITIES = {"exact": (0, 0), "tau 4, h 1": (4, 1)}


def row(folder: Path, clip: str, fidelity: str) -> str:
    """Track one clip and score it."""
    deadband, hysteresis = FIDELITIES[fidelity]
    settings = Settings(detections=folder / "det/det_sort.txt", deadband=deadband, hysteresis=hysteresis)
    macs = dense = frames = 0
    with tempfile.TemporaryDirectory() as scratch:
        result_file = Path(scratch) / "tracks.txt"
        began = time.perf_counter()
        with closing(Run(str(folder / clip), settings)) as run, MotWriter(result_file) as writer:
            for _, result in run:
                writer.write(result)
                macs, dense, frames = macs + result.work.macs, dense + result.work.macs_dense, frames + 1
        seconds = time.perf_counter() - began
        scores = evaluate_files("mot", folder / "gt/gt.txt", result_file).overall
    cells = [folder.name, fidelity, *(f"{float(scores[name]):.3f}" for name in ("HOTA", "IDF1", "MOTA"))]
    cells += [f"{scores['IDSW']:.0f}", f"{100 * macs / dense:.0f} %", f"{frames / seconds:.0f}"]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    root = parser.parse_args().root / "mot"
    print("| clip | fidelity | HOTA | IDF1 | MOTA | IDSW | of dense work | frames/s |")
    print("|---|---|---|---|---|---|---|---|")
    for clip, video in CLIPS.items():
        for fidelity in FIDELITIES:
            print(row(root / clip, video, fidelity), flush=True)
    print(f"\nefficientnet-lite0, public detections, {cpu_name()}")


if __name__ == "__main__":
    main()
