"""The networks whose features the study compares: cuts of Lite0 in floats, and the program's own integer engine."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from vistream.engine.fidelity import dead_zones
from vistream.engine.stream.engine import Stream
from vistream.models.lite0 import lite0_features
from vistream.quantize.named import DEFAULT_MODEL, named_network

Maps = Iterator[NDArray[np.float32]]
Images = Iterator[NDArray[np.uint8]]

# block, and the block from which strides become dilations
CUTS: dict[str, tuple[int, int | None]] = {
    "2": (2, None),
    "4": (4, None),
    "7": (7, None),
    "10": (10, None),
    "10, dilated": (10, 5),
}


def feature_maps(cut: str, images: Images) -> Maps:
    """Feature maps `[h, w, C]`: `cut` is one of `CUTS`, or a fidelity of the engine."""
    return _float_features(cut, images) if cut in CUTS else _stream_features(cut, images)


def _float_features(cut: str, images: Images) -> Maps:
    network = lite0_features(*CUTS[cut])
    with torch.inference_mode():
        for image in images:
            pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float()
            yield network((pixels - 127) / 128)[0].permute(1, 2, 0).numpy()


def _stream_features(fidelity: str, images: Images) -> Maps:
    """Block 4 of Lite0 in integers, with that fidelity's dead zones."""
    zones = dead_zones(fidelity, None, None)
    stream = Stream(named_network(DEFAULT_MODEL).network, zones.deadband, zones.hysteresis, noise=zones.noise)
    for image in images:
        frame = np.ascontiguousarray(image)
        yield stream.step(frame).features(frame).values
