"""The ground truth of a frame as lines of MOT, MOTS and PoseTrack text and as a palette mask. No geometry.

A walker who shows less than `LEAST` of themselves is marked "do not score": flag 0 in MOT, an ignore region in MOTS
(id 10000, class 10) and in PoseTrack. The masks keep every pixel.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco

from demo.cast import Clip
from demo.film import Seen, Take
from demo.people import KEYPOINTS

LEAST = 0.05
PEDESTRIAN, IGNORED = 2, 10  # MOTS class codes
VIDEO_TYPE = 1


def scored(seen: Seen) -> bool:
    """Whether this walker shows enough of themselves to be scored."""
    return seen.share >= LEAST


def mot_lines(take: Take, frame: int) -> list[str]:
    """`frame,id,left,top,w,h,flag,class,visibility`, one based, for frame `frame` counted from 0: whole-body boxes."""
    lines = []
    for s in take.seen:
        left, top, width, height = s.body
        lines.append(f"{frame + 1},{s.id},{left + 1},{top + 1},{width},{height},{int(scored(s))},1,{s.share:.4f}")
    return lines


def mots_lines(take: Take, frame: int) -> list[str]:
    """`frame id class h w rle`, frames from 1, id = class * 1000 + walker: the pixels that show."""
    lines = []
    slivers = np.zeros(take.ids.shape, bool)
    for s in take.seen:
        mask = take.ids == s.id
        if scored(s):
            lines.append(_mots(mask, frame, PEDESTRIAN * 1000 + s.id, PEDESTRIAN))
        else:
            slivers |= mask
    if slivers.any():
        lines.append(_mots(slivers, frame, IGNORED * 1000, IGNORED))
    return lines


def _mots(mask: NDArray[np.bool_], frame: int, identity: int, category: int) -> str:
    counts = coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode("ascii")
    return f"{frame + 1} {identity} {category} {mask.shape[0]} {mask.shape[1]} {counts}"


@dataclass(frozen=True)
class PoseFrame:
    """One frame's share of a PoseTrack18 file: its image record and its annotations, as JSON text."""

    image: str
    annotations: tuple[str, ...]


def pose_frame(take: Take, frame: int, clip: Clip, number: int) -> PoseFrame:
    """PoseTrack18 records of frame `frame` (from 0) of video `number`: boxes of what shows, joints, 1 where visible.

    A hidden joint keeps its true place, with 0; one beyond the frame is absent, three zeros. The head's box is whole
    even where the head is covered or cut off.
    """
    identity = VIDEO_TYPE * 10**10 + number * 10**4 + frame
    slivers = [s.visible for s in take.seen if s.visible and not scored(s)]
    image = {
        "id": identity,
        "frame_id": identity,
        "vid_id": f"{number:06d}",
        "nframes": clip.frames,
        "file_name": f"images/{clip.name}/{frame:06d}.jpg",
        "width": clip.size[0],
        "height": clip.size[1],
        "is_labeled": True,
        "ignore_regions_x": [[x, x + w, x + w, x] for x, _, w, _ in slivers],
        "ignore_regions_y": [[y, y, y + h, y + h] for _, y, _, h in slivers],
    }
    annotations = []
    for k, s in enumerate(s for s in take.seen if scored(s)):
        record = {
            "id": identity * 100 + k,
            "image_id": identity,
            "track_id": s.id,
            "category_id": 1,
            "bbox": s.visible,
            "bbox_head": [round(v, 2) for v in s.head],
            "keypoints": _keypoints(s, clip.size),
        }
        annotations.append(json.dumps(record, separators=(",", ":")))
    return PoseFrame(json.dumps(image, separators=(",", ":")), tuple(annotations))


def _keypoints(seen: Seen, size: tuple[int, int]) -> list[float]:
    flat: list[float] = []
    for x, y, visible in seen.keypoints.tolist():
        inside = -0.5 <= x < size[0] - 0.5 and -0.5 <= y < size[1] - 0.5
        flat += [round(x, 2), round(y, 2), int(visible)] if inside else [0, 0, 0]
    return flat


def pose_text(frames: list[PoseFrame]) -> str:
    """The whole PoseTrack18 file, one record a line."""
    category = json.dumps(
        {"supercategory": "person", "id": 1, "name": "person", "keypoints": [*KEYPOINTS], "skeleton": []}
    )
    images = ",\n".join(frame.image for frame in frames)
    annotations = ",\n".join(line for frame in frames for line in frame.annotations)
    return f'{{"categories":[{category}],\n"images":[\n{images}\n],\n"annotations":[\n{annotations}\n]}}\n'


def palette() -> list[int]:
    """DAVIS's palette, which is PASCAL VOC's: the bits of an index dealt out to red, green and blue; 768 numbers.

    >>> palette()[:12]
    [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0]
    """
    out = []
    for index in range(256):
        for channel in range(3):
            bits = [(index >> (3 * k + channel)) & 1 for k in range(3)]
            out.append(sum(bit << (7 - k) for k, bit in enumerate(bits)))
    return out


def save_mask(path: Path, ids: NDArray[np.uint8]) -> None:
    """A palette PNG, written whole or not at all."""
    picture = Image.fromarray(ids)
    picture.putpalette(palette())
    part = path.with_name(path.name + ".part")
    picture.save(part, format="PNG", optimize=True)
    part.replace(path)


def save_text(path: Path, text: str) -> None:
    """A text file, written whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="ascii", newline="\n")
    part.replace(path)


def seqinfo(clip: Clip, frames: int, fps: int) -> str:
    """MOTChallenge's `seqinfo.ini`; the frames are those of the video beside the folder."""
    return (
        f"[Sequence]\nname={clip.name}\nimDir=../{clip.name}.mp4\nframeRate={fps}\nseqLength={frames}\n"
        f"imWidth={clip.size[0]}\nimHeight={clip.size[1]}\nimExt=.mp4\n"
    )
