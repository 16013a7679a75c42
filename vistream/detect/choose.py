"""From what the user writes after `--detector` to a detector."""

from __future__ import annotations

import logging
from pathlib import Path

from vistream.detect.detector import Detector
from vistream.detect.selection import Selection
from vistream.errors import VistreamError

log = logging.getLogger("vistream")

BEST_FIRST = ("yolox-s", "nanodet-plus-m", "nanodet-g")
POSE = "movenet-multipose"


def make_detector(name: str, fps: float, selection: Selection | None = None, keypoints: bool = False) -> Detector:
    """The detector called `name`: auto, motion, one of `BEST_FIRST`, `POSE`, or `onnx:FILE[,layout=LAYOUT]`.

    `auto` takes the best one whose weights are here, else motion, and says so in the log; it downloads nothing.
    A detector asked for by name is downloaded if need be. `fps`: of the video, in frames a second, for motion.
    `keypoints`: only `POSE` will do, for auto too.
    Raises VistreamError: no such detector, no weights to be had, or a file that does not work.
    """
    chosen = selection or Selection()
    if keypoints and name not in ("auto", POSE):
        raise VistreamError(f"the detector {name!r} gives no keypoints: take {POSE}")
    if name == "auto":
        name = _pose_present() if keypoints else _best_present()
    if name == "motion":
        from vistream.detect.motion import MotionDetector

        return MotionDetector(fps)
    if name.startswith("onnx:"):
        from vistream.detect.onnx import OnnxDetector

        path, _, layout = name.removeprefix("onnx:").partition(",layout=")
        return OnnxDetector(Path(path), chosen, layout or None)
    if name in (*BEST_FIRST, POSE):
        return _with_weights(name, chosen)
    names = ", ".join(("auto", "motion", *BEST_FIRST, POSE))
    raise VistreamError(f"no detector is called {name!r}: {names}, or onnx:FILE")


def _pose_present() -> str:
    from vistream.networks.download import located

    if located(POSE) is None:
        raise VistreamError(f"no pose network is here: vistream download-weights {POSE}, or give keypoints in a file")
    return POSE


def _best_present() -> str:
    from vistream.networks.download import located

    for name in BEST_FIRST:
        if located(name) is not None:
            log.info("detector auto: %s", name)
            return name
    log.warning(
        "detector auto: no detection weights are here, so motion is used, which sees only what moves before a "
        "fixed camera; for a real detector: vistream download-weights nanodet-g (or yolox-s)"
    )
    return "motion"


def _with_weights(name: str, selection: Selection) -> Detector:
    from vistream.detect.movenet import MoveNet
    from vistream.detect.nanodet import NanodetG
    from vistream.detect.onnx import OnnxDetector
    from vistream.networks.download import fetch

    path = fetch(name)
    if name == "nanodet-g":
        return NanodetG(path, selection)
    if name == POSE:
        return MoveNet(path, selection)
    return OnnxDetector(path, selection, {"yolox-s": "yolox", "nanodet-plus-m": "nanodet-plus"}[name], name)
