"""Everything that decides what a run gives."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from vistream.detect.choose import Size
from vistream.pipeline.tasks import AUTO
from vistream.render.style import PLAIN, Style
from vistream.tracking.life import ANY_CLASS, Conf
from vistream.types import Box


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of `track`, as the command line names them."""

    task: str = "mot"
    model: str = AUTO
    detections: Path | None = None
    detector: str = "auto"
    detector_size: Size | None = None
    fidelity: str = "exact"
    deadband: int | None = None
    hysteresis: int | None = None
    bits: int = 8
    start: int = 0
    stride: int = 1
    max_frames: int | None = None
    classes: tuple[str, ...] = ()
    init_mask: Path | None = None
    init_box: Box | None = None
    init_poses: Path | None = None
    conf: Conf = ANY_CLASS
    iou: float | None = None
    min_hits: int | None = None
    memory: float | None = None
    interpolate: int = 0
    zero_based: bool = False
    reconnect: bool = True
    lines: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    scale: str | None = None
    style: Style = PLAIN
    work: bool = False
    mot_classes: bool = False

    @property
    def changed(self) -> frozenset[str]:
        """The names of those that are not the defaults; of the style, its parts, such as `style blur`."""
        own = {field.name for field in fields(self) if getattr(self, field.name) != field.default}
        parts = {f"style {part.name}" for part in fields(Style) if getattr(self.style, part.name) != part.default}
        return frozenset(own - {"style"} | parts)
