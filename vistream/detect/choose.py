"""From what the user writes after `--detector` to a detector."""

from __future__ import annotations

import logging
from pathlib import Path

from vistream.detect.detector import Detector
from vistream.detect.selection import Selection
from vistream.errors import VistreamError

log = logging.getLogger("vistream")

BEST_FIRST = ("yolox-s", "nanodet-plus-m", "nanodet-g")
POSE_BEST_FIRST = ("movenet-multipose", "posenet")


def make_detector(name: str, fps: float, selection: Selection | None = None, keypoints: bool = False) -> Detector:
    """The detector called `name`: auto, motion, `onnx:FILE[,layout=LAYOUT]`, or in one of the lists above.

    `auto` takes the best one whose weights are here, else motion, and says so in the log; it downloads nothing.
    A detector asked for by name is downloaded if need be. `fps`: of the video, in frames a second, for motion.
    `keypoints`: only one of `POSE_BEST_FIRST` will do, for auto too.
    Raises VistreamError: no such detector, no weights to be had, or a file that does not work.
    """
    chosen = selection or Selection()
    if keypoints and name not in ("auto", *POSE_BEST_FIRST):
        raise VistreamError(f"the detector {name!r} gives no keypoints: take {' or '.join(POSE_BEST_FIRST)}")
    if name == "auto":
        name = _pose_present() if keypoints else _best_present()
    if name == "motion":
        from vistream.detect.motion import LABEL, MotionDetector

        chosen.checked("motion", (LABEL,))
        return MotionDetector(fps)
    if name.startswith("onnx:"):
        from vistream.detect.onnx import OnnxDetector

        path, _, layout = name.removeprefix("onnx:").partition(",layout=")
        return OnnxDetector(Path(path), chosen, layout or None)
    if name in (*BEST_FIRST, *POSE_BEST_FIRST):
        return _with_weights(name, chosen)
    names = ", ".join(("auto", "motion", *BEST_FIRST, *POSE_BEST_FIRST))
    raise VistreamError(f"no detector is called {name!r}: {names}, or onnx:FILE")


def _pose_present() -> str:
    from vistream.models.download import located

    for name in POSE_BEST_FIRST:
        if located(name) is not None:
            log.info("detector auto: %s", name)
            return name
    get = f"vistream download-weights {POSE_BEST_FIRST[0]}"
    raise VistreamError(f"no pose network is here: {get}, or give keypoints in a file")


def _best_present() -> str:
    from vistream.models.download import located

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
    from vistream.detect.posenet import PoseNet
    from vistream.models.download import fetch

    path = fetch(name)
    if name == "nanodet-g":
        return NanodetG(path, selection)
    if name in POSE_BEST_FIRST:
        return PoseNet(path, selection) if name == "posenet" else MoveNet(path, selection)
    return OnnxDetector(path, selection, {"yolox-s": "yolox", "nanodet-plus-m": "nanodet-plus"}[name], name)
