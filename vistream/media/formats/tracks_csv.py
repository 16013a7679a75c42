"""Tracks as CSV for spreadsheets and data frames: a header, then one row a track and frame, counted from 0."""

from __future__ import annotations

import csv
import io

from vistream.media.formats.writer import ResultWriter
from vistream.types import Result

FIELDS = ("frame", "time", "id", "class", "score", "x", "y", "w", "h", "seen", "speed", "covered")


class TracksCsvWriter(ResultWriter):
    """Columns: frame, time (seconds), id, class, score, x, y, w, h (pixels, the top-left corner at 0, 0), seen (1, or
    0: predicted), speed (metres a second; empty where it is not known), covered (1: predicted behind the detection of
    another object, else 0)."""

    header = ",".join(FIELDS) + "\n"

    def text(self, result: Result) -> str:
        rows = io.StringIO()
        writer = csv.writer(rows, lineterminator="\n")
        for track in result.tracks:
            numbers = (f"{number:.3f}" for number in track.box)
            before = (result.frame, f"{result.time:.6f}", track.id, track.label, f"{track.score:.6f}")
            speed = "" if track.speed is None else f"{track.speed:.3f}"
            writer.writerow((*before, *numbers, int(track.seen), speed, int(track.covered)))
        return rows.getvalue()
