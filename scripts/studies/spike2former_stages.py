"""What each stage of a streamed Spike2Former costs: `python scripts/studies/spike2former_stages.py VIDEO [...]`.

For the network that comes with the package on the clips, and for the full-size one with recipe weights on pictures of
which all or a tenth changes: by stage, the share of the dense products that was done, and processor time in
milliseconds, means over frames after the first, one thread. `--size 0` leaves the full-size network out.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from common import segmented
from spike2former_speed import changing, full_size

from vistream.bench.measure import LayerClock
from vistream.energy.spikes import stage_of
from vistream.engine.stream.engine import Stream
from vistream.models.spike2former import Spike2Former, load
from vistream.segment.network import PRESETS
from vistream.segment.streamed import as_integers
from vistream.types import Frame

Cost = tuple[float, float]
"""Of the dense products, 0..1, and milliseconds."""


def stage(layer: str) -> str:
    """Of an integer layer, which is called as the float network's, without the name of the head."""
    return stage_of(layer if layer.startswith("backbone.") else f"decode_head.{layer}")


def measure(network: Spike2Former, frames: Sequence[Frame], fidelity: str) -> dict[str, Cost]:
    """By stage, the last for all of it."""
    clock = LayerClock(time.process_time)
    zones, pictures = PRESETS[fidelity], [network.fitted(frame) for frame in frames]
    integers = as_integers(network, (pictures[0].shape[0], pictures[0].shape[1]), zones)
    stream = Stream(integers, zones.deadband, zones.hysteresis, clock.backend, zones.noise)
    stream.step(pictures[0])
    clock.clear()
    began = time.process_time()
    works = [stream.step(picture).work for picture in pictures[1:]]
    spent = defaultdict[str, float](float, {"all": time.process_time() - began})
    for layer, seconds in clock.by_layer().items():
        spent[stage(layer)] += seconds
    done, dense = defaultdict[str, int](int), defaultdict[str, int](int)
    for did in (did for work in works for did in work.layers):
        for name in (stage(did.name), "all"):
            done[name] += did.macs
            dense[name] += did.macs_dense
    names = [name for name in dense if name != "all"]
    return {name: (done[name] / dense[name], 1000 * spent[name] / len(works)) for name in (*names, "all")}


def report(title: str, network: Spike2Former, clips: Mapping[str, tuple[str, Sequence[Frame]]]) -> None:
    """Print a table: a column for each of `clips`, which are fidelities and frames."""
    found = {name: measure(network, frames, fidelity) for name, (fidelity, frames) in clips.items()}
    print(f"\n{title}\n\n| stage | " + " | ".join(found) + " |\n" + "|---" * (len(found) + 1) + "|")
    for name in next(iter(found.values())):
        cells = (f"{100 * costs[name][0]:.0f} %, {costs[name][1]:.1f} ms" for costs in found.values())
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    given = segmented("Measure what each stage of a streamed Spike2Former costs.", 10, 512, arguments)
    for video, frames in given.clips.items():
        report(f"tiny, {video}", load("spike2former-tiny"), {name: (name, frames) for name in PRESETS})
    if given.size:
        frames = changing(given.size, 4)
        whole = [frame if number % 2 else np.asarray(255 - frame, np.uint8) for number, frame in enumerate(frames)]
        clips = {"all changed, exact": ("exact", whole), **{f"a tenth, {name}": (name, frames) for name in PRESETS}}
        report(f"full size, {given.size} x {given.size}", full_size(given.size), clips)


if __name__ == "__main__":
    main()
