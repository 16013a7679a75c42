"""The table of tracks of a report: a picture of each, what it is, when it was there, and for how long."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from vistream.media.formats.exports.crops import BestShots, Shot
from vistream.render.history import History, Presence
from vistream.render.pictures import data_url
from vistream.types import Frame, Result

MOST = 60  # rows
PICTURE = 96  # pixels of a picture's longer side

STYLE = """
.tracks img { height: 3.2rem; max-width: 5rem; object-fit: contain; display: block; border-radius: 3px; }
.tracks td { vertical-align: middle; } .tracks :is(th, td):nth-child(3) { text-align: left; }
"""


class TrackTable:
    """Gathers pictures while the run goes on. `before`: the `memory()` of the run that is gone on with."""

    def __init__(self, before: dict[str, Any] | None = None) -> None:
        self._best = BestShots(PICTURE, MOST)
        for identity, (label, worth, jpeg) in (before or {}).items():
            self._best.shots[int(identity)] = Shot(label, worth, jpeg.tobytes())

    def add(self, frame: Frame, result: Result) -> None:
        """Take one frame, uint8 `[H, W, 3]`, RGB."""
        self._best.add(frame, result)

    def memory(self) -> dict[str, Any]:
        """Plain data and arrays."""
        return {
            str(identity): (shot.label, shot.worth, np.frombuffer(shot.jpeg, np.uint8))
            for identity, shot in self._best.shots.items()
        }

    def html(self, history: History) -> str:
        """The rows, in order of appearance; nothing where there was no track."""
        rows = history.longest(MOST)
        if not rows:
            return ""
        more = f"<p>The {len(rows)} that stayed longest, of {history.tracks}.</p>" if history.tracks > len(rows) else ""
        head = "".join(f"<th>{name}</th>" for name in ("", "id", "class", "first seen", "last seen", "seen for"))
        body = "".join(self._row(presence, history) for presence in rows)
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f'<h2>Tracks</h2>\n{more}<div class="wide tracks">{table}</div>'

    def _row(self, presence: Presence, history: History) -> str:
        shot = self._best.shots.get(presence.id)
        address = data_url(np.frombuffer(shot.jpeg, np.uint8)) if shot is not None else ""
        picture = f'<img src="{address}" alt="track {presence.id}">' if address else ""
        length = history.seconds(history.first + presence.frames) - history.began
        moments = (history.seconds(presence.stays[0][0]), history.seconds(presence.stays[-1][1]), length)
        times = "".join(f"<td>{moment:.1f} s</td>" for moment in moments)
        return f"<tr><td>{picture}</td><td>{presence.id}</td><td>{escape(presence.label)}</td>{times}</tr>"
