"""Measures the tasks that follow or join more than boxes, on real clips: prints the tables that stand in docs/tasks.md.

    python scripts/task_study.py ../shared/data vos sot mots pose --fidelity exact fast

Seconds are CPU seconds of one thread (set OMP_NUM_THREADS=1), everything included but reading the images.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.detect.choose import make_detector
from vistream.detect.coco import KEYPOINTS
from vistream.evaluate.mots_files import mots_table
from vistream.evaluate.pairs import Pair
from vistream.evaluate.pose_files import pose_table
from vistream.evaluate.sot import SotScores, combine_sot, sot_scores
from vistream.evaluate.vos import mean_row, score_objects
from vistream.formats.davis import label_map, read_labels
from vistream.formats.mot import read_tracks
from vistream.formats.mots import MotsWriter, read_mots_detections
from vistream.formats.posetrack import PoseTrackWriter, read_poses
from vistream.networks.lite0 import MEAN, STD, lite0_features
from vistream.quantize.convert import convert
from vistream.quantize.named import DEFAULT_MODEL, named_network, shipped_ranges
from vistream.quantize.ranges import Preprocess
from vistream.quantize.trace import trace
from vistream.stream.engine import Stream
from vistream.tasks.session import Session
from vistream.tasks.sot import SotConfig, SotTracker
from vistream.tasks.vos import VosConfig, VosTracker
from vistream.types import FeatureMap, Frame, Observations
from vistream.video.fit import fit
from vistream.video.source import open_source

Labels = NDArray[np.uint8]
Masker = Callable[[Iterable[Frame], Labels], Iterator[Labels]]


def table(title: str, rows: Sequence[dict[str, object]]) -> None:
    """Print rows as a Markdown table; their keys are the columns."""
    print(f"\n**{title}**\n")
    print("| " + " | ".join(rows[0]) + " |")
    print("|" + "---|" * len(rows[0]))
    for row in rows:
        cells = [f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values()]
        print("| " + " | ".join(cells) + " |", flush=True)


class Clock:
    """CPU seconds and the network's work, added up over frames."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.frames = 0
        self.macs = 0
        self.macs_dense = 0

    def row(self) -> dict[str, object]:
        share = f"{100 * self.macs / self.macs_dense:.0f} %" if self.macs_dense else "-"
        return {"work": share, "s/frame": f"{self.seconds / max(self.frames, 1):.2f}"}


def held(frames: Iterable[Frame], first: Labels) -> Iterator[Labels]:
    """The first masks, unmoved: what everything must beat."""
    for _ in frames:
        yield first


def carried(frames: Iterable[Frame], first: Labels) -> Iterator[Labels]:
    """The masks carried from frame to frame by dense optical flow (DIS, Kroeger et al., ECCV 2016)."""
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    previous: Labels | None = None
    labels = first
    for frame in frames:
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.uint8)
        if previous is not None:
            back = flow.calc(grey, previous, np.zeros((*grey.shape, 2), np.float32))
            y, x = np.indices(grey.shape, dtype=np.float32)
            labels = cv2.remap(labels, x + back[..., 0], y + back[..., 1], cv2.INTER_NEAREST).astype(np.uint8)
        previous = grey
        yield labels


def propagated(fidelity: str, clock: Clock) -> Masker:
    """Our own."""

    def run(frames: Iterable[Frame], first: Labels) -> Iterator[Labels]:
        session = Session("vos", fidelity)
        for label in sorted(set(np.unique(first).tolist()) - {0}):
            session.add_object(first == label, label)
        for frame in frames:
            start = time.process_time()
            result = session.step(frame)
            clock.seconds += time.process_time() - start
            clock.frames += 1
            clock.macs, clock.macs_dense = clock.macs + result.work.macs, clock.macs_dense + result.work.macs_dense
            yield label_map(result.tracks, (frame.shape[0], frame.shape[1]))

    return run


def video_frames(path: Path) -> Iterator[Frame]:
    """The pictures of a video or a folder."""
    with open_source(str(path)) as source:
        for frame in source:
            yield frame.image


def vos_clips(root: Path) -> Iterator[tuple[str, Callable[[], Iterator[Frame]], list[Labels]]]:
    """Name, frames and label maps of every clip."""
    davis = root / "vos" / "DAVIS2016"
    for folder in sorted((davis / "JPEGImages" / "480p").iterdir()):
        masks = sorted((davis / "Annotations" / "480p" / folder.name).glob("*.png"))
        labels = [(read_labels(path) > 0).astype(np.uint8) for path in masks]
        yield folder.name, partial(video_frames, folder), labels
    girls = root / "mots" / "schoolgirls"
    masks = sorted((girls / "masks").glob("*.png"))
    yield "schoolgirls", partial(video_frames, girls / "schoolgirls.mp4"), [read_labels(path) for path in masks]


