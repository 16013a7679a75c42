"""What the kernels reach of the processor's limits, layer kind by layer kind: ResNet-50 to layer3, everything changed.

    python scripts/roofline.py

Limits are measured here: products of tile registers on operands that stay in the first-level cache, and copying memory
that does not fit any cache, both with all threads. Bytes: levels that a layer reads (sources, and what it held) and
writes, each once. Prints Markdown. Needs a CPU with tile registers (AMX).
"""

# what numba compiles has no Python types
# mypy: ignore-errors

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

import numpy as np
import torch
from numba import njit

from vistream.bench.clips import blob_frames
from vistream.bench.measure import layer_times
from vistream.bench.run import subject
from vistream.engine.fidelity import DeadZones
from vistream.engine.stream.packing import aligned_zeros
from vistream.engine.stream.plan import LayerPlan, make_plan
from vistream.engine.stream.raw import address_of
from vistream.engine.stream.tiles import tile_begin, tile_end, tile_product_2x2, tile_shapes, tiles_allowed
from vistream.ir.operations import Neuron
from vistream.machine import cpu_name

STEPS, TIMES = 8, 20000
MACS = STEPS * TIMES * 4 * 16 * 16 * 64  # of one run of `products`
SIZE = (480, 856)


@njit(nogil=True)
def products(shapes, inputs, weights, totals, times):
    """32 positions by 32 channels by 512 inputs, again and again."""
    tile_begin(address_of(shapes))
    for _ in range(times):
        tile_product_2x2(address_of(inputs), 64 * STEPS, STEPS, address_of(weights), address_of(totals), 128, 0)
    tile_end()


def together(run: Callable[[int], None], threads: int) -> float:
    """Seconds that all threads take, the best of three times."""
    taken = []
    for _ in range(3):
        workers = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        taken.append(time.perf_counter() - began)
    return min(taken)


def limits(threads: int) -> tuple[float, float]:
    """T multiply-accumulates and GB (read and written) a second."""
    shapes = tile_shapes()
    memory = [[aligned_zeros(size, np.int8) for size in (32 * 64 * STEPS, 2048 * STEPS, 4096)] for _ in range(threads)]
    products(shapes, *memory[0], 1)
    tera = threads * MACS / together(lambda number: products(shapes, *memory[number], TIMES), threads) / 1e12
    large = [np.ones(1 << 28, np.uint8) for _ in range(threads)]
    targets = [np.ones_like(array) for array in large]
    giga = threads * 2 * large[0].nbytes / together(lambda n: np.copyto(targets[n], large[n]), threads) / 1e9
    return tera, giga


def kind_of(plan: LayerPlan) -> str:
    """How a layer's sums are formed."""
    places = [synapse.place for synapse in plan.synapses if synapse.weight is not None]
    if not places:
        return "max-pool"
    assert places[0] is not None
    rows, columns = places[0].window.kernel
    more = " of two sources" if len(places) > 1 else " and an identity" if len(plan.synapses) > 1 else ""
    return f"{rows}x{columns}{more}"


def moved(plan: LayerPlan, plans: dict[str, LayerPlan]) -> int:
    """Bytes of levels: its sources read, what it held read, what it takes written."""
    sources = plan.layer.sources if hasattr(plan.layer, "sources") else ()
    read = sum(plans[name].height * plans[name].width * plans[name].channels for name in sources)
    return int(read + 2 * plan.height * plan.width * plan.channels)


def main() -> None:
    if not tiles_allowed():
        sys.exit("this CPU has no tile registers, or the system keeps them from programs")
    threads = torch.get_num_threads()
    frame = blob_frames(*SIZE, 0.05, 1)[0]
    network = subject("resnet50", [frame]).network
    plans = {plan.layer.name: plan for plan in make_plan(network, *SIZE)}
    times: dict[str, tuple[float, int, int]] = {}
    frames = [255 - frame if number % 2 else frame for number in range(13)]
    for layer in layer_times(network, DeadZones(), frames):
        plan = plans.get(layer.name)
        if plan is None or not (isinstance(plan.layer, Neuron) or plan.place is not None):
            continue
        ms, macs, size = times.get(kind_of(plan), (0.0, 0, 0))
        times[kind_of(plan)] = ms + layer.milliseconds, macs + layer.macs, size + moved(plan, plans)
    tera, giga = limits(threads)
    print(f"Limits a second: {tera:.2f} T multiply-accumulates, {giga:.1f} GB ({cpu_name()}, {threads} threads)\n")
    print("| layers | ms | G multiply-accumulates | T a second | of the limit | MB | GB a second | of the limit |")
    print("|---|---|---|---|---|---|---|---|")
    times["all"] = tuple(np.sum(list(times.values()), 0).tolist())
    for kind, (ms, macs, size) in times.items():
        rate, bandwidth = macs / ms / 1e9, size / ms / 1e6
        print(
            f"| {kind} | {ms:.1f} | {macs / 1e9:.1f} | {rate:.2f} | {rate / tera:.0%} | {size / 1e6:.0f} "
            f"| {bandwidth:.1f} | {bandwidth / giga:.0%} |"
        )


if __name__ == "__main__":
    main()
