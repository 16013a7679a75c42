"""Readers of images and of masks as images, with small valid files to start from."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np

from fuzzing.reader import Reader


def _labels_seeds(folder: Path) -> list[Path]:
    from PIL import Image

    from vistream.media.formats.davis import write_labels

    labels = np.arange(48, dtype=np.uint8).reshape(6, 8) // 16
    write_labels(folder / "a.png", labels)
    Image.fromarray(labels * 100).save(folder / "grey.png")
    Image.fromarray(labels > 0).save(folder / "one.png")
    return [folder / "a.png", folder / "grey.png", folder / "one.png"]


def _labels(path: Path) -> object:
    from vistream.media.formats.davis import read_labels

    return read_labels(path)


def _segments_seeds(folder: Path) -> list[Path]:
    from vistream.media.formats.panoptic import write_ids

    write_ids(folder / "a.png", np.arange(48, dtype=np.int32).reshape(6, 8) * 1000)
    return [folder / "a.png"]


def _segments(path: Path) -> object:
    from vistream.media.formats.panoptic import read_ids

    return read_ids(path)


def _image_seeds(folder: Path) -> list[Path]:
    from PIL import Image

    grey = np.arange(192, dtype=np.uint8).reshape(12, 16)
    rgb = Image.fromarray(np.dstack([grey, grey, grey]))
    for suffix in ("png", "jpg", "bmp", "tif", "webp", "ppm"):
        rgb.save(folder / f"a.{suffix}")
    Image.fromarray(grey.astype(np.uint16) * 256).save(folder / "deep.png")
    Image.fromarray(np.dstack([grey] * 4)).save(folder / "alpha.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    rgb.save(folder / "turned.jpg", exif=exif)
    return sorted(folder.iterdir())


def _image(path: Path) -> object:
    from vistream.media.video.images import read_image

    return read_image(path)


def _animation_seeds(folder: Path) -> list[Path]:
    from PIL import Image

    images = [Image.fromarray(np.full((12, 16, 3), 40 * number, np.uint8)) for number in range(3)]
    paths = [folder / f"a.{suffix}" for suffix in ("gif", "webp", "png")]
    for path in paths:
        images[0].save(path, save_all=True, append_images=images[1:], duration=50, loop=0)
    return paths


def _animation(path: Path) -> object:
    from vistream.media.video.source import open_source

    with open_source(str(path)) as source:
        return sum(frame.image.size for frame in islice(source, 20))


PICTURES: dict[str, Reader] = {
    "davis": Reader(_labels_seeds, _labels),
    "segments": Reader(_segments_seeds, _segments),
    "image": Reader(_image_seeds, _image),
    "animation": Reader(_animation_seeds, _animation),
}
