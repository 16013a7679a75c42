"""What several tests of the server look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from vistream.pipeline.settings import Settings
from vistream.serve.tile import Tile

CLIP = Path(__file__).parents[2] / "demo_videos" / "plaza_static.mp4"


@pytest.fixture(scope="module")
def done() -> Tile:
    """A source that was tracked to its end."""
    tile = Tile(str(CLIP), Settings(detector="motion", max_frames=6))
    tile.run()
    return tile
