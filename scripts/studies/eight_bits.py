"""What eight bits cost a detector's heads, and what each rule of the quantisation wins back.

    vistream download-weights movenet-multipose nanodet-g posenet
    PYTHONPATH=scripts python scripts/studies/eight_bits.py ../shared/data movenet-multipose nanodet-g posenet

The error of each output against the float network's, over some frames of every clip: mean square, as a share of the
output's variance; the mean over outputs and frames.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from calibrate_detector import DETECTORS
from torch import Tensor

from vistream.detect.own_network import OwnNetwork
from vistream.detect.selection import Selection
from vistream.engine.stream.engine import Stream
from vistream.media.video.spread import spread_frames
from vistream.models.download import fetch
from vistream.quantize.convert import converted
from vistream.quantize.named import shipped_ranges
from vistream.quantize.ranges import Range, Ranges
from vistream.quantize.trace import trace
from vistream.types import Frame

CLIPS = (
    "pose/bonn-060470979/img", "mots/schoolgirls/schoolgirls.mp4", "mot/PETS09-S2L1/img1",
    "mot/TUD-Stadtmitte/TUD-Stadtmitte.mp4", "demo/static_person_intel_one-by-one.mp4",
    "demo/moving_people_sam2_bedroom.mp4", "vos/DAVIS2016/JPEGImages/480p/rollerblade",
    "vos/DAVIS2016/JPEGImages/480p/horsejump-high",
)  # fmt: skip
FRAMES = 2  # of each


def rules(ranges: Ranges) -> dict[str, Ranges]:
    """The same calibration with less and less left out of it."""
    return {
        "one step a layer": {name: Range(found.low, found.high) for name, found in ranges.items()},
        "steps by channel": {name: replace(found, means=()) for name, found in ranges.items()},
        "and biases corrected": ranges,
    }


def pictures(detector: OwnNetwork, root: Path) -> Iterator[Frame]:
    """What the network sees of the clips."""
    for clip in CLIPS:
        for frame in spread_frames(str(root / clip), FRAMES):
            yield detector.picture(frame.image)


def error(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> float:
    """The mean over the outputs: `[1, C, h, w]` each."""
    shares = []
    for name, value in wanted.items():
        spread = (value - value.mean((2, 3), keepdim=True)).square().mean()
        shares.append(float((given[name] - value).square().mean() / spread))
    return float(np.mean(shares))


def main() -> None:
    """Print a table for every detector named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("names", nargs="+", choices=DETECTORS)
    arguments = parser.parse_args()
    for name in arguments.names:
        detector = DETECTORS[name](fetch(name), Selection())
        program, ranges = trace(detector.module), shipped_ranges(name)
        assert ranges is not None
        shown = list(pictures(detector, arguments.root))
        with torch.no_grad():
            wanted = [program.graph(detector.preprocess(picture)) for picture in shown]
        for rule, known in rules(ranges).items():
            network, _ = converted(program, known, detector.preprocess, read_out=True)
            stream, errors = Stream(network), []
            for picture, floats in zip(shown, wanted, strict=True):
                stream.reset()  # sizes differ
                step = stream.step(picture)
                given = {
                    key: torch.from_numpy(out.values()).permute(2, 0, 1)[None] for key, out in step.outputs.items()
                }
                errors.append(error(given, floats))
            print(f"| {name} | {rule} | {np.mean(errors):.4f} |", flush=True)


if __name__ == "__main__":
    main()
