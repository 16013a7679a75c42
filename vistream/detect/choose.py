"""From what the user writes after `--detector` to a detector."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vistream.detect.coco import KEYPOINTS
from vistream.detect.detector import Detector
from vistream.detect.selection import Selection
from vistream.errors import VistreamError
from vistream.models.foreign import instead_of

if TYPE_CHECKING:
    from vistream.detect.streaming import Streaming

log = logging.getLogger("vistream")

BEST_FIRST = ("yolox-s", "nanodet-plus-m", "nanodet-g")
POSE_BEST_FIRST = ("movenet-multipose", "posenet")
RECOMMENDED, POSE_RECOMMENDED = "nanodet-g", "movenet-multipose"
"""What `auto` fetches where nothing is here."""
PANOPTIC = ("spike2former:", "spike2former-")
"""How the name of a panoptic network begins, whose things have masks."""
SIZED = ("nanodet-g",)
"""Those beside ONNX files whose pictures may have any size."""


Size = int | tuple[int, int]
"""Of a network's input: the longer side, or (width, height)."""


def make_detector(
    name: str,
    fps: float,
    selection: Selection | None = None,
    *,
    keypoints: bool = False,
    masks: bool = False,
    size: Size | None = None,
    streaming: Streaming | None = None,
) -> Detector:
    """The detector called `name`: auto, motion, `onnx:FILE[,layout=LAYOUT]`, in one of the lists above, or a panoptic
    network, `spike2former:FILE` or `spike2former-NAME`.

    `auto` takes the best one whose weights are here, else fetches the recommended one where it can be reached, else
    takes motion; it says so in the log. A detector asked for by name is downloaded if need be.
    `fps`: of the video, in frames a second, for motion.
    `keypoints`: it must give them, for auto too; `masks`: it must give masks, if need be guessed, see `BoxMasks`.
    `size`: of the input, where a network leaves it open. `streaming`: how networks that can be are streamed; None: they
    run in float, on whole frames.
    Raises VistreamError: no such detector, no weights to be had, a file that does not work, or no keypoints in it.
    """
    selection = selection or Selection()
    of_file = name.startswith("onnx:")
    if not of_file:
        _check_no_file(name)
    if keypoints and not of_file and name not in ("auto", *POSE_BEST_FIRST):
        poses = " or ".join(POSE_BEST_FIRST)
        raise VistreamError(f"the detector {name!r} gives no keypoints: take {poses}, or onnx:FILE of a pose network")
    name = chosen(name, keypoints)
    if size is not None and not of_file and name not in SIZED:
        raise VistreamError(f"the detector {name} has a size of its own: one can be given for {SIZED[0]} and onnx:FILE")
    if of_file:
        from vistream.detect.onnx import OnnxDetector

        path, _, layout = name.removeprefix("onnx:").partition(",layout=")
        network = OnnxDetector(Path(path), selection, layout or None, size=size, masks=masks, streaming=streaming)
        if keypoints and not network.keypoints:
            raise VistreamError(f"{path} gives no keypoints: the task pose needs a pose network")
        return network if network.gives_masks or not masks else _with_masks(network, fps)
    detector = _named(name, fps, selection, size, streaming)
    return _with_masks(detector, fps) if masks and not name.startswith(PANOPTIC) else detector


def _check_no_file(name: str) -> None:
    """Raise VistreamError where a file is given in the place of a detector's name."""
    if name.endswith(".onnx"):
        raise VistreamError(f"the detector in the file {name} is called onnx:{name}")
    if instead := instead_of(Path(name)):
        raise VistreamError(f"{name}: {instead}; then take onnx:FILE")


def chosen(name: str, keypoints: bool = False) -> str:
    """The detector that `auto` stands for here, fetched if need be; any other name as it is."""
    if name != "auto":
        return name
    return _pose_network() if keypoints else _best_network()


def keypoints_of(detector: Detector) -> tuple[str, ...]:
    """The names of the keypoints that a pose detector's observations have."""
    from vistream.detect.onnx import OnnxDetector

    return detector.keypoints if isinstance(detector, OnnxDetector) else KEYPOINTS


def _with_masks(detector: Detector, fps: float) -> Detector:
    from vistream.detect.box_masks import BoxMasks
    from vistream.detect.person_masks import people_found

    return BoxMasks(detector, fps, people_found())


def _named(name: str, fps: float, selection: Selection, size: Size | None, streaming: Streaming | None) -> Detector:
    if name == "motion":
        from vistream.detect.motion import LABEL, MotionDetector

        selection.checked("motion", (LABEL,))
        return MotionDetector(fps)
    if name in (*BEST_FIRST, *POSE_BEST_FIRST):
        return _with_weights(name, selection, size, streaming)
    if name.startswith(PANOPTIC):
        from vistream.detect.segments import SegmentDetector

        return SegmentDetector(name.removeprefix("spike2former:"), selection)
    names = ", ".join(("auto", "motion", *BEST_FIRST, *POSE_BEST_FIRST))
    raise VistreamError(f"no detector is called {name!r}: {names}, onnx:FILE or spike2former:FILE")


def _pose_network() -> str:
    name = _present_or_fetched(POSE_BEST_FIRST, POSE_RECOMMENDED)
    if name is not None:
        return name
    get = f"vistream download-weights {POSE_RECOMMENDED}"
    raise VistreamError(f"no pose network is here: {get}, or give keypoints in a file")


def network_present(names: Sequence[str] = BEST_FIRST) -> str | None:
    """The first of these networks whose weights are here."""
    from vistream.models.download import located

    return next((name for name in names if located(name) is not None), None)


def _present_or_fetched(names: Sequence[str], recommended: str) -> str | None:
    """The first of these networks that is here, else the recommended one, fetched now; None where it can't be had."""
    from vistream.models import store
    from vistream.models.download import fetch, is_reachable
    from vistream.models.registry import known

    name = network_present(names)
    if name is not None:
        log.info("detector auto: %s", name)
        return name
    for name in names:
        if (damaged := store.damaged(known(name))) is not None:
            log.warning("detector auto: %s is damaged, so it does not count", damaged)
    weights = known(recommended)
    if not is_reachable(weights):
        return None
    log.info(
        "detector auto: no weights are here, so %s is fetched, once, from %s (--offline forbids it)",
        recommended,
        weights.source,
    )
    try:
        fetch(weights)
    except VistreamError as error:
        log.warning("%s", error)
        return None
    return recommended


def _best_network() -> str:
    name = _present_or_fetched(BEST_FIRST, RECOMMENDED)
    if name is not None:
        return name
    log.warning(
        "detector auto: no detection weights are here, so motion is used, which sees only what moves, best before a "
        "fixed camera; for a real detector: vistream download-weights nanodet-g (or yolox-s)"
    )
    return "motion"


def _with_weights(name: str, selection: Selection, size: Size | None, streaming: Streaming | None) -> Detector:
    from vistream.detect.movenet import MoveNet
    from vistream.detect.nanodet_g import NanodetGDetector
    from vistream.detect.onnx import OnnxDetector
    from vistream.detect.posenet import PoseNet
    from vistream.models.download import fetch

    path = fetch(name)
    if name == "nanodet-g":
        return NanodetGDetector(path, selection, streaming, size)
    if name in POSE_BEST_FIRST:
        return (PoseNet if name == "posenet" else MoveNet)(path, selection, streaming)
    layout = {"yolox-s": "yolox-rgb", "nanodet-plus-m": "nanodet-plus"}[name]
    return OnnxDetector(path, selection, layout, name, streaming=streaming)
