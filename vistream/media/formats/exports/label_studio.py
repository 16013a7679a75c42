"""Tracks as Label Studio's JSON: a task with the video and a prediction, whose boxes are per cent of the frame."""

from __future__ import annotations

import json
from typing import Any

from vistream.media.formats.exports.collected import CollectedWriter, Gathered
from vistream.types import Box


class LabelStudioWriter(CollectedWriter):
    """A `videorectangle` for each id. The video is named as the source is: Label Studio must be able to reach it."""

    def document(self) -> str:
        frames = max(self.frames, default=-1) + 1
        result = [self._region(identity, track, frames) for identity, track in sorted(self.tracks.items())]
        scores = [score for track in self.tracks.values() for _, _, score, _ in track.places]
        prediction = {"model_version": "vistream", "score": sum(scores) / max(1, len(scores)), "result": result}
        return json.dumps([{"data": {"video": self.film.name}, "predictions": [prediction]}], indent=1) + "\n"

    def _region(self, identity: int, track: Gathered, frames: int) -> dict[str, Any]:
        sequence = []
        for position, (frame, box, _, _) in enumerate(track.places):
            followed = position + 1 < len(track.places) and track.places[position + 1].frame == frame + 1
            time = round(frame / self.film.fps, 6)
            entry = {"frame": frame + 1, "enabled": followed, "rotation": 0, "time": time}
            sequence.append({**entry, **self._percent(box)})
        value: dict[str, Any] = {"framesCount": frames, "duration": frames / self.film.fps}
        value |= {"sequence": sequence, "labels": [track.label]}
        names = {"id": f"track{identity}", "from_name": "box", "to_name": "video", "type": "videorectangle"}
        return {**names, "origin": "manual", "value": value}

    def _percent(self, box: Box) -> dict[str, float]:
        width, height = self.film.size
        names = ("x", "y", "width", "height")
        parts = (box[0] / width, box[1] / height, box[2] / width, box[3] / height)
        return {name: round(100 * part, 6) for name, part in zip(names, parts, strict=True)}
