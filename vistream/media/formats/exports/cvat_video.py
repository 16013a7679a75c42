"""Tracks as CVAT's XML "for video 1.1", to be uploaded as the annotations of a task made of the same video."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from vistream.media.formats.exports.collected import CollectedWriter, Gathered
from vistream.types import Box


class CvatVideoWriter(CollectedWriter):
    """A `<track>` for each id, with a box in every frame that shows it, and behind the last one that is outside."""

    def document(self) -> str:
        labels = sorted({track.label for track in self.tracks.values()})
        names = "".join(f"<label><name>{escape(name)}</name><attributes></attributes></label>" for name in labels)
        width, height = self.film.size
        last = max(self.frames, default=-1)
        head = (
            f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n<meta><task>'
            f"<name>{escape(self.film.name)}</name><size>{last + 1}</size><mode>interpolation</mode>"
            f"<labels>{names}</labels>"
            f"<original_size><width>{width}</width><height>{height}</height></original_size></task></meta>\n"
        )
        tracks = "".join(self._track(identity, track, last) for identity, track in sorted(self.tracks.items()))
        return f"{head}{tracks}</annotations>\n"

    def _track(self, identity: int, track: Gathered, last: int) -> str:
        boxes = "\n".join(_boxes(track, last))
        return f'<track id="{identity}" label={quoteattr(track.label)} source="auto">\n{boxes}\n</track>\n'


def _boxes(track: Gathered, last: int) -> Iterator[str]:
    for position, (frame, box, _, covered) in enumerate(track.places):
        yield _box(frame, box, covered, outside=False)
        following = track.places[position + 1].frame if position + 1 < len(track.places) else last + 1
        if following > frame + 1:
            yield _box(frame + 1, box, covered, outside=True)


def _box(frame: int, box: Box, covered: bool, outside: bool) -> str:
    x, y, w, h = box
    corners = f'xtl="{x:.2f}" ytl="{y:.2f}" xbr="{x + w:.2f}" ybr="{y + h:.2f}"'
    how = f'outside="{outside:d}" occluded="{covered:d}"'
    return f'<box frame="{frame}" keyframe="1" {how} {corners} z_order="0"></box>'
