"""Frames and features of the study's clips, kept in files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from association.clips import CLIPS, Clip, View, corners
from association.features import feature_maps
from vistream.media.video.source import open_source


class Footage:
    """Reads each clip of the folder `data` once, and keeps what it computed in the folder `store`."""

    def __init__(self, data: Path, store: Path) -> None:
        self.data, self.store = data, store
        store.mkdir(parents=True, exist_ok=True)

    def video(self, clip: Clip) -> str:
        return str(self.data / clip.video)

    def images(self, view: View) -> Iterator[NDArray[np.uint8]]:
        """The frames that the camera shows, uint8 `[h, w, 3]`, RGB."""
        width, height = view.size
        with open_source(self.video(CLIPS[view.clip])) as source:
            for frame, (x, y) in zip(source, corners(view).tolist(), strict=True):
                yield frame.image[y : y + height, x : x + width]

    def frames(self, view: View) -> Path:
        """A file of them, `[frames, h, w, 3]`."""
        file = self.store / f"{view.name}_frames.npy"
        if not file.exists():
            save(file, np.stack(list(self.images(view))))
        return file

    def features(self, view: View, cut: str) -> NDArray[np.float16]:
        """Feature maps of all frames, `[frames, h, w, C]`, by one of the networks that `features` names."""
        file = self.store / f"{view.name}_{cut.replace(', ', '-')}.npy"
        if not file.exists():
            save(file, np.stack([values.astype(np.float16) for values in feature_maps(cut, self.images(view))]))
        kept: NDArray[np.float16] = np.load(file, mmap_mode="r")
        return kept


def save(file: Path, array: NDArray[np.generic]) -> None:
    """Write all of it or nothing."""
    part = file.with_suffix(".part.npy")
    np.save(part, array)
    part.rename(file)
