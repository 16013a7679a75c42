"""The pixels of a Pillow image as an array, without the detour over a string of bytes, which takes as long as decoding.

Pillow shows the memory of an image by the Arrow C data interface (https://arrow.apache.org/docs/format/CDataInterface.html):
four bytes a pixel, the last of which says nothing.
"""

from __future__ import annotations

import ctypes

import cv2
import numpy as np
from PIL import Image

from vistream.types import Frame

CHANNELS = 4  # bytes of a pixel in Pillow's memory


class _ArrowArray(ctypes.Structure):
    pass


_ArrowArray._fields_ = [
    *((name, ctypes.c_int64) for name in ("length", "null_count", "offset", "n_buffers", "n_children")),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_ArrowArray))),
    *((name, ctypes.c_void_p) for name in ("dictionary", "release", "private_data")),
]

_pointer_in = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)


def pixels_of(image: Image.Image) -> Frame:
    """Of an image of any mode that Pillow turns into RGB, as uint8 `[H, W, 3]`, an array of its own."""
    upright = image if image.mode == "RGB" else image.convert("RGB")
    try:
        _, capsule = upright.__arrow_c_array__()
    except (AttributeError, ValueError):  # before Pillow 11.2; or larger than one block of its memory
        return np.array(upright, dtype=np.uint8)
    channels = _ArrowArray.from_address(_pointer_in(capsule, b"arrow_array")).children[0].contents
    memory = ctypes.cast(channels.buffers[1], ctypes.POINTER(ctypes.c_uint8))
    shown = np.ctypeslib.as_array(memory, (upright.height, upright.width, CHANNELS))
    return np.asarray(cv2.cvtColor(shown, cv2.COLOR_RGBA2RGB), np.uint8)
