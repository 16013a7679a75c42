"""The first frames of a clip, with ground truth to match: for a quick look at a dataset."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from vistream.atomic import replacing
from vistream.evaluate.datasets.clips import Clip
from vistream.media.formats.davis import label_files
from vistream.media.formats.delimited import read_columns
from vistream.media.formats.mot import CLASS_LIST
from vistream.media.formats.mots import read_mots
from vistream.media.formats.poses import PoseVideo
from vistream.media.formats.posetrack import read_poses, write_posetrack
from vistream.media.formats.text import read_lines
from vistream.media.formats.tracks import read_any_tracks


def cut_clip(clip: Clip, frames: int, folder: Path) -> Clip:
    """`clip` up to its frame number `frames`, its ground truth cut likewise and written into `folder`, which is made.

    Raises VistreamError where the ground truth can't be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (clip.name + ("" if clip.ground_truth.is_dir() else clip.ground_truth.suffix))
    if clip.kind == "mot":
        target = _cut_tracks(clip.ground_truth, frames, folder / clip.name)
    elif clip.ground_truth.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        for file in label_files(clip.ground_truth)[:frames]:
            shutil.copy(file, target / file.name)
    elif clip.kind == "poses":
        video = read_poses(clip.ground_truth)
        write_posetrack(target, PoseVideo(video.joints, video.images[:frames]))
    else:
        lines = [line for _, line in read_lines(clip.ground_truth)]
        if clip.kind == "mots":
            rows = read_mots(clip.ground_truth, clip.starts)
            lines = [line for line, row in zip(lines, rows, strict=True) if row.frame < frames]
        else:  # OTB: a line a frame
            lines = lines[:frames]
        _write(target, lines)
    return replace(clip, ground_truth=target, frames=frames, origin=clip.ground_truth)


def _cut_tracks(ground_truth: Path, frames: int, folder: Path) -> Path:
    """MOT, KITTI or VisDrone text into `folder`, which is made, under its own name; the list of classes goes along."""
    tracks, text = read_any_tracks(ground_truth), read_columns(ground_truth)
    folder.mkdir(exist_ok=True)
    kept = zip(text.rows, tracks.frames.tolist(), strict=True)
    _write(folder / ground_truth.name, [text.separator.join(fields) for (_, fields), frame in kept if frame < frames])
    names = ground_truth.with_name(CLASS_LIST)
    if names.is_file():
        shutil.copy(names, folder / CLASS_LIST)
    return folder / ground_truth.name


def _write(target: Path, lines: Iterable[str]) -> None:
    with replacing(target) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
