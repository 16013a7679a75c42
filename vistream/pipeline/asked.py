"""What was asked of a run: kept with its checkpoint, and said as the options of the command line are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vistream.addresses import without_secrets
from vistream.pipeline.options import REPEATED, option_of
from vistream.pipeline.settings import Settings
from vistream.render.style import PLAIN

FREE = ("max_frames", "reconnect")
"""The settings that may differ when a run is resumed: they decide how far it goes, and nothing about a frame."""


def asked(source: str, settings: Settings) -> dict[str, Any]:
    """What must be the same for results to be the same: the source, and settings by name, as plain data."""
    chosen = {name: value for name, value in asdict(settings).items() if name not in FREE}
    plain = {name: str(value) if isinstance(value, Path) else value for name, value in chosen.items()}
    return {"source": without_secrets(source), **plain}


def said(name: str, value: Any) -> str:  # Any: whatever a setting holds
    """One of these in words.

    >>> said("conf", {"any": 0.3, "classes": (("car", 0.5),)}), said("lines", ("0,0,9,9", "0,.5,1,.5"))
    ('with --conf 0.3,car=0.5', 'with --line 0,0,9,9 --line 0,.5,1,.5')
    >>> said("source", "a.mp4"), said("zero_based", True), said("detector_size", (640, 384))
    ('of a.mp4', 'with --zero-based', 'with --detector-size 640x384')
    """
    if name == "source":
        return f"of {value}"
    option = option_of(name)
    if name in REPEATED:
        return " ".join(["with", *(f"{option} {place}" for place in value)]) if value else f"without {option}"
    if value is True:
        return f"with {option}"
    text = "" if value is None or value is False else _text(name, value)
    return f"with {option} {text}" if text else f"without {option}"


def _text(name: str, value: Any) -> str:
    """A value as its option takes it; empty where that is the same as no option."""
    if name == "conf":
        general = [] if value["any"] is None else [f"{value['any']:g}"]
        return ",".join([*general, *(f"{label}={score:g}" for label, score in value["classes"])])
    if name == "style":
        return _style(value)
    if isinstance(value, tuple | list):
        parts = [part if isinstance(part, str) else f"{part:g}" for part in value]
        return ("x" if name == "detector_size" else ",").join(parts)
    return str(value)


def _style(value: Mapping[str, Any]) -> str:
    other = {name: part for name, part in value.items() if part != getattr(PLAIN, name)}
    words = {True: "on", False: "off"}
    return ",".join(
        f"{name}={'+'.join(part) if name == 'blur' else words[part] if isinstance(part, bool) else part}"
        for name, part in other.items()
    )
