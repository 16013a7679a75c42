"""Masks with soft edges, or saved with loss, give one object; label maps stay what they are."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from vistream.errors import VistreamError
from vistream.media.formats.davis import read_labels
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
    with pytest.raises(VistreamError, match="JPEG changes the values of labels"):
        read_labels(tmp_path / "a.jpg")
