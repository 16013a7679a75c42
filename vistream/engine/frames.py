"""The frames that people have, as the one kind that the engine takes: uint8 `[H, W, C]`, contiguous."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vistream.errors import VistreamError
from vistream.types import Frame

LAYOUTS = "uint8 [H, W, C] or [C, H, W], or a PIL image"


def as_frame(frame: Any, channels: int) -> Frame:
    """A frame for a network of `channels`; raises VistreamError where it is none.

    Taken are NumPy arrays of any strides, torch tensors, PIL images and nested lists; whole numbers in 0..255; channels
    last, or first where only that fits; with a batch axis of 1; grey pictures without a channel axis, repeated where
    the network has three channels.
    """
    if (
        isinstance(frame, np.ndarray)
        and frame.dtype == np.uint8
        and frame.ndim == 3
        and frame.shape[2] == channels
        and frame.size
    ):
        return _plain(frame)
    array, first = _array(frame)
    if array.ndim == 4 and len(array) == 1:
        array = array[0]
    pixels = _pixels(array)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim == 3:
        if pixels.shape[0] == channels and (first or pixels.shape[2] != channels):
            pixels = pixels.transpose(1, 2, 0)
        if pixels.shape[2] == 1 and channels == 3:
            pixels = pixels.repeat(3, 2)
        if pixels.shape[2] == channels and pixels.size:
            return _plain(pixels)
    raise VistreamError(f"a frame for this network must be {LAYOUTS} with {channels} channels, not {list(array.shape)}")


def _plain(pixels: Frame) -> Frame:
    """In one piece, and such that torch takes it without a word: writable."""
    pixels = np.ascontiguousarray(pixels)
    return pixels if pixels.flags.writeable else pixels.copy()


def each(frames: Any) -> Iterator[Any]:
    """The single frames in a list, a generator, one array of several, or in one frame alone; as they are."""
    alone = isinstance(frames, np.ndarray | Tensor) and frames.ndim in (2, 3)
    if alone or isinstance(frames, str | bytes) or not isinstance(frames, Iterable) or _is_picture(frames):
        frames = [frames]
    yield from frames


def channels_of(frame: Any) -> int:
    """How many channels a frame seems to have: the last axis, or the first where only that is small."""
    shape = _array(frame)[0].shape
    shape = shape[1:] if len(shape) == 4 else shape
    if len(shape) != 3:
        return 1
    return int(shape[0] if shape[2] > 4 >= shape[0] or (isinstance(frame, Tensor) and shape[0] <= 4) else shape[2])


def _array(frame: Any) -> tuple[NDArray[Any], bool]:
    """An array of it, and whether its channels more likely come first."""
    if isinstance(frame, Tensor):
        try:
            return frame.detach().cpu().numpy(), True
        except (TypeError, RuntimeError):  # of a type that NumPy lacks, sparse, or without values
            kind = f"{frame.dtype}, {frame.layout}, on {frame.device.type}"
            raise VistreamError(f"a frame must be {LAYOUTS}, not a tensor of {kind}") from None
    if _is_picture(frame):
        return np.asarray(frame.convert("L" if frame.mode in ("1", "L", "I", "F", "I;16") else "RGB")), False
    if isinstance(frame, str | bytes) or frame is None:
        raise VistreamError(f"a frame must be {LAYOUTS}, not {frame!r:.60}: read pictures and videos first")
    try:
        return np.asarray(frame), False
    except ValueError:
        raise VistreamError(f"a frame must be {LAYOUTS}, not a {type(frame).__name__}") from None


def _pixels(array: NDArray[Any]) -> Frame:
    if array.dtype == np.uint8:
        return array
    whole = np.issubdtype(array.dtype, np.integer) and bool(array.size) and array.min() >= 0 and array.max() <= 255
    if not whole:
        raise VistreamError(
            f"a frame must be {LAYOUTS}, not {array.dtype}: pixels are whole numbers from 0 to 255 "
            "(of 0.0 to 1.0: (frame * 255).round().astype('uint8'))"
        )
    return array.astype(np.uint8)


def _is_picture(frame: Any) -> bool:
    """Whether it is a PIL image; PIL is not loaded to find out."""
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(frame, pillow.Image)
