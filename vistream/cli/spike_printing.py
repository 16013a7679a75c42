"""What `vistream energy-report --task semseg` prints and writes: integers, spikes, products, prices."""

from __future__ import annotations

import csv as csvlib
import json as jsonlib
from dataclasses import asdict
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from torch import Tensor

from vistream.atomic import replacing
from vistream.energy.binary import prove
from vistream.energy.estimators import Estimator
from vistream.energy.spike_prices import Method, Prices, priced
from vistream.energy.spikes import EXPLAINED, SpikeCounts, count_spikes
from vistream.energy.units import count, joules, shortened
from vistream.errors import VistreamError
from vistream.media.video.frames import Source
from vistream.models.spike2former import load
from vistream.models.spike2former.network import Network
from vistream.render.energy_html import ReportPaths
from vistream.render.spikes_html import SpikeReport, write_spikes_html


def count_and_print(frames: Source, model: str, paths: ReportPaths, *, binary: bool, quiet: bool) -> None:
    """Count, prove if wanted, write, print. Raises VistreamError where a proof fails."""
    paths.check()
    network = load(model)
    images = [network.preprocess(frame.image) for frame in frames]
    if not images:
        raise VistreamError(f"{frames.name}: there is no frame to count")
    counts = count_spikes(network, images)
    prices = priced(counts)
    console = Console(quiet=quiet, highlight=False)
    frame = "1 frame" if counts.frames == 1 else f"{counts.frames} frames"
    facts = f"{model}, {frame} of {images[0].shape[3]}x{images[0].shape[2]}"
    console.print(f"{frames.name}: {facts}")
    console.print(_neurons(counts))
    console.print(_layers(counts))
    console.print(_prices(prices))
    for sentence in EXPLAINED:
        console.print(f"- {sentence}")
    proved = _proved(network, images[0]) if binary else None
    if proved is not None:
        console.print(proved)
    if paths.json is not None:
        _write_json(paths.json, counts, prices)
    if paths.csv is not None:
        _write_csv(paths.csv, counts)
    if paths.html is not None:
        write_spikes_html(SpikeReport(frames.name, facts, counts, prices, proved), paths.html)


def _proved(network: Network, image: Tensor) -> str:
    """In a sentence; raises VistreamError where it is not so."""
    try:
        proof = prove(network, image)
    except ValueError as error:
        raise VistreamError(f"--binary: {error}") from None
    if proof.differing:
        raise VistreamError(f"--binary: {proof.differing} values differ between binary steps and integers")
    return (
        f"binary form: {proof.layers} layers run in {proof.steps} binary steps; {count(proof.neurons)} neurons and "
        "the output equal those of the integer form, to the last bit"
    )


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 0, 0, 1))
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    return table


def _neurons(counts: SpikeCounts) -> Table:
    table = _table("Neurons", "layer", "neurons", "mean integer", "spikes/step", "active")
    for name, firing in counts.neurons.items():
        share = firing.active / firing.values
        neurons = count(firing.values / counts.frames)
        table.add_row(shortened(name, 40), neurons, f"{firing.mean:.4f}", f"{firing.rate:.4f}", f"{100 * share:.1f} %")
    return table


def _layers(counts: SpikeCounts) -> Table:
    table = _table("Layers, a frame", "layer", "reads", "MACs", "SOPs")
    for name, layer in counts.layers.items():
        added = count(layer.sops / counts.frames) if layer.spiking else "-"
        table.add_row(shortened(name, 40), layer.kind, count(layer.macs / counts.frames), added)
    macs = sum(layer.macs for layer in counts.layers.values()) / counts.frames
    sops = sum(layer.sops for layer in counts.layers.values()) / counts.frames
    table.add_row("all", "", count(macs), count(sops))
    return table


def _prices(prices: Prices) -> Table:
    table = _table("Energy of a frame, estimated, joules", "", *(estimator.name for estimator in Estimator), "authors")
    for method in Method:
        own = (joules(prices.estimates[method, estimator]) for estimator in Estimator)
        table.add_row(method.value, *own, joules(prices.authors) if method is Method.SPIKES else "")
    legend = [f"{estimator.name}: {estimator.value}" for estimator in Estimator]
    table.caption = "\n".join([*legend, "authors: 0.9 pJ a MAC and mean integer, 4.6 pJ a MAC of pixels or sums"])
    table.caption_justify = "left"
    return table


def _write_json(path: Path, counts: SpikeCounts, prices: Prices) -> None:
    estimates = {
        f"{method.name.lower()} {estimator.name}": value for (method, estimator), value in prices.estimates.items()
    }
    content = {**asdict(counts), "picojoules": {"authors": prices.authors, **estimates}}
    with replacing(path) as temporary:
        temporary.write_text(jsonlib.dumps(content, indent=1), encoding="utf-8", newline="")


def _write_csv(path: Path, counts: SpikeCounts) -> None:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csvlib.writer(file, lineterminator="\n")
        writer.writerow(("layer", "neurons", "mean_integer", "spikes_per_step", "active"))
        for name, firing in counts.neurons.items():
            neurons = firing.values // counts.frames
            writer.writerow((name, neurons, firing.mean, firing.rate, firing.active / firing.values))
