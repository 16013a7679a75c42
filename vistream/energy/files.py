"""The report as JSON (everything) and CSV (a line a frame, layer and row). Both are whole or not there."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path

from vistream.atomic import replacing
from vistream.energy.constants import HOROWITZ, SOURCE
from vistream.energy.counts import Counts, FrameCounts
from vistream.energy.density import DAMPFHOFFER, YAN, spike_rate, spikes_per_synapse
from vistream.energy.estimators import Estimator
from vistream.energy.report import Figures, frame_figures, layer_figures, phases
from vistream.energy.rows import Row, state_bytes
from vistream.energy.verdicts import caveats, measured, rests, verdicts

COLUMNS = ("frame", "phase", "layer", "row", *Figures().as_dict())
SPIKING = (Row.RESET, Row.DIFFERENTIAL)


def as_dict(counts: Counts) -> dict[str, object]:
    """Everything: the counts, then the figures a row and phase, then what they say."""
    return {
        "source": counts.source,
        "model": counts.model,
        "weights_sha256": counts.sha256,
        "size": list(counts.size),
        "steps_allowed": counts.steps,
        "constants": {"source": SOURCE, "picojoules": asdict(HOROWITZ)},
        "estimators": {estimator.name: estimator.value for estimator in Estimator},
        "state_bytes": {row.value: state_bytes(row, counts) for row in Row},
        "weights": sum(layer.weights for layer in counts.layers),
        "layers": [asdict(layer) for layer in counts.layers],
        "summary": {
            phase.name: {row.value: phase.figures(row, counts).as_dict() for row in Row} for phase in phases(counts)
        },
        "frames": [_frame(counts, frame) for frame in counts.frames],
        "break_even": {"spikes_per_synapse_dampfhoffer": list(DAMPFHOFFER), "spike_rate_yan": YAN},
        "verdicts": [rests(counts), measured(counts), *verdicts(counts)],
        "caveats": caveats(),
    }


def _frame(counts: Counts, frame: FrameCounts) -> dict[str, object]:
    return {
        "frame": frame.frame,
        "rows": {row.value: frame_figures(row, counts, frame).as_dict() for row in Row},
        "reset": asdict(frame.reset),
        "differential": asdict(frame.differential),
        "stream_differing": frame.differing,
        "spikes_per_synapse": {row.value: spikes_per_synapse(row, counts, frame) for row in SPIKING},
        "spike_rate": {row.value: spike_rate(row, counts, frame) for row in SPIKING},
        "changes": sum(layer.changes for layer in frame.layers),
        "joules_measured": frame.joules or "not measured",
        "layers": [asdict(layer) for layer in frame.layers],
    }


def write_json(counts: Counts, path: Path) -> None:
    """Raises VistreamError where the folder can't be written to."""
    with replacing(path) as temporary:
        temporary.write_text(
            json.dumps(as_dict(counts), indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n"
        )


def write_csv(counts: Counts, path: Path) -> None:
    """Raises VistreamError where the folder can't be written to."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number, frame in enumerate(counts.frames):
            name = "later" if number else "first"
            for size, layer in zip(counts.layers, frame.layers, strict=True):
                for row in Row:
                    figures = layer_figures(row, size, layer).as_dict().values()
                    writer.writerow((frame.frame, name, size.name, row.value, *(_number(value) for value in figures)))


def _number(value: float) -> str:
    """Counts as whole numbers, energies to nine digits."""
    return str(int(value)) if value == int(value) else f"{value:.9g}"
