"""Track objects through video with a frozen network, computing only what changed since the last frame.

import vistream
for result in vistream.track("street.mp4"):
    print(result.frame, [(track.id, track.box) for track in result.tracks])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vistream.engine.stream.engine import Stream
    from vistream.engine.stream.model import stream
    from vistream.errors import VistreamError
    from vistream.pipeline.session import Session
    from vistream.pipeline.supervised import Tracker
    from vistream.pipeline.track import track
    from vistream.pipeline.tracked import TrackedFrame
    from vistream.types import ClassMap, FeatureMap, Observations, Result, Segment, Track, Work

__all__ = [
    "ClassMap",
    "FeatureMap",
    "Observations",
    "Result",
    "Segment",
    "Session",
    "Stream",
    "Track",
    "TrackedFrame",
    "Tracker",
    "VistreamError",
    "Work",
    "stream",
    "track",
]

# torch and OpenCV take seconds to import: a name's module is loaded when the name is first used
_HOMES = {
    "Session": "vistream.pipeline.session",
    "Stream": "vistream.engine.stream.engine",
    "VistreamError": "vistream.errors",
    "stream": "vistream.engine.stream.model",
    "track": "vistream.pipeline.track",
    "TrackedFrame": "vistream.pipeline.tracked",
    "Tracker": "vistream.pipeline.supervised",
    **dict.fromkeys(("ClassMap", "FeatureMap", "Observations", "Result", "Segment", "Track", "Work"), "vistream.types"),
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib import metadata

        return metadata.version("vistream")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'vistream' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
