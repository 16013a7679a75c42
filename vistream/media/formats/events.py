"""What happened at lines and zones, as JSON lines: one event a line.

    {"frame": 7, "time": 0.28, "place": "door", "event": "in", "id": 3, "class": "person", "at": [x, y]}

`event` is in or out for lines, enter or leave for zones; with leave, `dwell` is the seconds since it entered.
"""

from __future__ import annotations

import json
from typing import Any

from vistream.media.formats.writer import ResultWriter
from vistream.types import Event, Result


class EventsWriter(ResultWriter):
    """Writes the events of results; frames without one leave no line."""

    def text(self, result: Result) -> str:
        frame = {"frame": result.frame, "time": round(result.time, 6)}
        return "".join(json.dumps(frame | event_as_dict(event), ensure_ascii=False) + "\n" for event in result.events)


def event_as_dict(event: Event) -> dict[str, Any]:  # Any: JSON
    """One event as JSON values."""
    entry: dict[str, Any] = {"place": event.place, "event": event.what, "id": event.id, "class": event.label}
    entry["at"] = [round(float(number), 3) for number in event.at]
    if event.dwell is not None:
        entry["dwell"] = round(event.dwell, 6)
    return entry


def event_of(entry: dict[str, Any]) -> Event:
    """An event from its JSON values; raises KeyError, TypeError or ValueError where they are none."""
    x, y = map(float, entry["at"])
    dwell = None if entry.get("dwell") is None else float(entry["dwell"])
    return Event(str(entry["place"]), str(entry["event"]), int(entry["id"]), str(entry["class"]), (x, y), dwell)
