"""Results of random runs, for tests of what writes and reads them."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
from hypothesis import strategies as st

from vistream.types import LayerWork, Result, Segment, Track, Work

coordinate = st.floats(-1e5, 1e5)

extent = st.floats(1e-9, 1e5)

labels = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)

masks = st.binary(min_size=12, max_size=12).map(lambda b: np.array([c & 1 for c in b], dtype=bool).reshape(3, 4))

keypoints = st.lists(st.tuples(coordinate, coordinate, st.floats(0, 1)), min_size=1, max_size=4).map(np.array)


segments = st.builds(
    Segment,
    st.integers(1, 10**6),
    labels,
    st.booleans(),
    st.floats(0, 1),
    st.integers(1, 10**6),
    st.tuples(coordinate, coordinate, extent, extent),
)

segmented: st.SearchStrategy[dict[str, Any]] = st.just({}) | st.fixed_dictionaries(
    {
        "shares": st.dictionaries(labels, st.floats(0, 1), max_size=3),
        "segments": st.lists(segments, max_size=3).map(tuple),
    }
)


@st.composite
def results(draw: st.DrawFn, rich: bool = False) -> list[Result]:
    """Frames in order, some left out, some without tracks; ids differ within a frame."""
    frames = []
    for frame in sorted(draw(st.sets(st.integers(0, 10**6), max_size=6))):
        tracks = tuple(
            Track(
                identity,
                (draw(coordinate), draw(coordinate), draw(extent), draw(extent)),
                draw(st.floats(0, 1)),
                draw(labels) if rich else "object",
                draw(st.none() | masks) if rich else None,
                draw(st.none() | keypoints) if rich else None,
            )
            for identity in draw(st.sets(st.integers(1, 10**9), max_size=4))
        )
        layer = LayerWork(draw(labels), *draw(st.tuples(*[st.integers(0, 2**40)] * 5)))
        work = Work((layer,) * draw(st.integers(0, 2))) if rich else Work()
        time, seen = draw(st.floats(0, 1e5)), draw(st.integers(0, 99))
        shown = draw(segmented) if rich else {}
        frames.append(Result(frame, time, tracks, seen, work, **shown))
    return frames


def scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


RESULT = Result(4, 0.16, (Track(1, (1.0, 2.0, 3.0, 4.0), 0.5, "a car, red"),), 2)
