"""The files that a command writes at its end: checked before its work, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from vistream.pipeline.names import source_names
from vistream.storage.claim import claimed
from vistream.storage.names import FileName, written


@contextmanager
def claimed_outputs(
    outputs: Mapping[str, Path | None],
    *,
    overwrite: bool,
    source: str | None = None,
    reads: Mapping[str, object] | None = None,
) -> Iterator[None]:
    """Within it, the `outputs` (by option; None: not wanted) are this command's, and not what it reads.

    It reads `source`, and those of `reads` that are files. Raises VistreamError as `Claim` does.
    """
    names = [name for option, path in outputs.items() if path is not None for name in written(option, path)]
    names += [] if source is None else source_names(source)
    for option, path in (reads or {}).items():
        if path is not None and Path(str(path)).is_file():
            names.append(FileName(option, Path(str(path))))
    with claimed(names, "by another command", overwrite=overwrite):
        yield
