"""How fast the integer form of a full-size Spike2Former is: `python scripts/spike2former_speed.py [--size N]`.

The network for ADE20K (34 M parameters) with weights after the recipe, one thread, whole frames of N x N. In turns, in
one process: the stream when everything changed, OpenVINO in float32 on the ONNX export, PyTorch in float32; and the
stream on a picture of which a tenth changes from frame to frame. Times are processor time of the process, so that other
programs disturb them little; medians, and what each is as a multiple of the first.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from spike2former_recipe import recipe_weights

from vistream.engine.fidelity import DeadZones
from vistream.kernels.library import kernels_in_use
from vistream.machine import cpu_name
from vistream.models.spike2former import Spike2Former
from vistream.models.spike2former.profile import Fit, Profile
from vistream.models.spike2former.sizes import BackboneSizes, Sizes
from vistream.segment.network import PRESETS
from vistream.segment.streamed import Streamed
from vistream.types import Frame

SHARE = 0.1  # of the picture, that changes


def full_size(size: int) -> Spike2Former:
    """With recipe weights, for pictures of `size` x `size`."""
    network = Spike2Former(Sizes(BackboneSizes()), Profile("ade20k", fit=Fit(size, size)))
    network.load_state_dict(recipe_weights(network, "full size"))
    return network.eval().requires_grad_(False)


def scene(size: int, seed: int = 0) -> Frame:
    """Smooth colours, with texture."""
    numbers = np.random.default_rng(seed)
    coarse = torch.from_numpy(numbers.uniform(0, 255, (1, 3, size // 32, size // 32)))
    smooth = torch.nn.functional.interpolate(coarse, (size, size), mode="bilinear")[0].permute(1, 2, 0).numpy()
    return np.clip(smooth + numbers.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)


def changing(size: int, count: int) -> list[Frame]:
    """A still picture in which one square, a tenth of it, shows something else each time."""
    still, side = scene(size), round(size * SHARE**0.5)
    frames = []
    for number in range(count):
        frame = still.copy()
        top = left = (size - side) // 2
        frame[top : top + side, left : left + side] = scene(size, 1 + number)[:side, :side]
        frames.append(frame)
    return frames


def openvino(network: Spike2Former, frame: Frame) -> Callable[[], object]:
    """Float32 on one thread, of the network as ONNX."""
    import openvino as ov

    image = network.preprocess(frame)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "network.onnx"
        torch.onnx.export(network, (image,), str(path), opset_version=17, dynamo=False)
        model = ov.Core().read_model(path)
        options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": "1", "INFERENCE_PRECISION_HINT": "f32"}
        request = ov.Core().compile_model(model, "CPU", options).create_infer_request()
    given = image.numpy()
    return lambda: request.infer(given)


def eager(network: Spike2Former, frame: Frame) -> Callable[[], object]:
    """Float32, channels last."""
    image = network.preprocess(frame).contiguous(memory_format=torch.channels_last)

    def run() -> object:
        with torch.inference_mode():
            return network(image)

    return run


def streamed(network: Spike2Former, zones: DeadZones, frames: Sequence[Frame]) -> Callable[[], object]:
    """The next of `frames`, which are gone through for ever."""
    stream, number = Streamed(network, zones), 0

    def run() -> object:
        nonlocal number
        number += 1
        return stream.step(frames[number % len(frames)])

    run()
    return run


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Time the integer Spike2Former beside its float network.")
    parser.add_argument("--size", type=int, default=512, help="pixels a side")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    network, frames = full_size(options.size), changing(options.size, options.rounds + 1)
    both = [frames[0], 255 - frames[0]]
    turns = {
        "stream, everything changed": streamed(network, PRESETS["exact"], both),
        "OpenVINO float32": openvino(network, frames[0]),
        "PyTorch float32": eager(network, frames[0]),
        **{f"stream, a tenth changed, {name}": streamed(network, zones, frames) for name, zones in PRESETS.items()},
    }
    times: dict[str, list[float]] = {name: [] for name in turns}
    for run in turns.values():
        run()
    for _ in range(options.rounds):
        for name, run in turns.items():
            began = time.process_time()
            run()
            times[name].append(time.process_time() - began)
    print(f"{cpu_name()}, kernels {kernels_in_use()}, one thread, load {os.getloadavg()[0]:.1f}")
    first = statistics.median(next(iter(times.values())))
    for name, spent in times.items():
        median = statistics.median(spent)
        print(f"{name:32s} {1000 * median:8.0f} ms  {median / first:5.2f}")


if __name__ == "__main__":
    main()
