"""Tracks as CSV for spreadsheets and data frames: a header, then one row a track and frame, counted from 0."""

from __future__ import annotations

import csv
import io

from vistream.media.formats.writer import ResultWriter
from vistream.types import Result

FIELDS = ("frame", "time", "id", "label", "score", "x", "y", "w", "h", "seen")


class TracksCsvWriter(ResultWriter):
    """Columns: frame, time (seconds), id, label, score, x, y, w, h (pixels, the top-left corner at 0, 0), seen (1, or
    0: predicted)."""

    header = ",".join(FIELDS) + "\n"

    def text(self, result: Result) -> str:
        rows = io.StringIO()
        writer = csv.writer(rows, lineterminator="\n")
        for track in result.tracks:
            numbers = (f"{number:.3f}" for number in track.box)
            time = f"{result.time:.6f}"
            writer.writerow(
                (result.frame, time, track.id, track.label, f"{track.score:.6f}", *numbers, int(track.seen))
            )
        return rows.getvalue()
