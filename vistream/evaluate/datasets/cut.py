"""The first frames of a clip, with ground truth to match: for a quick look at a dataset."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from vistream.atomic import replacing
from vistream.evaluate.datasets.clips import Clip
from vistream.media.formats.davis import label_files
from vistream.media.formats.poses import PoseVideo
from vistream.media.formats.posetrack import read_poses, write_posetrack
from vistream.media.formats.text import read_lines

BETWEEN = {"mot": ",", "mots": " "}
"""What stands between the columns of a text, the first of which is the frame's number, from 1."""


def cut_clip(clip: Clip, frames: int, folder: Path) -> Clip:
    """`clip` up to its frame number `frames`, its ground truth cut likewise and written into `folder`, which is made.

    Raises VistreamError where the ground truth can't be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (clip.name + ("" if clip.kind == "masks" else clip.truth.suffix))
    if clip.kind == "masks":
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        for file in label_files(clip.truth)[:frames]:
            shutil.copy(file, target / file.name)
    elif clip.kind == "poses":
        video = read_poses(clip.truth)
        write_posetrack(target, PoseVideo(video.joints, video.images[:frames]))
    else:
        lines = [line for _, line in read_lines(clip.truth)]
        if clip.kind in BETWEEN:
            lines = [line for line in lines if int(line.split(BETWEEN[clip.kind])[0]) <= frames]
        else:  # OTB: a line a frame
            lines = lines[:frames]
        with replacing(target) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
    return replace(clip, truth=target, frames=frames)
