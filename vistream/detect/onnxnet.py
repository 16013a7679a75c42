"""Run an ONNX file in OpenCV, with errors in one line."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.media.video.quiet import quiet_opencv


class OnnxNet:
    """A network from an ONNX file; called with `[1, 3, H, W]` float32 it returns all outputs, in the file's order.

    Raises VistreamError where OpenCV can't read or run the file.
    """

    def __init__(self, path: Path) -> None:
        quiet_opencv()
        if not path.is_file():
            raise VistreamError(f"{path}: no such file")
        self.path = path
        try:
            self._net = cv2.dnn.readNetFromONNX(str(path))
            self._outputs = self._net.getUnconnectedOutLayersNames()
        except cv2.error as error:
            raise VistreamError(self._cannot("read", error)) from error

    def __call__(self, image: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        try:
            self._net.setInput(image)
            return [np.asarray(output, np.float32) for output in self._net.forward(self._outputs)]
        except cv2.error as error:
            raise VistreamError(self._cannot("run", error)) from error

    def _cannot(self, what: str, error: cv2.error) -> str:
        reason = " ".join(str(error.err or error).split())[:200]
        return f"{self.path}: OpenCV {cv2.__version__} cannot {what} this ONNX file ({reason})"
