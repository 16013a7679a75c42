"""The demo clips as films that can be shot again, for tests."""

from __future__ import annotations

from functools import lru_cache

from demo.cast import CLIPS
from demo.film import Film


@lru_cache(maxsize=2)
def film_of(name: str) -> Film:
    """Painting the place takes seconds: once a clip."""
    return Film(next(clip for clip in CLIPS if clip.name == name))
