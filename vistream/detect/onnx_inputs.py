"""What an ONNX detector wants to be fed: the image, and in some files how large it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vistream.detect.onnx_metadata import LARGEST
from vistream.errors import VistreamError
from vistream.models.onnx_file import DTYPES, OnnxFile, Value

Size = tuple[int, int]
"""(width, height)."""
Array = NDArray[np.generic]

SMALLEST = 32  # that a user may ask for: the coarsest cell of most heads
FLOATS = (np.float32, np.float16, np.float64)


def _valid_pixels(size: Size, shape: tuple[int, ...]) -> NDArray[np.float64]:
    rows, columns = (given if given > 0 else side for given, side in zip(shape[1:], size[::-1], strict=True))
    return np.ones((1, rows, columns))


EXTRAS: dict[str, Callable[[Size, tuple[int, ...]], NDArray[np.float64]]] = {
    "orig_target_sizes": lambda size, shape: np.array([size], float),
    "pixel_mask": _valid_pixels,
    "im_shape": lambda size, shape: np.array([size[::-1]], float),
    "scale_factor": lambda size, shape: np.ones((1, 2)),
}
"""Inputs beside the image, from the input's (width, height) and the shape that the file gives them: RT-DETR's, of
which boxes come in pixels of that size; DETR's mask of valid pixels; Paddle's."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """`image`: the input for the image; `others`: those of `EXTRAS`. `size`: (width, height), 0 where it is free."""

    image: Value
    others: tuple[Value, ...]
    size: Size

    @property
    def to_size(self) -> bool:
        """Whether the network brings its boxes to a size that it is given."""
        return any(other.name == "orig_target_sizes" for other in self.others)

    @property
    def of_bytes(self) -> bool:
        """Whether the image is given in grey levels, as it is."""
        return DTYPES[self.image.dtype] is np.uint8

    def feed(self, image: NDArray[np.float32]) -> dict[str, Array]:
        """The network's inputs for an image `[1, 3, height, width]`."""
        size = (image.shape[3], image.shape[2])
        rank = len(self.image.shape or ())
        if _channels_last(self.image):
            image = image.transpose(0, 2, 3, 1)
        fed: dict[str, Array] = {self.image.name: image.astype(DTYPES[self.image.dtype]).reshape(image.shape[-rank:])}
        for other in self.others:
            fed[other.name] = EXTRAS[other.name](size, other.shape or ()).astype(DTYPES[other.dtype])
        return fed


def _channels_last(image: Value) -> bool:
    """Whether the image is `[1, height, width, 3]`, as TensorFlow has it: no image is 3 pixels wide."""
    shape = image.shape or ()
    return len(shape) in (3, 4) and shape[-1] == 3 and shape[-3] != 3


def inputs_of(file: OnnxFile) -> Inputs:
    """The inputs of a detector's file; raises VistreamError where it wants something else than one RGB image."""
    images = [value for value in file.inputs if value.name not in EXTRAS]
    if len(images) != 1:
        names = ", ".join(value.name for value in images) or "none"
        raise VistreamError(f"{file.path}: a detector has one input, for the image; this file has {names}")
    image, shape = images[0], images[0].shape or ()
    is_image = len(shape) in (3, 4) and (
        shape[-3] == 3 or (shape[-3] == -1 and shape[-1] != 1) or _channels_last(image)
    )
    if DTYPES.get(image.dtype) not in (*FLOATS, np.uint8) or not is_image:
        raise VistreamError(
            f"{file.path}: its input is {image}, no image of floats or bytes, 1 x 3 x height x width "
            "or 1 x height x width x 3"
        )
    if len(shape) == 4 and shape[0] not in (1, -1):
        raise VistreamError(f"{file.path}: its input is for {shape[0]} images at once: export it for one (batch 1)")
    others = tuple(value for value in file.inputs if value.name in EXTRAS)
    for other in others:
        if other.dtype not in DTYPES or (other.name == "pixel_mask" and len(other.shape or ()) != 3):
            raise VistreamError(f"{file.path}: its input {other.name} has a type or shape that nothing here can fill")
    height, width = (max(side, 0) for side in (shape[-3:-1] if _channels_last(image) else shape[-2:]))
    if max(width, height) > LARGEST:
        raise VistreamError(f"{file.path}: its input is {width} x {height} pixels, more than {LARGEST} a side")
    return Inputs(image, others, (width, height))
