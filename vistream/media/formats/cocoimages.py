"""Which frame each image of a COCO file is: by its `frame_id`, its file's name, or its place in the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vistream.errors import VistreamError
from vistream.media.formats.detections.footage import Footage
from vistream.media.formats.detections.numbering import first_number, frames_of
from vistream.media.formats.jsonfields import Fields

NUMBERS = ("frame_id", "frame_index", "mot_frame_id")
"""What data sets of videos call an image's place in its video, the commonest first."""

POSETRACK = 10**10
"""From here on a number is PoseTrack18's of an image, video and frame in one, which it repeats as `frame_id`."""


@dataclass(frozen=True, slots=True)
class Images:
    """By the images' ids, as text: `frames`, from 0 (None: the video has no such image); `sizes`, (height, width)."""

    frames: dict[str, int | None]
    sizes: dict[str, tuple[int, int]]


def images_by_id(whole: Fields, footage: Footage) -> Images:
    """The images of a file. Raises VistreamError for several videos, and whatever is wrong with an image."""
    images = [Fields(image, f"{whole.where}, image {n}") for n, image in enumerate(whole.items("images"))]
    videos = {image.identity("video_id") for image in images if "video_id" in image}
    if len(videos) > 1:
        raise VistreamError(f"{whole.where} is of {len(videos)} videos: give the annotations of one")
    ids = [image.identity("id") for image in images]
    sizes = {
        identity: (image.whole("height"), image.whole("width"))
        for identity, image in zip(ids, images, strict=True)
        if "height" in image and "width" in image
    }
    return Images(dict(zip(ids, _frames(images, footage, whole.where), strict=True)), sizes)


def _frames(images: Sequence[Fields], footage: Footage, where: str) -> list[int | None]:
    for name in NUMBERS:
        numbers = [image.whole(name) for image in images if name in image]
        if images and len(set(numbers)) == len(images) and max(numbers) < POSETRACK:
            first = first_number(numbers, footage, where, name)
            return [number - first for number in numbers]
    names = [image.text("file_name") for image in images if "file_name" in image]
    return list(range(len(images))) if len(names) < len(images) else frames_of_names(names, footage, where)


def frames_of_names(names: Sequence[str], footage: Footage, where: str) -> list[int | None]:
    """The frame of each image by its file's name, see `frames_of`; by their order where two are alike."""
    if len(set(names)) < len(names):
        return list(range(len(names)))
    frames = frames_of(names, footage, where)
    return [frames.get(name) for name in names]


def name_of_frame(names: Sequence[str], frame: int) -> str:
    """What a written file calls the image of a frame: as `names` has it, else by number.

    >>> name_of_frame(("a.png",), 0), name_of_frame((), 7)
    ('a.png', '000007.jpg')
    """
    return names[frame] if frame < len(names) else f"{frame:06d}.jpg"
