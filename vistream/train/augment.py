"""From a picture and its labels to what a training step sees: another size, a crop, a mirror image, other colours."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.models.classes import VOID
from vistream.models.resnet import MEAN, STD
from vistream.models.spike2former.segments import INSTANCE
from vistream.train.config import AugmentConfig
from vistream.train.pairs import Labels
from vistream.types import Frame

TRIES = 10  # for a crop that is not nearly all of one class
BRIGHTNESS, CONTRAST, SATURATION, HUE = 32.0, (0.5, 1.5), (0.5, 1.5), 18  # hue of 180, as OpenCV has it


def augmented(
    image: Frame, labels: Labels, crop: tuple[int, int], rng: np.random.Generator, config: AugmentConfig
) -> tuple[NDArray[np.float32], Labels]:
    """Float32 `[3, h, w]`, normalised, and labels `[h, w]`, of the size `crop`; what lies outside is 0 and void."""
    image, labels = _resized(image, labels, rng, config)
    top, left = _place(labels, crop, rng, config.most)
    image, labels = (
        image[top : top + crop[0], left : left + crop[1]],
        labels[top : top + crop[0], left : left + crop[1]],
    )
    if rng.random() < config.flip:
        image, labels = image[:, ::-1], labels[:, ::-1]
    picture = image.astype(np.float32)
    if config.photometric:
        picture = photometric(picture, rng)
    height, width = labels.shape
    out = np.zeros((3, *crop), np.float32)
    out[:, :height, :width] = ((picture - np.array(MEAN)) / np.array(STD)).transpose(2, 0, 1)
    marked = np.full(crop, VOID, labels.dtype)
    marked[:height, :width] = labels
    return out, marked


def _resized(image: Frame, labels: Labels, rng: np.random.Generator, config: AugmentConfig) -> tuple[Frame, Labels]:
    low, high = config.scale
    factor = rng.uniform(low, high)
    if config.step:
        factor = low + config.step * rng.integers(round((high - low) / config.step) + 1)
    height, width = labels.shape
    if config.side == "longer":
        scale = config.base * factor / max(height, width)
    else:
        scale = min(config.base * factor / min(height, width), config.longest / max(height, width))
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    return image, np.asarray(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST), labels.dtype)


def _place(labels: Labels, crop: tuple[int, int], rng: np.random.Generator, most: float) -> tuple[int, int]:
    """Where a crop begins: the first of ten draws in which no class has more than its share, else the last."""
    room = [max(size - side, 0) for size, side in zip(labels.shape, crop, strict=True)]
    top = left = 0
    for _ in range(TRIES):
        top, left = (int(rng.integers(space + 1)) for space in room)
        classes = labels[top : top + crop[0], left : left + crop[1]].ravel().astype(np.int64) % INSTANCE
        counts = np.bincount(classes, minlength=VOID + 1)[:VOID]
        if most >= 1 or (np.count_nonzero(counts) > 1 and counts.max() < most * counts.sum()):
            break
    return top, left


def photometric(picture: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Brightness, contrast, saturation and hue, each changed with probability 1/2; RGB of 0..255.

    Contrast comes before or after the colours, at random (Liu et al., SSD, ECCV 2016).
    """
    if rng.random() < 0.5:
        picture = picture + np.float32(rng.uniform(-BRIGHTNESS, BRIGHTNESS))
    contrast, early = np.float32(rng.uniform(*CONTRAST) if rng.random() < 0.5 else 1.0), rng.random() < 0.5
    if early:
        picture = picture * contrast
    picture = _coloured(np.clip(picture, 0, 255), rng)
    return np.clip(picture if early else picture * contrast, 0, 255)


def _coloured(picture: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    saturation = rng.uniform(*SATURATION) if rng.random() < 0.5 else 1.0
    hue = rng.integers(-HUE, HUE + 1) if rng.random() < 0.5 else 0
    hsv = cv2.cvtColor(picture.astype(np.uint8), cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(np.int16) + int(hue)) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] * saturation, 0, 255)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.float32)
