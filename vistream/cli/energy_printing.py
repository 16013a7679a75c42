"""What `vistream energy-report` prints: counts, then prices, then what they say."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import TimeElapsedColumn
from rich.table import Table

from vistream.cli.console import PlainConsole, printable, progress_bar
from vistream.cli.energy_report import SIZE
from vistream.detect.choose import SIZED, make_detector
from vistream.detect.streaming import StreamedDetector, Streaming
from vistream.energy.counts import Counts
from vistream.energy.density import DAMPFHOFFER, spike_rate, spikes_per_synapse
from vistream.energy.estimators import Estimator
from vistream.energy.report import Phase, phases
from vistream.energy.rows import Row, state_bytes
from vistream.energy.run import EnergyRun, count_energy
from vistream.energy.units import count, joules, shortened
from vistream.energy.verdicts import caveats, measured, rests, verdicts
from vistream.engine.fidelity import DeadZones
from vistream.errors import VistreamError
from vistream.media.video.fit import fit
from vistream.media.video.frames import Source
from vistream.models.download import fetch
from vistream.models.registry import WEIGHTS
from vistream.models.store import sha256
from vistream.quantize.named import NamedNetwork, named_network
from vistream.render.energy_html import ReportPaths
from vistream.types import Frame

Pictures = Iterator[tuple[int, Frame]]


def count_and_report(
    frames: Source, model: str, detector: str | None, size: int | None, steps: int, paths: ReportPaths, *, quiet: bool
) -> None:
    """Count, write the files that are wanted, print the tables; of a detector's network where one is named."""
    paths.check()
    if detector is None:
        named, pictures = named_network(model), _fitted(frames, size or SIZE)
    else:
        named, pictures = _of_detector(detector, frames, size)
    with progress_bar(quiet, TimeElapsedColumn()) as progress:
        bar = progress.add_task(printable(frames.name), total=frames.frame_count)
        run = count_energy(pictures, named, frames.name, steps, lambda _: progress.advance(bar))
    written = paths.write(run)
    console = PlainConsole(quiet=quiet)
    _print(run, frames.size, console)
    for path in written:
        console.print(f"written: {path}")


def _fitted(frames: Source, size: int) -> Pictures:
    return ((frame.index, fit(frame.image, (size, size))) for frame in frames)


def _of_detector(name: str, frames: Source, size: int | None) -> tuple[NamedNetwork, Pictures]:
    """A detector's network, and the pictures that it sees; where no size is asked for, as small as its own allows."""
    sized = SIZE if size is None and name in SIZED else size
    detector = make_detector(name, frames.fps or 30.0, size=sized, streaming=Streaming(DeadZones()))
    first = next(frames)
    body = detector.body(first.image) if isinstance(detector, StreamedDetector) else None
    if not isinstance(detector, StreamedDetector) or body is None:
        raise VistreamError(f"the detector {name} is not streamed: there is nothing to count")
    pictures = ((frame.index, detector.picture(frame.image)) for frame in chain([first], frames))
    file = fetch(name) if name in WEIGHTS else Path(name.removeprefix("onnx:").partition(",layout=")[0])
    return NamedNetwork(detector.name, body.network, sha256(file)), pictures


def _print(run: EnergyRun, original: tuple[int, int], console: Console) -> None:
    counts = run.counts
    (width, height), shrunk = counts.size, counts.size != original
    note = f", shrunk from {original[0]}x{original[1]} (--size)" if shrunk else ""
    console.print(
        f"{counts.source}: {counts.model}, {len(counts.frames)} frames of {width}x{height}{note}, "
        f"at most {counts.steps} time steps a frame"
    )
    for phase in phases(counts):
        console.print(_counted(counts, phase))
    console.print(_by_frame(counts))
    console.print(_by_layer(counts))
    for phase in phases(counts):
        console.print(_priced(counts, phase))
    console.print(measured(counts))
    console.print(rests(counts))
    for sentence in verdicts(counts):
        console.print(sentence)
    console.print("Before you quote a figure:")
    for sentence in caveats():
        console.print(f"- {sentence}")


def _table(title: str, first: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    table.padding = (0, 0, 0, 1)
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _counted(counts: Counts, phase: Phase) -> Table:
    columns = ("MACs", "ACs", "updates", "B in", "B out", "B held")
    table = _table(f"Counts of a frame ({phase.name})", "", *columns)
    for row in Row:
        done = phase.figures(row, counts)
        numbers = (done.macs, done.acs, done.updates, done.read, done.written, state_bytes(row, counts))
        table.add_row(row.value, *(count(number) for number in numbers))
    table.caption = (
        "MAC: multiply-accumulate; AC: accumulate, of a spike or a shortcut\n"
        "B in, out, held: bytes read, written, of state"
    )
    return table


def _priced(counts: Counts, phase: Phase) -> Table:
    table = _table(f"Energy of a frame, estimated, joules ({phase.name})", "", *(e.name for e in Estimator))
    for row in Row:
        figures = phase.figures(row, counts)
        table.add_row(row.value, *(joules(figures.energy(estimator)) for estimator in Estimator))
    table.caption = "\n".join(f"{estimator.name}: {estimator.value}" for estimator in Estimator)
    return table


def _by_frame(counts: Counts) -> Table:
    columns = ("SNN", "steps", "at rest", "spikes", "SOPs", "density", "rate", "changes")
    table = _table("Spikes, frame by frame", "frame", *columns)
    for frame in counts.frames:
        for row, outcome in ((Row.RESET, frame.reset), (Row.DIFFERENTIAL, frame.differential)):
            layers = [layer.reset if row is Row.RESET else layer.differential for layer in frame.layers]
            table.add_row(
                str(frame.frame),
                "reset" if row is Row.RESET else "diff.",
                str(outcome.steps),
                "yes" if outcome.rested else f"NO: {100 * outcome.differing / counts.outputs:.0f} % off",
                count(sum(layer.spikes for layer in layers)),
                count(sum(layer.sops for layer in layers)),
                f"{spikes_per_synapse(row, counts, frame):.2f}",
                f"{100 * spike_rate(row, counts, frame):.1f} %",
                count(sum(layer.changes for layer in frame.layers)),
            )
    low, high = DAMPFHOFFER
    table.caption = (
        f"density: spikes per synapse; published break-even {low} to {high} (Dampfhoffer et al. 2023)\n"
        "rate: spikes per neuron and time step; published break-even about 6 % (Yan et al.)\n"
        "off: output values that are not the network's; changes: new activations in stream"
    )
    return table


def _by_layer(counts: Counts) -> Table:
    phase = phases(counts)[-1]
    columns = ("MACs", "nonzero", "stream", "reset", "diff.", "J dense", "J diff.")
    table = _table(f"Layer by layer ({phase.name})", "layer", *columns)
    figures = {row: phase.layers(row, counts) for row in Row}
    for index, size in enumerate(counts.layers):
        macs = [figures[row][index].macs for row in (Row.DENSE, Row.SKIPPING, Row.STREAM)]
        sops = [figures[row][index].operations for row in (Row.RESET, Row.DIFFERENTIAL)]
        energies = [joules(figures[row][index].b) for row in (Row.DENSE, Row.DIFFERENTIAL)]
        table.add_row(shortened(size.name, 20), *(count(number) for number in (*macs, *sops)), *energies)
    macs_there = "multiply-accumulates of pixels, and of what else is no single spike"
    table.caption = f"reset, diff.: SOPs; {macs_there}\nJ: joules by estimator B"
    return table
