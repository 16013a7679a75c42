"""What the range of a layer should be: how far int8 is from float by how calibration chooses it.

    vistream download-weights nanodet-g
    PYTHONPATH=scripts python scripts/studies/ranges.py ../shared/data

Networks are calibrated on some frames of a clip and run on others of it, as a user's own is. The error is the root mean
square of all outputs less the float network's, relative to that of theirs; the mean over frames and clips.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from common import CLIPS, parser_of, print_table
from torch import nn

from vistream.detect.nanodet_g import NanodetGDetector
from vistream.detect.selection import Selection
from vistream.engine.stream.engine import Stream
from vistream.media.video.spread import spread_frames
from vistream.models import resnet
from vistream.models.download import fetch
from vistream.models.model import load_model
from vistream.quantize.convert import converted
from vistream.quantize.named import DEFAULT_MODEL, preprocess_of
from vistream.quantize.ranges import PERCENTILES, Preprocess, calibrate
from vistream.quantize.scales import FULL, Levels
from vistream.quantize.trace import trace
from vistream.types import Frame

SEEN = ("PETS09-S2L1", "TUD-Stadtmitte", "bedroom")
SIZE = (320, 224)  # (width, height) of the pictures
SHOWN = 6  # frames of each clip; every other is calibrated on


@dataclass(frozen=True)
class Rule:
    """How ranges are chosen."""

    percentiles: Sequence[float]
    by_channel: bool
    levels: Levels = FULL


RULES = {
    "99.9 % of the values, one step a layer, -63..63": Rule((99.9,), False, Levels(127, 63)),
    "chosen by what it loses": Rule(PERCENTILES, False, Levels(127, 63)),
    "all values, by channel": Rule((100.0,), True, Levels(127, 63)),
    "chosen, by channel": Rule(PERCENTILES, True, Levels(127, 63)),
    "these, and -127..127 (built)": Rule(PERCENTILES, True),
}


def networks() -> Iterator[tuple[str, nn.Module, Preprocess]]:
    """By name: one that was trained for pictures, one for boxes, and one with random weights."""
    lite0 = load_model(DEFAULT_MODEL)
    yield "EfficientNet-Lite0", lite0.module, preprocess_of(lite0)
    detector = NanodetGDetector(fetch(NanodetGDetector.name), Selection())
    yield detector.name, detector.module, detector.preprocess
    torch.manual_seed(0)
    yield "ResNet-18, random", resnet.ResNetFeatures(18).eval(), Preprocess(resnet.MEAN, resnet.STD)


def small(frame: Frame) -> Frame:
    return np.asarray(cv2.resize(frame, SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def error(module: nn.Module, preprocess: Preprocess, rule: Rule, frames: list[Frame]) -> float:
    """Of the frames that the calibration did not see."""
    program = trace(module, 3, frames[0].shape[:2])
    ranges = calibrate(program, frames[::2], preprocess, rule.percentiles, rule.by_channel)
    stream, found = Stream(converted(program, ranges, preprocess, rule.levels, read_out=True)[0]), []
    for frame in frames[1::2]:
        outputs = stream.step(frame).outputs
        with torch.no_grad():
            wanted = program.graph(preprocess(frame))
        for name, floats in wanted.items():
            integers = torch.from_numpy(outputs[name].values()).permute(2, 0, 1)[None]
            found.append(float((integers - floats).norm() / floats.norm()))
    return float(np.mean(found))


def main() -> None:
    root = parser_of(__doc__).parse_args().root
    clips = [
        [small(frame.image) for frame in spread_frames(str(root / clip), SHOWN)]
        for clip in map(CLIPS.__getitem__, SEEN)
    ]
    rows: dict[str, list[str]] = {name: [name] for name in RULES}
    names = []
    for name, module, preprocess in networks():
        names.append(name)
        for rule, row in rows.items():
            row.append(f"{np.mean([error(module, preprocess, RULES[rule], frames) for frames in clips]):.3f}")
    print_table(["range of a layer", *names], list(rows.values()))


if __name__ == "__main__":
    main()