def study_vos(root: Path, fidelities: Sequence[str]) -> None:
    clocks = {fidelity: Clock() for fidelity in fidelities}
    ways: dict[str, Masker] = {"first mask held": held, "DIS flow": carried}
    ways |= {f"vistream, {fidelity}": propagated(fidelity, clock) for fidelity, clock in clocks.items()}
    scores: dict[str, dict[str, dict[str, float]]] = {way: {} for way in ways}
    for name, frames, truth in vos_clips(root):
        for way, masker in ways.items():
            found = score_objects(truth, masker(frames(), truth[0]))
            scores[way][name] = mean_row([score.row() for score in found.values()])
    rows = []
    for way, clips in scores.items():
        five = [row for name, row in clips.items() if name != "schoolgirls"]
        mean: dict[str, object] = {f"{metric}, DAVIS": mean_row(five)[f"{metric}-Mean"] for metric in "JF"}
        rows.append({"way": way, **{name: row["J-Mean"] for name, row in clips.items()}, **mean})
        clock = clocks.get(way.removeprefix("vistream, "))
        rows[-1] |= clock.row() if clock else {"work": "-", "s/frame": "-"}
    table("VOS: mean J per clip, mean J and F of the five DAVIS clips", rows)


CUTS: dict[str, tuple[int, int | None]] = {
    "block 4": (4, None),
    "block 7, dilated": (7, 5),
    "block 10, dilated": (10, 5),
    "block 10, stride 16": (10, None),
}
CUT_FRAMES = 8


def study_cuts(root: Path, fidelities: Sequence[str]) -> None:
    """Which layer's features VOS should take: the first frames of each DAVIS clip, integer networks, exact."""
    rows = []
    for name, (last, dilate_from) in CUTS.items():
        program = trace(lite0_features(last, dilate_from))
        network = convert(program, shipped_ranges(DEFAULT_MODEL) or {}, Preprocess(MEAN, STD))
        radius = 6 if "16" in name else 12  # the same reach in pixels
        row: dict[str, object] = {"cut": name}
        start, count, macs = time.process_time(), 0, 0
        for clip, frames, truth in vos_clips(root):
            if clip != "schoolgirls":
                stream, tracker = Stream(network), VosTracker(VosConfig(radius=radius))
                tracker.add_object(truth[0] > 0)
                found = []
                for frame in islice(frames(), CUT_FRAMES):
                    step = stream.step(frame)
                    tracks = tracker.step(step.features(frame), Observations.none())
                    found.append(label_map(tracks, (frame.shape[0], frame.shape[1])))
                    count, macs = count + 1, step.work.macs_dense
                scores = score_objects(truth[:CUT_FRAMES], found)
                row[clip] = float(scores[1].j.mean())
        mean = float(np.mean([value for value in row.values() if isinstance(value, float)]))
        seconds = (time.process_time() - start) / count
        rows.append(row | {"mean J": mean, "GMAC": f"{macs / 1e9:.1f}", "s/frame": f"{seconds:.2f}"})
    table(f"VOS: mean J of the first {CUT_FRAMES} frames by cut of Lite0", rows)


def sot_objects(root: Path) -> Iterator[tuple[str, list[Frame], dict[int, dict[int, NDArray[np.float64]]]]]:
    """Clips with boxes by identity and frame; only objects seen in 30 frames or more, from their first one on."""
    clips = {
        "TUD": (root / "mot/TUD-Stadtmitte/TUD-Stadtmitte.mp4", root / "mot/TUD-Stadtmitte/gt/gt.txt"),
        "schoolgirls": (root / "mots/schoolgirls/schoolgirls.mp4", root / "mots/schoolgirls/gt/gt_boxes.txt"),
    }
    for name, (video, truth) in clips.items():
        boxes: dict[int, dict[int, NDArray[np.float64]]] = {}
        tracks = read_tracks(truth)
        for frame, identity, box in zip(tracks.frames.tolist(), tracks.ids.tolist(), tracks.boxes, strict=True):
            boxes.setdefault(identity, {})[frame] = box
        yield name, list(video_frames(video)), {i: b for i, b in boxes.items() if len(b) >= 30}
    for name, frames, labels in vos_clips(root):
        if name != "schoolgirls":
            rects = {n: np.array(cv2.boundingRect(mask), float) for n, mask in enumerate(labels) if mask.any()}
            yield name, list(frames()), {1: rects}


