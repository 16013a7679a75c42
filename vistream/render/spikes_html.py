"""What `vistream energy-report --task semseg` counted, as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from vistream.atomic import replacing
from vistream.energy.constants import SOURCE
from vistream.energy.estimators import Estimator
from vistream.energy.spike_prices import Method, Prices
from vistream.energy.spikes import EXPLAINED, Firing, Products, SpikeCounts, stage_of
from vistream.energy.units import count, joules
from vistream.render.page import bullets, document, plot, table
from vistream.render.plots import estimator_bars
from vistream.render.svg import GRID, figure_of, svg

COLOURS = {Method.FLOAT: "#8a8a8a", Method.INTEGER: "#0072b2", Method.SPIKES: "#d55e00"}
PRODUCTS, ADDITIONS = "#56b4e9", "#d55e00"


@dataclass(frozen=True, slots=True)
class SpikeReport:
    """`title`: the clip; `facts`: network, frames and size in a sentence; `proved`: of binary steps, if they ran."""

    title: str
    facts: str
    counts: SpikeCounts
    prices: Prices
    proved: str | None = None


def write_spikes_html(report: SpikeReport, path: Path) -> None:
    """Whole or not at all; raises VistreamError where the folder can't be written to."""
    with replacing(path) as temporary:
        temporary.write_text(page(report), encoding="utf-8", newline="\n")


def page(report: SpikeReport) -> str:
    """The whole page."""
    counts, prices = report.counts, report.prices
    figures = "\n".join(plot(*each) for each in _plots(counts, prices))
    notes = [*EXPLAINED, *([report.proved] if report.proved else [])]
    legend = "; ".join(f"{estimator.name}: {estimator.value}" for estimator in Estimator)
    body = f"""<h1>Spikes and energy: {escape(report.title)}</h1>
<p class="soft">{escape(report.facts)}</p>
{bullets(notes)}
<div class="plots">
{figures}
</div>
<h2>Energy of a frame</h2>
<p class="soft">In joules, estimated. {escape(legend)}. Authors: 0.9 pJ a MAC and mean integer, 4.6 pJ a MAC of pixels
or sums. Constants: {escape(SOURCE)}.</p>
{_prices(prices)}
<h2>Neurons</h2>
<p class="soft">Mean integer over all pixels and frames, 0 to D; spikes a neuron and step; how many are not 0.</p>
{_neurons(counts)}
<h2>Layers, a frame</h2>
<p class="soft">SOPs: additions, the multiply-accumulates times the mean integer of what the layer reads.</p>
{_layers(counts)}"""
    return document(f"Spikes and energy: {report.title}", body)


def _plots(counts: SpikeCounts, prices: Prices) -> Iterable[tuple[str, str, str]]:
    bars = [
        (method.value, COLOURS[method], {each: prices.estimates[method, each] for each in Estimator})
        for method in Method
    ]
    yield (
        "Energy of a frame",
        "Each estimator has a scale of its own. Compare rows within a panel, never between panels.",
        estimator_bars(bars),
    )
    yield (
        "Where the work is",
        "Multiply-accumulates of the float network, and the additions that spikes come to, by stage.",
        _work_by_stage(counts),
    )
    yield (
        "Mean integer of every neuron layer",
        "In the order of the network, by stage; D is the largest integer. Few spikes are what makes steps cheap.",
        _integers(counts),
    )


def _work_by_stage(counts: SpikeCounts) -> str:
    stages = list(dict.fromkeys(stage_of(name) for name in counts.layers))
    done = {stage: [0.0, 0.0] for stage in stages}
    for name, layer in counts.layers.items():
        done[stage_of(name)][0] += layer.macs / counts.frames
        done[stage_of(name)][1] += layer.sops / counts.frames
    figure, (axes,) = figure_of(1.2 + 0.45 * len(stages))
    for shift, column, colour, label in ((-0.2, 0, PRODUCTS, "MACs"), (0.2, 1, ADDITIONS, "SOPs")):
        places = [place + shift for place in range(len(stages))]
        axes.barh(places, [done[stage][column] for stage in stages], 0.38, color=colour, label=label)
    axes.set_yticks(range(len(stages)), stages, fontsize=8.5)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(lambda value, _: count(value))
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel("a frame")
    figure.legend(loc="outside lower left", ncols=2, fontsize=8, frameon=False, handlelength=1.2)
    return svg(figure)


def _integers(counts: SpikeCounts) -> str:
    figure, (axes,) = figure_of(3.4)
    stages: dict[str, list[tuple[int, float]]] = {}
    for place, (name, firing) in enumerate(counts.neurons.items()):
        stages.setdefault(stage_of(name), []).append((place, firing.mean))
    for stage, points in stages.items():
        axes.plot(*zip(*points, strict=True), "o", markersize=3.2, label=stage, clip_on=False)
    axes.set_ylim(0, max(firing.most for firing in counts.neurons.values()))
    axes.set_xlabel("neuron layer")
    axes.set_ylabel("mean integer")
    axes.grid(axis="y", color=GRID)
    figure.legend(loc="outside lower left", ncols=2, fontsize=8, frameon=False, handlelength=1.0, columnspacing=1.0)
    return svg(figure)


def _prices(prices: Prices) -> str:
    rows = [
        (
            method.value,
            *(joules(prices.estimates[method, estimator]) for estimator in Estimator),
            joules(prices.authors) if method is Method.SPIKES else "",
        )
        for method in Method
    ]
    return table(("", *(estimator.name for estimator in Estimator), "authors"), rows)


def _neurons(counts: SpikeCounts) -> str:
    head = ("layer", "neurons", "D", "mean integer", "spikes a step", "active")
    return table(head, (_neuron(name, firing, counts.frames) for name, firing in counts.neurons.items()))


def _neuron(name: str, firing: Firing, frames: int) -> Sequence[str]:
    active = f"{100 * firing.active / firing.values:.1f} %"
    return (name, count(firing.values / frames), str(firing.most), f"{firing.mean:.4f}", f"{firing.rate:.4f}", active)


def _layers(counts: SpikeCounts) -> str:
    rows = [_layer(name, layer, counts.frames) for name, layer in counts.layers.items()]
    macs, sops = (sum(getattr(layer, part) for layer in counts.layers.values()) for part in ("macs", "sops"))
    rows.append(("all", "", count(macs / counts.frames), count(sops / counts.frames)))
    return table(("layer", "reads", "MACs", "SOPs"), rows)


def _layer(name: str, layer: Products, frames: int) -> tuple[str, ...]:
    return (name, layer.kind, count(layer.macs / frames), count(layer.sops / frames) if layer.spiking else "-")
