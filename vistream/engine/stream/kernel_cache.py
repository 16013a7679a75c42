"""Compiled kernels are kept, but not when the source of any of them has changed.

numba keeps compiled code beside the file that it is from, and compiles again when that file changes; it does not notice
when another file does whose functions were compiled into it. In a checkout that is the rule, and the old code would
run on memory laid out for the new one.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

FOLDER = Path(__file__).parent
COMPILED = b"from numba"  # is in the sources of all that is compiled


def drop_stale_kernels(folder: Path = FOLDER) -> bool:
    """Delete what numba keeps in `folder/__pycache__` if it is of other sources; whether there was anything to do."""
    sources = (path.read_bytes() for path in sorted(folder.glob("*.py")))
    digest = hashlib.sha256(b"".join(source for source in sources if COMPILED in source)).hexdigest()
    cache = folder / "__pycache__"
    stamp = cache / "kernels.sha256"
    with contextlib.suppress(OSError):
        if stamp.read_text(encoding="ascii") == digest:
            return False
    with contextlib.suppress(OSError):  # a folder that can't be written holds no kernels either
        for kept in cache.glob("*.nb[ic]"):
            kept.unlink(missing_ok=True)
        cache.mkdir(exist_ok=True)
        stamp.write_text(digest, encoding="ascii", newline="\n")  # half of it would only drop the kernels once more
    return True
