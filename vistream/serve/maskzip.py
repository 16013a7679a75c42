"""The masks of a result as one file: palette PNGs, as DAVIS has them, in a ZIP."""

from __future__ import annotations

import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from vistream.media.formats.davis import DavisWriter
from vistream.media.formats.exports.collected import Film
from vistream.types import Result


class MaskZipWriter:
    """Writes `path` when closed: `00000.png` is the first frame's label map."""

    def __init__(self, path: Path, film: Film) -> None:
        self._path = path
        self._folder = TemporaryDirectory(prefix="vistream-")
        self._maps = DavisWriter(self._folder.name, film.size[::-1])

    def write(self, result: Result) -> None:
        """Add one frame."""
        self._maps.write(result)

    def __enter__(self) -> MaskZipWriter:
        return self

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._folder, zipfile.ZipFile(self._path, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(Path(self._folder.name).iterdir()):
                archive.write(file, file.name)
