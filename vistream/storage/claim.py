"""Files that a run is about to write: nobody else's, and no other run's."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from vistream.errors import VistreamError
from vistream.storage.lock import OutputLock, lock_name
from vistream.storage.names import FileName, check_distinct, identity
from vistream.storage.record import BEGUN, NOTHING, print_of, remember, remembered


class Claim:
    """A context manager: within it, the files of `names` that are written are this run's alone.

    On entering, missing folders are made and the files are locked; `take` then says whether what is there may be
    replaced. On leaving, what was written is remembered, and folders that stayed empty go.
    `purpose`: for whoever comes second.
    Raises VistreamError, before anything is made, where two names are the same file, and where another run has one.
    """

    def __init__(self, names: Sequence[FileName], purpose: str) -> None:
        check_distinct(names)
        self._written = [name for name in names if name.written]
        self._purpose = purpose
        self._locks: list[OutputLock] = []
        self._folders: list[Path] = []
        self._before: dict[Path, tuple[str, str | None]] = {}

    def take(self, overwrite: bool = False, allowed: Collection[Path] = ()) -> None:
        """Raise VistreamError if a file that an earlier run did not write would be replaced.

        `overwrite`: replace it all the same; `allowed`: files (by `identity`) that may be replaced in any case.
        """
        paths = [identity(name.path) for name in self._written]
        before = remembered(paths)
        for name, path in zip(self._written, paths, strict=True):
            here = print_of(path)
            ours = here == NOTHING or before[path] in (BEGUN, here) or path in allowed
            if not ours and not overwrite:
                raise VistreamError(
                    f"{name.path} ({name.what}) is there already, and is not of an earlier run: "
                    "give another name, or allow it to be replaced with --overwrite"
                )
            self._before[path] = (here, before[path])
        remember(dict.fromkeys(self._before, BEGUN))

    def __enter__(self) -> Claim:
        try:
            for name in self._written:
                if not name.folder and name.path.is_dir():
                    raise VistreamError(f"{name.path} is a folder: give a file name to write to")
                self._make_folder(name.path.absolute().parent)
            owners = {lock_name(identity(name.path)): name.path for name in reversed(self._written)}
            for _, path in sorted(owners.items()):  # in one order, so that of two runs one gets all
                self._locks.append(OutputLock(path, self._purpose))
        except BaseException:
            self._let_go()
            raise
        return self

    def _make_folder(self, folder: Path) -> None:
        missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        for parent in reversed(missing):
            try:
                parent.mkdir(exist_ok=True)
            except OSError as error:
                raise VistreamError(f"the folder {folder} can't be made: {error.strerror}") from None
            self._folders.append(parent)
        if not folder.is_dir():
            raise VistreamError(f"{folder} is no folder: nothing can be written into it")

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        after = {path: print_of(path) for path in self._before}
        remember({path: was if after[path] == here else after[path] for path, (here, was) in self._before.items()})
        self._let_go()

    def _let_go(self) -> None:
        for lock in self._locks:
            lock.release()
        for folder in reversed(self._folders):
            with suppress(OSError):  # something is in it
                folder.rmdir()


@contextmanager
def claimed(names: Sequence[FileName], purpose: str, *, overwrite: bool) -> Iterator[None]:
    """The files of a command that writes them at its end."""
    with Claim(names, purpose) as claim:
        claim.take(overwrite)
        yield
