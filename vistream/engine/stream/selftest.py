"""A toy network that passes through every numba kernel, and the proof that they agree with the dense reference here.

Running it compiles the kernels, or reads them from numba's cache.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vistream.engine.reference import Dense
from vistream.engine.stream.backend import Backend
from vistream.engine.stream.numba_backend import NumbaBackend
from vistream.engine.stream.plan import make_plan
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import Concat, Input, MaxPool, Neuron, Operation, Synapse, Upsample
from vistream.ir.window import POINTWISE, Window


def check_numba() -> type[Backend]:
    """`NumbaBackend`; raises ArithmeticError if a kernel's result is not exact on this machine."""
    network = toy_network()
    generator = np.random.default_rng(0)
    frames = [generator.integers(0, 256, (9, 14, 3), dtype=np.uint8) for _ in range(2)]
    frames.append(np.where(np.arange(14)[None, :, None] < 4, 255, frames[-1]).astype(np.uint8))
    plans = make_plan(network, 9, 14)
    for hysteresis in (0, 1):
        backend, dense = NumbaBackend(plans), Dense(network, 0, hysteresis)
        for frame in frames:
            expected = dense.step(frame)
            backend.read(frame, 0)
            for plan in plans[1:]:
                backend.update(plan, hysteresis)
                if not torch.equal(backend.levels(plan.layer.name), expected[plan.layer.name]):
                    raise ArithmeticError(f"wrong levels in the self-test, layer {plan.layer.name}")
    return NumbaBackend


def toy_network() -> IntegerNetwork:
    """Extreme weights, every kind of layer, and tiles of 1, 2, 3 and 4 vectors."""
    generator = torch.Generator().manual_seed(0)

    def weight(outputs: int, inputs: int, kernel: int) -> Tensor:
        signs = torch.randint(0, 2, (outputs, inputs, kernel, kernel), generator=generator)
        return (signs * 254 - 127).to(torch.int8)

    def neuron(name: str, outputs: int, *synapses: Synapse, lo: int = 0, hi: int = 127) -> Neuron:
        bias = torch.randn(outputs, generator=generator) * 20
        return Neuron(name, synapses, bias, lo, hi, 1.0)

    def conv(source: str, outputs: int, inputs: int, window: Window = POINTWISE, groups: int = 1) -> Synapse:
        kernel = window.kernel[0]
        gain = torch.full((outputs,), 50.0 / (127 * 127 * inputs * kernel**2) ** 0.75)
        return Synapse(source, weight(outputs, inputs // groups, kernel), gain, window, groups)

    three = Window((3, 3), (1, 1), (1, 1), (1, 1))
    half = torch.full((48,), 0.5)
    layers: tuple[Operation, ...] = (
        Input("x", 3),
        neuron("four", 64, conv("x", 64, 3, Window((3, 3), (2, 2), (1, 1), None)), lo=-63, hi=63),
        neuron("three", 48, conv("four", 48, 64)),
        neuron("depthwise", 48, conv("three", 48, 48, three, 48)),
        neuron("residual", 48, Synapse("three", None, half), conv("depthwise", 48, 48), lo=-63, hi=63),
        neuron("two sums", 32, conv("three", 32, 48), conv("residual", 32, 48), lo=-128, hi=127),
        neuron("identity", 32, Synapse("two sums", None, half[:32])),
        neuron("mean", 32, Synapse("identity", None, half[:32], None)),
        MaxPool("pool", "identity", Window((2, 2), (2, 2))),
        Upsample("up", "pool", (2, 2)),
        neuron("narrow", 16, conv("up", 16, 32)),
        Concat("concat", ("narrow", "up")),
    )
    return IntegerNetwork.of(layers)
