"""Render the demo clips with exact ground truth: `python scripts/render_demo.py [OUTPUT] [--clip NAME] [--frames N]`.

Two short films of people crossing a plaza, made from nothing but this code: every box, mask, joint and identity is
known exactly. The same truth comes out, byte for byte, on every run; the video's bytes depend on the codec. Layout,
formats and numbering are described in `demo_videos/README.md`.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import cv2
from demo import detections, truth
from demo.cast import CLIPS, Clip
from demo.encode import video
from demo.film import Film
from demo.gait import FPS
from demo.labels import save_labels

log = logging.getLogger("render_demo")
LABELLED = 10
"""Every so many frames have a label map: neighbours hardly differ, and the clips' files are to stay small."""


def render(clip: Clip, number: int, output: Path, frames: int) -> None:
    """Shoot the first `frames` frames of a clip into `output`; `number` is the video's number in PoseTrack ids."""
    folder = output / clip.name
    for name in ("gt", "det", "masks", "semantic"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    film = Film(clip)
    mot: list[str] = []
    mots: list[str] = []
    found: list[str] = []
    poses: list[truth.PoseFrame] = []
    with video(output / f"{clip.name}.mp4", clip.size, FPS) as write:
        for frame in range(frames):
            take = film.shoot(frame)
            write(take.image)
            truth.save_mask(folder / "masks" / f"{frame:05d}.png", take.ids)
            if frame % LABELLED == 0:
                save_labels(folder / "semantic" / f"{frame:05d}.png", take.labels)
            mot += truth.mot_lines(take, frame)
            mots += truth.mots_lines(take, frame)
            poses.append(truth.pose_frame(take, frame, clip, number))
            found += detections.mot_lines(detections.detect(take, clip, film.camera_at(frame), frame), frame)
            if frame % 50 == 49 or frame == frames - 1:
                log.info("%s: %d of %d frames", clip.name, frame + 1, frames)
    for maps in ("masks", "semantic"):
        for stale in (folder / maps).glob("[0-9][0-9][0-9][0-9][0-9].png"):
            if int(stale.stem) >= frames:
                stale.unlink()
    truth.save_text(folder / "gt" / "gt.txt", "\n".join(mot) + "\n")
    truth.save_text(folder / "gt" / "gt_mots.txt", "\n".join(mots) + "\n")
    truth.save_text(folder / "det" / "det.txt", "\n".join(found) + "\n")
    truth.save_text(folder / "posetrack.json", truth.pose_text(poses))
    truth.save_text(folder / "seqinfo.ini", truth.seqinfo(clip, frames, FPS))


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Render the demo clips with exact ground truth.")
    default = Path(__file__).resolve().parents[1] / "demo_videos"
    parser.add_argument("output", nargs="?", type=Path, default=default, help="folder to write into")
    parser.add_argument("--clip", choices=[clip.name for clip in CLIPS], help="only this clip (default: all)")
    parser.add_argument("--frames", type=int, help="only the first so many frames (default: all)")
    options = parser.parse_args(arguments)
    if options.frames is not None and options.frames < 1:
        parser.error("--frames must be at least 1")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    cv2.setNumThreads(1)  # the pictures are small: more threads cost more than they bring
    for number, clip in enumerate(CLIPS, 1):
        if options.clip in (None, clip.name):
            render(clip, number, options.output, min(options.frames or clip.frames, clip.frames))


if __name__ == "__main__":
    main()
