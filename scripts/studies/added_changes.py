"""Where adding changed levels beats computing sums anew: `python scripts/studies/added_changes.py`.

Layers of the full-size Spike2Former on a picture of 512 x 512, one thread. Of the levels that a layer reads a share
takes another value, at random; processor time in milliseconds of the layer alone, the least of nine, where these
changes are added to sums that are kept (`engine.stream.events`), and where all sums are computed anew.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from common import print_table
from spike2former_speed import full_size, scene

from vistream.engine.stream import neuron_terms
from vistream.engine.stream.choose_backend import backend_class
from vistream.engine.stream.compiled_backend import CompiledBackend
from vistream.engine.stream.memory import Memory
from vistream.engine.stream.plan import make_plan
from vistream.ir.operations import Neuron
from vistream.kernels.structs import TermKind
from vistream.segment.network import PRESETS
from vistream.segment.streamed import as_integers

SHARES = (0.0, 0.03, 0.06, 0.12, 0.18, 0.24, 0.29)
LAYERS = (
    "backbone.block3.1.attn.q_conv",
    "backbone.block4.1.attn.q_conv",
    "pixel_decoder.encoder.layers.0.Conv.pwconv1",
    "pixel_decoder.encoder.layers.0.ffn",
    "transformer_decoder.layers.1.cross_attn.k_conv",
)
SIZE, ROUNDS = 512, 9


def few_everywhere(*_: object) -> bool:
    """For `neuron_terms.pays`: whatever reads a neuron of few levels keeps its sums, also where that is a loss."""
    source = _[1]
    assert isinstance(source, Memory)
    neuron = source.plan.layer
    return isinstance(neuron, Neuron) and neuron.table is None and neuron.lo == 0 and neuron.hi < 16


def backend(pays: Callable[..., bool]) -> CompiledBackend:
    """For the network, with sums kept where `pays` says so."""
    vars(neuron_terms)["pays"] = pays
    network = full_size(SIZE)
    made = backend_class("compiled")(make_plan(as_integers(network, (SIZE, SIZE), PRESETS["exact"]), SIZE, SIZE))
    assert isinstance(made, CompiledBackend)
    made.read(network.fitted(scene(SIZE)), 0)
    made.update_all([0] * (len(made.plans) - 1), {})
    made.pause()
    return made


def spent(made: CompiledBackend, name: str, share: float) -> float:
    """Milliseconds."""
    random, layer = np.random.default_rng(0), made._memory[name]
    (source,) = (one for one, term in zip(layer.sources, layer.terms, strict=True) if term.kind == TermKind.CONVOLVE)
    assert isinstance(source.plan.layer, Neuron)
    levels, least = source.values[:-1, : source.plan.channels], float("inf")
    for _ in range(ROUNDS):
        moved = random.random(levels.shape) < share
        levels[:] = np.where(moved, (levels + 1) % (source.plan.layer.hi + 1), levels)
        source.changed[:], source.layer.changes = moved.any(1), int(moved.sum())
        layer.stale[:] = layer.layer.may_be_stale = 1
        began = time.process_time()
        made.update(layer.plan, 0)
        least = min(least, time.process_time() - began)
        source.layer.changes = 0
    return 1000 * least


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    argparse.ArgumentParser(description=__doc__).parse_args(arguments)
    torch.set_num_threads(1)
    adding, anew = backend(few_everywhere), backend(lambda *_: False)
    header = ("layer", "inputs", "anew", *(f"{100 * share:.0f} % added" for share in SHARES))
    rows = []
    for name in LAYERS:
        inputs = str(adding._memory[name].events[0].inner)
        times = [spent(anew, name, SHARES[-1]), *(spent(adding, name, share) for share in SHARES)]
        rows.append((name, inputs, *(f"{one:.2f}" for one in times)))
    print_table(header, rows)


if __name__ == "__main__":
    main()
