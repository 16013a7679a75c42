"""CVAT, COCO and Label Studio exports read back by the libraries of others: Datumaro, and Label Studio's own SDK.

    python scripts/exports_check.py

They need older versions of packages that this program uses, so they get a virtual environment of their own, for the
moment. Boxes, ids and classes of every frame must be those of the CSV of the same run.
"""

from __future__ import annotations

import argparse
import csv
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

DEMO = Path(__file__).parents[1] / "demo_videos"
FRAMES = 20
NEEDED = ("datumaro==1.13.12", "label-studio-sdk==2.1.2")
OPTIONS = (
    "--cvat-xml cvat/annotations.xml --coco-video coco/annotations/instances_default.json --label-studio tasks.json"
)
READER = """
import json, logging, sys, warnings
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
from datumaro import AnnotationType, Dataset
from label_studio_sdk.label_interface import LabelInterface

def boxes(folder, form, identity):
    dataset = Dataset.import_from(folder, form)
    names = [label.name for label in dataset.categories()[AnnotationType.label]]
    for item in dataset:
        for box in item.annotations:
            if box.type == AnnotationType.bbox and not box.attributes.get("outside"):
                yield int(item.id.split("_")[-1]), int(box.attributes[identity]), names[box.label], *box.get_bbox()

config = '''<View><Labels name="label" toName="video"><Label value="person"/></Labels>
<Video name="video" value="$video"/><VideoRectangle name="box" toName="video"/></View>'''
(task,) = json.load(open("tasks.json"))
complaints = [one for made in task["predictions"] for one in LabelInterface(config).validate_prediction(made, True)]
json.dump({"cvat": sorted(boxes("cvat", "cvat", "track_id")), "complaints": complaints,
           "coco": sorted(boxes("coco", "coco_instances", "track_id"))}, sys.stdout)
"""
Row = tuple[int, int, str, float, float, float, float]


def expected(path: Path) -> list[Row]:
    """What the CSV says, in the order of frames and ids."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["seen"] == "1"]
    return sorted(
        (int(row["frame"]), int(row["id"]), row["class"], *(float(row[side]) for side in "xywh"))  # type: ignore[misc]
        for row in rows
    )


def differing(found: list[Row], wanted: list[Row]) -> str:
    """What is wrong with rows that were read back, or nothing; sides may differ by a hundredth of a pixel."""
    if [row[:3] for row in map(tuple, found)] != [row[:3] for row in wanted]:
        return f"{len(found)} boxes, {len(wanted)} were written, or other frames, ids or classes"
    farthest = max(abs(a - b) for one, other in zip(found, wanted, strict=True) for a, b in zip(one[3:], other[3:]))  # noqa: B905
    return "" if farthest <= 0.011 else f"boxes differ by {farthest} pixels"


def main() -> None:
    argparse.ArgumentParser(description="Exports read back by other libraries.").parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        other = folder / "venv" / "bin" / "python"
        subprocess.run([str(other), "-m", "pip", "install", "--quiet", *NEEDED], check=True)
        truth = str(DEMO / "plaza_static" / "det" / "det.txt")
        source = [str(DEMO / "plaza_static.mp4"), "--detections", truth, "--classes", "person"]
        run = [sys.executable, "-m", "vistream", "track", *source, "--max-frames", str(FRAMES), *shlex.split(OPTIONS)]
        subprocess.run([*run, "--csv", "tracks.csv", "--quiet"], cwd=folder, check=True)
        (folder / "coco" / "images").mkdir()  # Datumaro wants it to be there
        done = subprocess.run([str(other), "-c", READER], cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
        read, wanted = json.loads(done.stdout), expected(folder / "tracks.csv")
    wrong = {form: differing(read[form], wanted) for form in ("cvat", "coco")}
    wrong["label studio"] = "; ".join(map(str, read["complaints"]))
    for form, what in wrong.items():
        print(f"{form}: {what or f'{len(wanted)} boxes in {FRAMES} frames, all as written'}")
    sys.exit(1 if any(wrong.values()) else 0)


if __name__ == "__main__":
    main()
