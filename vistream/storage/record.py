"""What this program wrote on this machine, so that it replaces its own files without asking, and nobody else's.

A file of JSON lines, `[path, print]`, of which the last one about a path counts. A print is made of sizes and times:
a result that was changed by hand is the user's own. No print: a run has begun to write the file, and what is there is
that run's.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from vistream.atomic import replacing
from vistream.errors import VistreamError
from vistream.storage.place import state_folder

FILE = "written.jsonl"
LARGEST = 1 << 20  # bytes: of a longer record the older half is forgotten
PICTURES = (".png", ".jpg")
BEGUN = None
NOTHING = ""


def print_of(path: Path) -> str:
    """What tells a file, or the pictures of a folder, from what it may become; empty where there is nothing.

    >>> print_of(Path("no such file"))
    ''
    """
    try:
        found = path.stat()
        if not path.is_dir():
            return f"{found.st_size}-{found.st_mtime_ns}"
        files = sorted((file.name, print_of(file)) for file in path.iterdir() if file.suffix in PICTURES)
    except OSError:
        return NOTHING
    return hashlib.sha256(repr(files).encode()).hexdigest()[:32] if files else NOTHING


def remembered(paths: Iterable[Path]) -> dict[Path, str | None]:
    """The last print of each path, `BEGUN` or `NOTHING`; of a path that was never written, `NOTHING`."""
    wanted = {str(path): path for path in paths}
    found: dict[Path, str | None] = dict.fromkeys(wanted.values(), NOTHING)
    folder = state_folder()
    with contextlib.suppress(OSError):  # there may be none yet
        lines = [] if folder is None else (folder / FILE).read_text(encoding="utf-8", errors="replace").splitlines()
        for line in lines:
            with contextlib.suppress(ValueError, TypeError, RecursionError):  # a line that a full disk cut off
                path, said = json.loads(line)
                if path in wanted and (said is None or isinstance(said, str)):
                    found[wanted[path]] = said
    return found


def remember(prints: Mapping[Path, str | None]) -> None:
    """Add to the record. Where it can't be written, these files are nobody's next time."""
    folder = state_folder()
    if folder is None or not prints:
        return
    file = folder / FILE
    lines = "".join(json.dumps([str(path), said]) + "\n" for path, said in prints.items())
    with contextlib.suppress(OSError, VistreamError):
        with file.open("a", encoding="utf-8", newline="\n") as record:
            record.write(lines)
        if file.stat().st_size > LARGEST:
            kept = file.read_text(encoding="utf-8", errors="replace").splitlines()
            with replacing(file) as temporary:
                temporary.write_text("\n".join(kept[len(kept) // 2 :]) + "\n", encoding="utf-8", newline="\n")
