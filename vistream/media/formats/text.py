"""Reading text, JSON and YAML files so that whatever is wrong with them is one clear line."""

from __future__ import annotations

import itertools
import json
import logging
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from functools import cache
from pathlib import Path
from typing import Any

from vistream.errors import VistreamError

log = logging.getLogger("vistream")

MOST_ENTRIES = 1_000_000
"""Of a YAML document, with what its anchors repeat."""
MOST_BITS = 10_000  # of a whole number; Python refuses to write those of more than 4,300 digits


def read_text(path: Path | str, *, any_encoding: bool = False) -> str:
    """The whole file, its line ends as plain newlines: UTF-8, or UTF-16 where its first bytes say so.

    `any_encoding`: what is neither is read as Windows-1252, as spreadsheets write it, which is logged. Raises
    VistreamError where it can't be read or is no text.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise VistreamError(f"{path} can't be read: {error.strerror}") from None
    try:
        text = data.decode("utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError:
        if not any_encoding or not _is_windows_text(data):
            raise VistreamError(f"{path} is not a text file") from None
        log.warning("%s is not UTF-8: read as Windows-1252", path)
        text = data.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _is_windows_text(data: bytes) -> bool:
    """Whether bytes that are not UTF-8 may be text of one byte a letter: no control characters, few letters above."""
    control = bytes(range(9)) + bytes(range(14, 32))
    return (
        not data.translate(None, bytes(set(range(256)) - set(control))) and sum(b > 127 for b in data) < len(data) / 4
    )


def read_lines(path: Path | str, *, any_encoding: bool = False) -> list[tuple[int, str]]:
    """Lines that hold something, stripped, with their numbers from 1; see `read_text`."""
    numbered = enumerate(read_text(path, any_encoding=any_encoding).splitlines(), start=1)
    return [(number, line.strip()) for number, line in numbered if line.strip()]


def read_json(path: Path | str) -> Any:
    """The file's value. Raises VistreamError with the line where JSON ends to make sense.

    `Any`, because nothing is known of the value yet: the formats check it.
    """
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise VistreamError(f"{path}, line {error.lineno}: not JSON: {error.msg}") from None
    except ValueError as error:  # a number of thousands of digits
        raise VistreamError(f"{path}: not JSON that can be read: {error}") from None
    except RecursionError:
        raise VistreamError(f"{path}: the JSON is nested too deeply") from None


def yaml_value(text: str, where: str) -> Any:
    """The value of a YAML document, None where it is empty; `where` names the file.

    Raises VistreamError, with the line where YAML ends to make sense, or where a key occurs twice. So does a value that
    would not end: anchors let a few lines stand for billions of entries, or hold themselves.
    """
    import yaml

    try:
        value = yaml.load(text, _strict_loader())
        if _entries(value, {}) > MOST_ENTRIES:
            raise ValueError(f"it stands for more than {MOST_ENTRIES} entries")
        return value
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or (str(error).splitlines() or [""])[0]
        line = f", line {mark.line + 1}" if mark else ""
        raise VistreamError(f"{where}{line}: not YAML: {problem}") from None
    except RecursionError:
        raise VistreamError(f"{where}: the YAML is nested too deeply") from None
    except Exception as error:  # values that are not what their tags say make PyYAML fail in any way it likes
        reason = (str(error).splitlines() or [""])[0]
        raise VistreamError(f"{where}: not YAML that can be read: {reason}") from None


@cache
def _strict_loader() -> Any:  # Any: a class of a module that is imported only where there is YAML to read
    """PyYAML's safe loader, which by itself takes the last one of two values under the same key."""
    import yaml

    class Strict(yaml.SafeLoader):
        def compose_mapping_node(self, anchor: Any) -> Any:
            node = super().compose_mapping_node(anchor)
            known = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    continue  # a list or mapping, which can't be a key in Python
                if (key.tag, key.value) in known:
                    problem = f"the key {key.value!r} occurs twice"
                    raise yaml.composer.ComposerError("in a mapping", node.start_mark, problem, key.start_mark)
                known.add((key.tag, key.value))
            return node

    return Strict


def _entries(value: Any, known: dict[int, int]) -> int:
    """How many entries a value has when it is written out; `known`: of the lists and mappings seen so far."""
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise ValueError("it holds a number of thousands of digits")
    if not isinstance(value, list | dict):
        return 1
    if id(value) not in known:
        known[id(value)] = MOST_ENTRIES + 1  # while it is being counted: it may hold itself
        parts = value if isinstance(value, list) else itertools.chain(value, value.values())
        known[id(value)] = 1 + sum(_entries(part, known) for part in parts)
    return known[id(value)]
