"""One file being labelled: objects given by click or box in any frame, tracked from there on, and what came of it."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.detect.choose import make_detector, network_present
from vistream.detect.detector import Detector
from vistream.errors import VistreamError
from vistream.media.formats.jsonl import as_dict
from vistream.media.video.frames import Source
from vistream.media.video.source import open_source
from vistream.pipeline.session import Session
from vistream.pipeline.settings import Settings
from vistream.pipeline.start import box_in
from vistream.render.colours import colour_of, css
from vistream.render.overlay import Overlay
from vistream.serve.clicks import Click, box_around, mask_of_box, mask_of_clicks, outline
from vistream.serve.tile import title_of
from vistream.threads import end_with_program
from vistream.types import Box, Frame, Observations, Result

log = logging.getLogger("vistream")

KEPT = 8
"""Frames that are held for looking at."""
MOST_OBJECTS = 100


@dataclass(frozen=True, slots=True)
class Given:
    """An object as the user gave it in one frame: its box, and for vos its mask, bool `[H, W]`."""

    identity: int
    frame: int
    box: Box
    mask: NDArray[np.bool_] | None = None


@dataclass
class Desk:
    """The state behind the page. `source`: a file; `settings.task`: vos or sot. Safe to be used by several threads.

    Raises VistreamError where the file can't be opened, or there is no such model.
    """

    source: str
    settings: Settings
    title: str = ""
    size: tuple[int, int] = (0, 0)
    frames: int | None = None
    fps: float = 30.0
    given: dict[tuple[int, int], Given] = field(default_factory=dict)
    results: dict[int, Result] = field(default_factory=dict)
    state: str = "ready"
    message: str = ""
    view: int = 0
    picture: Frame | None = None
    _session: Session = field(init=False)
    _held: OrderedDict[int, Frame] = field(default_factory=OrderedDict)
    _boxes: OrderedDict[int, Observations] = field(default_factory=OrderedDict)
    _detector: Detector | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __post_init__(self) -> None:
        self.title = title_of(self.source)
        with open_source(self.source) as source:
            if source.live:
                raise VistreamError(f"{source.name} is live: objects are clicked in files, which can be gone back in")
            self.size, self.fps = source.size, source.fps or 30.0
            self._held[0] = next(source).image
            self.frames = source.frame_count if source.counted else self._counted(source)
        settings = self.settings
        self._session = Session(
            settings.task,
            settings.fidelity,
            settings.model,
            deadband=settings.deadband,
            hysteresis=settings.hysteresis,
            fps=self.fps,
        )
        name = network_present() if self.settings.task == "vos" else None
        if name is not None:
            self._detector = make_detector(name, self.fps)
            log.info("boxes of %s help to find what is clicked on", name)

    def _counted(self, rest: Source) -> int:
        """Of a file that does not say how many frames it has, that number; `rest`: all but the first."""
        log.info("%s does not say how many frames it has: they are counted", self.title)
        frames = 1
        with suppress(VistreamError):  # where it is damaged it ends
            for frame in rest:
                frames = frame.index + 1
        return frames

    def without_path(self, error: VistreamError) -> str:
        """The error's line for whoever looks at the page, who need not know where the file lies."""
        return str(error).replace(str(Path(self.source)), self.title).replace(self.source, self.title)

    def frame(self, number: int) -> Frame:
        """A frame by its number from 0, uint8 `[H, W, 3]`, RGB. Raises VistreamError where there is none."""
        with self._lock:
            if number not in self._held:
                with open_source(self.source, start=number, max_frames=1) as source:
                    self._held[number] = next(source).image
                while len(self._held) > KEPT:
                    self._held.popitem(last=False)
            return self._held[number]

    def region(self, number: int, clicks: Sequence[Click], box: Box | None) -> NDArray[np.bool_]:
        """The mask that clicks, or a box and clicks, mean in a frame.

        Where a detector's weights are here, its boxes tell how large what is clicked on may be.
        """
        frame = self.frame(number)
        box = self._dragged(box) if box else box_around(clicks, self._seen(number))
        return mask_of_clicks(frame, clicks) if box is None else mask_of_box(frame, box, clicks)

    def _dragged(self, box: Box) -> Box:
        """A box of the page, cut to the frame."""
        if box[2] < 2 or box[3] < 2:
            raise VistreamError("the box is too small: drag it around the object")
        return box_in(box, self.size)

    def _seen(self, number: int) -> Observations:
        with self._lock:
            if self._detector is None:
                return Observations.none()
            if number not in self._boxes:
                self._boxes[number] = self._detector.detect(self.frame(number), number)
                while len(self._boxes) > KEPT:
                    self._boxes.popitem(last=False)
            return self._boxes[number]

    def give(self, number: int, identity: int | None, clicks: Sequence[Click], box: Box | None) -> dict[str, Any]:
        """Take an object, or a correction of one, in a frame; its id, and its outline for the page.

        Raises VistreamError for what is no object, and while tracking goes on.
        """
        if self.settings.task == "sot":
            if box is None:
                raise VistreamError("the task sot follows a box: drag one around the object")
            self.frame(number)  # which must be there
            whole, mask = self._dragged(box), None
        else:
            mask = self.region(number, clicks, box)
            rows, columns = np.nonzero(mask)
            if not len(rows):
                raise VistreamError("nothing was found there: click on the object, or drag a box around it")
            left, top = float(columns.min()), float(rows.min())
            whole = (left, top, float(columns.max()) + 1 - left, float(rows.max()) + 1 - top)
        with self._lock:
            self._refuse_while_running()
            known = {one.identity for one in self.given.values()}
            if identity is None and self.settings.task == "sot" and known:
                identity = 1  # it follows one object
            chosen = identity or max(known, default=0) + 1
            if chosen > MOST_OBJECTS:
                raise VistreamError(f"more than {MOST_OBJECTS} objects can't be followed at once")
            self.given[number, chosen] = Given(chosen, number, whole, mask)
        return {"id": chosen, "box": list(whole), "outline": [] if mask is None else outline(mask)}

    def forget(self, identity: int) -> None:
        """Take an object back, in all frames."""
        with self._lock:
            self._refuse_while_running()
            self.given = {key: one for key, one in self.given.items() if one.identity != identity}

    def start(self) -> None:
        """Track from the first frame in which an object was given. Raises VistreamError where none was."""
        with self._lock:
            self._refuse_while_running()
            if not self.given:
                raise VistreamError("no object is given yet: click on one, or drag a box around it")
            self.state, self.message = "running", ""
            self.results.clear()
            self._stopping.clear()
            self._thread = threading.Thread(target=self._work, name=f"tracker of {self.title}", daemon=True)
            end_with_program(self._thread, self.stop)
            self._thread.start()

    def stop(self) -> None:
        """End tracking after the present frame; what is there stays."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=10.0)

    def _refuse_while_running(self) -> None:
        if self.state == "running":
            raise VistreamError("tracking goes on: stop it first")

    def _work(self) -> None:
        try:
            self._track()
            self.state = "stopped" if self._stopping.is_set() else "done"
        except VistreamError as error:
            self.state, self.message = "failed", self.without_path(error)
        except Exception:  # a thread's exception would be lost, and the page would show a run that never ends
            log.exception("%s failed", self.title)
            self.state, self.message = "failed", "it failed: the terminal says why"

    def _track(self) -> None:
        first = min(number for number, _ in self.given)
        session = self._session
        session.reset()
        overlay = Overlay(self.size, self.fps)
        followed: set[int] = set()
        with open_source(self.source, start=first) as source:
            for frame in source:
                if self._stopping.is_set():
                    return
                for one in (one for (number, _), one in sorted(self.given.items()) if number == frame.index):
                    if one.identity in followed:
                        session.remove_object(one.identity)
                    followed.add(one.identity)
                    session.add_object(one.box if one.mask is None else one.mask, one.identity)
                result = session.step(frame.image, index=frame.index, time=frame.time)
                self.results[frame.index] = replace(result, activity=None)
                self.picture = overlay.draw(frame.image, replace(result, activity=None), "")
                self.view += 1

    def as_dict(self) -> dict[str, Any]:
        """For JSON: no path."""
        with self._lock:
            objects = [
                {"id": one.identity, "frame": one.frame, "box": list(one.box), "colour": css(colour_of(one.identity))}
                for _, one in sorted(self.given.items())
            ]
            entry: dict[str, Any] = {"title": self.title, "task": self.settings.task, "size": list(self.size)}
            entry |= {"frames": self.frames, "state": self.state, "message": self.message, "view": self.view}
            return entry | {"objects": objects, "done": len(self.results), "last": max(self.results, default=None)}

    def tracks(self, number: int) -> Mapping[str, Any] | None:
        """The result of a frame as in the JSON lines, with the outline of each mask, or None."""
        result = self.results.get(number)
        if result is None:
            return None
        entry = as_dict(result)
        for track, shown in zip(result.tracks, entry["tracks"], strict=True):
            shown["outline"] = [] if track.mask is None else outline(track.mask)
        return entry
