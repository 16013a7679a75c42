"""Make the calibration that ships with the default network.

    python scripts/calibrate_default.py FRAMES...      (videos, folders of images or globs: varied real footage)

Takes evenly spread frames of each source and writes the range of every layer, up to the deepest cut that the program
offers, to vistream/quantize/efficientnet-lite0.json. Only those numbers are kept, nothing of the frames.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import vistream.quantize
from vistream.networks import lite0
from vistream.quantize.ranges import Preprocess, calibrate, save_ranges
from vistream.quantize.trace import trace
from vistream.types import Frame
from vistream.video.fit import fit
from vistream.video.spread import spread_frames

DEEPEST = 15


def main() -> None:
    """Calibrate on the sources given on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--frames", type=int, default=6, help="frames of each source")
    arguments = parser.parse_args()

    def frames() -> Iterator[Frame]:
        for source in arguments.sources:
            for frame in spread_frames(source, arguments.frames):
                yield fit(frame.image)

    program = trace(lite0.lite0_features(DEEPEST))
    ranges = calibrate(program, frames(), Preprocess(lite0.MEAN, lite0.STD))
    target = Path(next(iter(vistream.quantize.__path__))) / "efficientnet-lite0.json"
    save_ranges(ranges, target)
    print(f"{target}: {len(ranges)} layers")


if __name__ == "__main__":
    main()
