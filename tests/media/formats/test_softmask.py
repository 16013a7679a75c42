"""Masks with soft edges, or saved with loss, give one object; label maps stay what they are."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from vistream.errors import VistreamError
from vistream.media.formats.davis import palette, read_labels
from vistream.pipeline.session import Session
from vistream.pipeline.start import FirstObjects

SIZE = (160, 120)
AREA = 100 * 60


def mask() -> np.ndarray:
    picture = np.zeros(SIZE[::-1], np.uint8)
    picture[30:90, 30:130] = 255
    return picture


def soft(sigma: float) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(mask(), (0, 0), sigma), np.uint8)


def as_rgb(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[:, :, None], 3, axis=2)


@pytest.mark.parametrize("sigma", [0.7, 2, 5])
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "rgb.png", "rgb.jpg"])
def test_one_object_whatever_its_edge(
    sigma: float, name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    picture = as_rgb(soft(sigma)) if name.startswith("rgb") else soft(sigma)
    Image.fromarray(picture).save(tmp_path / name)
    labels = read_labels(tmp_path / name)
    assert np.unique(labels).tolist() == [0, 255]
    assert abs((labels > 0).sum() - AREA) < 0.02 * AREA
    assert f"{tmp_path / name} has soft edges" in caplog.text


def test_a_plain_mask_saved_as_jpeg_is_one_object_of_a_session(tmp_path: Path) -> None:
    Image.fromarray(mask()).save(tmp_path / "a.jpg", quality=80)
    session = Session("vos", model=None)
    FirstObjects(mask=tmp_path / "a.jpg").give_to(session, SIZE)
    with pytest.raises(VistreamError, match="no object 2"):
        session.remove_object(2)


def test_label_maps_stay_as_they_are(tmp_path: Path) -> None:
    labels = np.zeros(SIZE[::-1], np.uint8)
    for number in range(1, 30):
        labels[4 * number : 4 * number + 4, 10:150] = number
    labels[0:4] = 255
    Image.fromarray(labels).save(tmp_path / "a.png")
    assert (read_labels(tmp_path / "a.png") == labels).all()


def test_labels_saved_as_jpeg_are_refused(tmp_path: Path) -> None:
    labels = np.where(mask() > 0, 60, 0).astype(np.uint8)
    labels[50:60] = 120
    Image.fromarray(labels).save(tmp_path / "a.jpg")
    with pytest.raises(VistreamError, match="JPEG and its like change the values of labels"):
        read_labels(tmp_path / "a.jpg")


def two_objects() -> np.ndarray:
    labels = np.where(mask() > 0, 128, 0).astype(np.uint8)
    labels[:, 80:][mask()[:, 80:] > 0] = 255
    return labels


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_two_objects_with_soft_edges_are_refused(name: str, tmp_path: Path) -> None:
    Image.fromarray(np.asarray(cv2.GaussianBlur(two_objects(), (5, 5), 0), np.uint8)).save(tmp_path / name)
    with pytest.raises(VistreamError, match="was smoothed" if name == "a.png" else "save masks as PNG"):
        read_labels(tmp_path / name)


def test_transparency_may_be_the_mask(tmp_path: Path) -> None:
    whole = np.full((*SIZE[::-1], 4), 255, np.uint8)
    whole[..., 3] = mask()
    Image.fromarray(whole).save(tmp_path / "a.png")
    assert (read_labels(tmp_path / "a.png") == mask()).all()


@pytest.mark.parametrize("lossless", [True, False])
def test_webp_is_lossy_or_not(lossless: bool, tmp_path: Path) -> None:
    Image.fromarray(as_rgb(mask())).save(tmp_path / "a.webp", lossless=lossless, quality=60)
    assert (read_labels(tmp_path / "a.webp") > 0).sum() == pytest.approx(AREA, abs=20)
    Image.fromarray(as_rgb(two_objects() // 60)).save(tmp_path / "b.webp", lossless=lossless, quality=20)
    if lossless:
        assert np.unique(read_labels(tmp_path / "b.webp")).tolist() == [0, 2, 4]
    else:
        with pytest.raises(VistreamError, match="save masks as PNG"):
            read_labels(tmp_path / "b.webp")


@pytest.mark.parametrize(("largest", "expected"), [(7, [0, 7]), (65535, [0, 255]), (2001, None)])
def test_labels_of_16_bits(largest: int, expected: list[int] | None, tmp_path: Path) -> None:
    Image.fromarray((mask() > 0).astype(np.uint16) * np.uint16(largest)).save(tmp_path / "a.png")
    if expected is None:
        with pytest.raises(VistreamError, match="holds numbers from 0 to 2001: labels are 0 to 255"):
            read_labels(tmp_path / "a.png")
    else:
        assert np.unique(read_labels(tmp_path / "a.png")).tolist() == expected


def test_colours_of_davis_are_labels_and_others_are_not(tmp_path: Path) -> None:
    labels = (two_objects() // 120).astype(np.uint8)
    Image.fromarray(palette()[labels]).save(tmp_path / "a.png")
    assert (read_labels(tmp_path / "a.png") == labels).all()
    Image.fromarray(palette()[labels] + np.uint8(1)).save(tmp_path / "b.png")
    with pytest.raises(VistreamError, match="holds colours"):
        read_labels(tmp_path / "b.png")
