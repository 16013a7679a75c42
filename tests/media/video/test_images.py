"""Folders and globs of images: in order, of every pixel format, as RGB."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from clipfiles import picture, take
from PIL import Image

from vistream.errors import VistreamError
from vistream.media.video import open_source
from vistream.types import Frame


def test_a_folder_is_read_in_natural_order(tmp_path: Path) -> None:
    order = [1, 2, 9, 10, 11, 100]
    for i in order:
        Image.fromarray(picture(i)).save(tmp_path / f"frame{i}.png")
    (tmp_path / "notes.txt").touch()
    Image.fromarray(picture(3)).save(tmp_path / "._frame3.png")
    for spec in (tmp_path, tmp_path / "*", tmp_path / "frame*.png"):
        frames = take(spec)
        assert [f.name for f in frames] == [f"frame{i}.png" for i in order]
        assert all(np.array_equal(f.image, picture(i)) for f, i in zip(frames, order, strict=True))
    some = take(tmp_path, start=1, stride=2, max_frames=2)
    assert [(f.index, f.name) for f in some] == [(1, "frame2.png"), (3, "frame10.png")]
    assert [f.name for f in take(tmp_path / "frame9.png")] == ["frame9.png"]
    with pytest.raises(VistreamError, match="only 6 frames"):
        open_source(str(tmp_path), start=6)


def test_the_frame_rate_of_a_mot_sequence_is_found(tmp_path: Path) -> None:
    (tmp_path / "img1").mkdir()
    for i in range(3):
        Image.fromarray(picture(i)).save(tmp_path / "img1" / f"{i}.png")
    assert open_source(str(tmp_path / "img1")).fps is None
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nframeRate=7\n")
    with open_source(str(tmp_path / "img1")) as source:
        assert source.fps == 7
        assert [f.time for f in source] == [0, 1 / 7, 2 / 7]


@pytest.mark.parametrize(
    ("pixels", "rgb"),
    [
        (np.full((4, 5), 77, np.uint8), (77, 77, 77)),
        (np.full((4, 5), 77 * 256 + 200, np.uint16), (77, 77, 77)),
        (
            np.full((4, 5, 3), (10 * 256, 20 * 256, 30 * 256 + 255), np.uint16),
            (30, 20, 10),
        ),  # OpenCV writes BGR
        (np.full((4, 5, 4), (10, 20, 30, 128), np.uint8), (30, 20, 10)),
    ],
    ids=["grey", "grey 16 bit", "colour 16 bit", "with alpha"],
)
def test_every_pixel_format_becomes_rgb(pixels: Frame, rgb: tuple[int, int, int], tmp_path: Path) -> None:
    for suffix in ("png", "tif"):
        assert cv2.imwrite(str(tmp_path / f"image.{suffix}"), pixels)
        (frame,) = take(tmp_path / f"image.{suffix}")
        assert frame.image.dtype == np.uint8
        assert frame.image.shape == (4, 5, 3)
        assert (frame.image == rgb).all()


def test_an_image_of_another_size_is_named(tmp_path: Path) -> None:
    Image.fromarray(picture(0)).save(tmp_path / "1.png")
    Image.fromarray(picture(0, (50, 40))).save(tmp_path / "2.png")
    source = open_source(str(tmp_path))
    next(source)
    with pytest.raises(VistreamError, match=r"2\.png is 50x40, the first one is 96x64"):
        next(source)