def study_sot(root: Path, fidelities: Sequence[str]) -> None:
    stream_of = {fidelity: Session("mot", fidelity).zones for fidelity in fidelities}
    network = named_network().network
    configs = {"xcorr": SotConfig(), "dcf": SotConfig(head="dcf"), "first box held": None}
    rows = []
    clips = list(sot_objects(root))
    for fidelity, zones in stream_of.items():
        scores: dict[str, dict[str, list[SotScores]]] = {way: {} for way in configs}
        for name, frames, objects in clips:
            stream = Stream(network, zones.deadband, zones.hysteresis, noise=zones.noise)
            maps: list[FeatureMap] = [stream.step(fit(frame)).features(frame) for frame in frames]
            for way, config in configs.items():
                found = [one_object(maps, boxes, config) for boxes in objects.values()]
                scores[way][name] = found
        for way, clips_ in scores.items():
            row: dict[str, object] = {"way": f"{way}, {fidelity}"}
            for name, found in clips_.items():
                row[name] = combine_sot(found).row()["Success AUC"]
            rows.append({**row, "mean": float(np.mean([v for v in row.values() if isinstance(v, float)]))})
    table("SOT: success AUC from the first true box of each object", rows)


def one_object(
    maps: Sequence[FeatureMap], boxes: dict[int, NDArray[np.float64]], config: SotConfig | None
) -> SotScores:
    """The scores of one object, followed from its first frame to its last."""
    first, last = min(boxes), max(boxes)
    truth = np.array([boxes.get(n, np.full(4, np.nan)) for n in range(first, last + 1)])
    if config is None:
        return sot_scores(truth, np.tile(truth[0], (len(truth), 1)))
    tracker = SotTracker(config)
    tracker.add_object(truth[0])
    found = [tracker.step(maps[n], Observations.none())[0].box for n in range(first, last + 1)]
    return sot_scores(truth, np.array(found))


def study_mots(root: Path, fidelities: Sequence[str]) -> None:
    girls = root / "mots" / "schoolgirls"
    truth = girls / "gt" / "gt_mots.txt"
    seen = read_mots_detections(truth)
    rows = []
    for way, model in [*((fidelity, DEFAULT_MODEL) for fidelity in fidelities), ("exact, no network", None)]:
        for every in (1, 3, 6):
            session = Session("mots", way.split(",")[0], model, fps=25 / every)
            with TemporaryDirectory() as folder:
                out, kept = Path(folder) / "out.txt", Path(folder) / "gt.txt"
                with MotsWriter(out) as writer:
                    for number, image in enumerate(video_frames(girls / "schoolgirls.mp4")):
                        if number % every == 0:
                            writer.write(session.step(image, seen.get(number, Observations.none()), index=number))
                lines = truth.read_text().splitlines(keepends=True)
                kept.write_text("".join(line for line in lines if (int(line.split()[0]) - 1) % every == 0))
                found = mots_table([Pair("schoolgirls", kept, out)]).rows["schoolgirls"]
            row: dict[str, object] = {"fidelity": way, "every n-th frame": every}
            rows.append(row | {name: found[name] for name in ("HOTA", "sMOTSA", "IDF1", "IDSW")})
    table("MOTS: schoolgirls, true masks without their ids", rows)


def study_pose(root: Path, fidelities: Sequence[str]) -> None:
    clip = root / "pose" / "bonn-060470979"
    video = read_poses(clip / "gt.json")
    true = video.observations()
    images = list(video_frames(clip / "img"))
    movenet = make_detector("movenet-multipose", 25.0, keypoints=True)
    rows = []
    for fidelity in fidelities:
        for way in ("true skeletons without ids", "propagated from the first frame", "movenet-multipose"):
            joints = KEYPOINTS if way.startswith("movenet") else video.joints
            session = Session("pose", fidelity, fps=25.0, joints=joints)
            if way.startswith("propagated"):
                for keypoints in true[0].keypoints if true[0].keypoints is not None else ():
                    session.add_object(keypoints)
            with TemporaryDirectory() as folder:
                out = Path(folder) / "out.json"
                with PoseTrackWriter(out, joints, video.images) as writer:
                    for number, image in enumerate(images):
                        seen = movenet.detect(image, number) if way.startswith("movenet") else true[number]
                        writer.write(session.step(image, seen, index=number))
                found = pose_table([Pair("bonn", clip / "gt.json", out)]).rows["bonn"]
            row: dict[str, object] = {"skeletons": way, "fidelity": fidelity}
            rows.append(row | {name: found[name] for name in ("MOTA", "MOTP", "IDF1", "Precision", "Recall", "IDSW")})
    table("Poses: Bonn clip, 20 frames, 4 people, PCKh 0.5", rows)


STUDIES: dict[str, Callable[[Path, Sequence[str]], None]] = {
    "vos": study_vos,
    "cuts": study_cuts,
    "sot": study_sot,
    "mots": study_mots,
    "pose": study_pose,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the tasks on real clips.")
    parser.add_argument("root", type=Path)
    parser.add_argument("studies", nargs="+", choices=STUDIES)
    parser.add_argument("--fidelity", nargs="+", default=["exact"])
    arguments = parser.parse_args()
    for study in arguments.studies:
        STUDIES[study](arguments.root, arguments.fidelity)


if __name__ == "__main__":
    main()
