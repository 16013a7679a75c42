"""Keep OpenCV and the FFmpeg inside it from writing to stderr: what matters is said by our own errors."""

from __future__ import annotations

import os

import cv2


def quiet_opencv() -> None:
    """Silence both, unless the user asked for their messages through OpenCV's own environment variables.

    FFmpeg's level is read when the first capture is made, so this is called before every opening.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET
    if "OPENCV_LOG_LEVEL" not in os.environ:
        # OpenCV 5 moved the function; 0 is "silent" in both
        setter = cv2.utils.logging.setLogLevel if hasattr(cv2.utils, "logging") else cv2.setLogLevel  # type: ignore[attr-defined]  # not in 5
        setter(0)
