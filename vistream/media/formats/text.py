"""Reading text and JSON files so that whatever is wrong with them is one clear line."""

from __future__ import annotations

import json
import logging
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path
from typing import Any

from vistream.errors import VistreamError

log = logging.getLogger("vistream")


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
