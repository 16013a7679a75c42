"""What rounding the weights costs: the integer network beside the one with the float weights that it came from.

Both have the same levels. So for a network that was trained for few levels (ViStream's checkpoints, with learned steps)
this tells of the weights alone, where the float network, whose activations are not quantised, is no yardstick.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor

from vistream.engine.real_values import RealValues
from vistream.ir.formula import rounded
from vistream.ir.network import IntegerNetwork
from vistream.quantize.meaning import Meaning
from vistream.quantize.program import Program
from vistream.types import Frame


def cosine_with_float_weights(
    program: Program, network: IntegerNetwork, meanings: Mapping[str, Meaning], frames: Sequence[Frame]
) -> float:
    """The smallest cosine, over the frames, between the main output and that of the network with float weights.

    `network` and `meanings` are what `converted` made of `program`. 1 is equal.
    """
    values, layer = RealValues(program, network, meanings), program.outputs[network.outputs[0].name].layer
    cosines = []
    for frame in frames:
        values.take(frame)
        found, expected = values.real(layer).flatten(), _with_float_weights(values)[layer].flatten()
        cosines.append(float(F.cosine_similarity(found, expected, dim=0)))
    return min(cosines)


def _with_float_weights(values: RealValues) -> dict[str, Tensor]:
    """Every layer's real values, `[1, C, H, W]`: computed in float from those before it, then put on its levels."""
    first, *others = values.program.layers
    found = {first.name: values.real(first.name)}
    for layer in others:
        value, levels, step = values.in_float(layer, found), values.levels(layer), values.step(layer)
        found[layer.name] = value if levels is None else rounded(value / step).clamp(*levels) * step
    return found
