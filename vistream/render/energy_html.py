"""The energy report as one HTML page that needs nothing else: no script, no network, plots inside."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

from vistream.atomic import replacing
from vistream.energy.constants import SOURCE
from vistream.energy.counts import Counts
from vistream.energy.density import spike_rate, spikes_per_synapse
from vistream.energy.estimators import Estimator
from vistream.energy.files import write_csv, write_json
from vistream.energy.report import Phase, phases
from vistream.energy.rows import Row, state_bytes
from vistream.energy.run import EnergyRun
from vistream.energy.units import count, joules
from vistream.energy.verdicts import caveats, measured, rests, verdicts
from vistream.errors import VistreamError
from vistream.render.page import bullets, document, plot, table
from vistream.render.plots import all_plots


@dataclass(frozen=True, slots=True)
class ReportPaths:
    """Files to write; None: not wanted."""

    json: Path | None = None
    csv: Path | None = None
    html: Path | None = None

    def check(self) -> list[Path]:
        """Those that are wanted. Raises VistreamError, before any work, for a name given twice or a missing folder."""
        paths = [path for path in (self.json, self.csv, self.html) if path is not None]
        if len({path.absolute() for path in paths}) < len(paths):
            raise VistreamError("two outputs have the same file name: give each its own")
        for path in paths:
            if not path.absolute().parent.is_dir():
                raise VistreamError(f"{path}: the folder {path.parent} does not exist: create it first")
        return paths

    def write(self, run: EnergyRun) -> list[Path]:
        """Write them; returns which."""
        if self.json is not None:
            write_json(run.counts, self.json)
        if self.csv is not None:
            write_csv(run.counts, self.csv)
        if self.html is not None:
            write_html(run, self.html)
        return self.check()


def write_html(run: EnergyRun, path: Path) -> None:
    """Raises VistreamError where the folder can't be written to."""
    with replacing(path) as temporary:
        temporary.write_text(page(run), encoding="utf-8", newline="\n")


def page(run: EnergyRun) -> str:
    """The whole page."""
    counts = run.counts
    figures = "\n".join(plot(title, note, drawing) for title, note, drawing in all_plots(run))
    body = f"""<h1>Energy report: {escape(counts.source)}</h1>
<p class="soft">{escape(_facts(counts))}</p>
<p{_alert(counts)}>{escape(rests(counts))}</p>
{bullets(verdicts(counts))}
<div class="plots">
{figures}
</div>
<h2>Counts and prices of a frame</h2>
<p class="soft">Energies in joules, estimated. {escape("; ".join(f"{e.name}: {e.value}" for e in Estimator))}.
Constants: {escape(SOURCE)}. {escape(measured(counts))}</p>
{"".join(f"<h3>{escape(phase.name.capitalize())}</h3>{_summary(counts, phase)}" for phase in phases(counts))}
<h2>Frame by frame</h2>
{_by_frame(counts)}
<h2>Layer by layer, {escape(phases(counts)[-1].name)}</h2>
<p class="soft">SOPs: accumulates, each spike times its true fan-out. Of pixels, and of other values that are no
single spikes, they are multiply-accumulates. Energies by estimator B, in joules.</p>
{_by_layer(counts)}
<h2>Before you quote a figure</h2>
{bullets(caveats())}"""
    return document(f"Energy report: {counts.source}", body)


def _facts(counts: Counts) -> str:
    width, height = counts.size
    return (
        f"{counts.model} (weights {counts.sha256[:12]}), {len(counts.frames)} frames of {width}x{height}, at most "
        f"{counts.steps} time steps a frame, {len(counts.layers)} layers, "
        f"{count(sum(layer.neurons for layer in counts.layers))} neurons, "
        f"{count(sum(layer.weights for layer in counts.layers))} weights."
    )


def _alert(counts: Counts) -> str:
    rested = all(frame.reset.rested and frame.differential.rested for frame in counts.frames)
    return "" if rested else ' class="alert"'


def _summary(counts: Counts, phase: Phase) -> str:
    head = ("", "MACs", "ACs", "updates", "bytes read", "bytes written", "state, bytes", *(e.name for e in Estimator))
    rows = []
    for row in Row:
        done = phase.figures(row, counts)
        numbers = (done.macs, done.acs, done.updates, done.read, done.written, state_bytes(row, counts))
        energies = (joules(done.energy(estimator)) for estimator in Estimator)
        rows.append((row.value, *(count(number) for number in numbers), *energies))
    return table(head, rows)


def _by_frame(counts: Counts) -> str:
    head = ("frame", "network", "steps", "at rest", "spikes", "SOPs", "per synapse", "spike rate", "changes (stream)")
    rows = []
    for frame in counts.frames:
        for row, outcome in ((Row.RESET, frame.reset), (Row.DIFFERENTIAL, frame.differential)):
            layers = [layer.reset if row is Row.RESET else layer.differential for layer in frame.layers]
            rest = "yes" if outcome.rested else f"no: {100 * outcome.differing / counts.outputs:.0f} % of values differ"
            rows.append(
                (
                    str(frame.frame),
                    row.value,
                    str(outcome.steps),
                    rest,
                    count(sum(layer.spikes for layer in layers)),
                    count(sum(layer.sops for layer in layers)),
                    f"{spikes_per_synapse(row, counts, frame):.2f}",
                    f"{100 * spike_rate(row, counts, frame):.1f} %",
                    count(sum(layer.changes for layer in frame.layers)),
                )
            )
    return table(head, rows)


def _by_layer(counts: Counts) -> str:
    phase = phases(counts)[-1]
    figures = {row: phase.layers(row, counts) for row in Row}
    head = (
        "layer",
        "neurons",
        "MACs dense",
        "nonzero",
        "stream",
        "SOPs reset",
        "SOPs diff.",
        "J dense",
        "J diff.",
    )
    rows = []
    for index, size in enumerate(counts.layers):
        macs = [figures[row][index].macs for row in (Row.DENSE, Row.SKIPPING, Row.STREAM)]
        sops = [figures[row][index].operations for row in (Row.RESET, Row.DIFFERENTIAL)]
        energies = [joules(figures[row][index].b) for row in (Row.DENSE, Row.DIFFERENTIAL)]
        rows.append((size.name, *(count(number) for number in (size.neurons, *macs, *sops)), *energies))
    return table(head, rows)
