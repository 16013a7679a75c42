"""Text files are the same on every system: encoding given wherever one is opened, line ends wherever one is written."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = {"write_text", "read_text"}
OPENERS = {"open", "fdopen", "NamedTemporaryFile", "TemporaryFile", "SpooledTemporaryFile"}
NO_TEXT = {"av", "Image", "tarfile", "os", "clip", "codec_context", "webbrowser", "wave", "archive", "zipfile"}
"""Whose `open` gives no text file of ours."""


def faults(source: str) -> list[str]:
    """Calls that leave something to the system."""
    found = []
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        given = {keyword.arg for keyword in call.keywords}
        if name in TEXT:
            writes = name == "write_text"
        elif name in OPENERS and owner(call) not in NO_TEXT:
            mode = opening_mode(call, name)
            if "b" in mode:
                continue
            writes = any(letter in mode for letter in "wax+")
        else:
            continue
        lacking = [what for what in ("encoding", *(("newline",) if writes else ())) if what not in given]
        if lacking and not (name == "read_text" and len(call.args) == 1):
            found.append(f"line {call.lineno}: {name} without {' and '.join(lacking)}")
    return found


def owner(call: ast.Call) -> str:
    """Of `a.b.open(...)`: b; of `clip().open()`: clip."""
    value = call.func.value if isinstance(call.func, ast.Attribute) else None
    value = value.func if isinstance(value, ast.Call) else value
    return value.attr if isinstance(value, ast.Attribute) else getattr(value, "id", "")


def opening_mode(call: ast.Call, name: str) -> str:
    """As far as it is written down: of the method the first argument, of the functions the second."""
    for keyword in call.keywords:
        if keyword.arg == "mode" and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    if name.endswith("TemporaryFile"):
        place, usual = 0, "w+b"
    else:
        place, usual = (0 if isinstance(call.func, ast.Attribute) and name == "open" else 1), "r"
    mode = call.args[place] if len(call.args) > place else None
    return str(mode.value) if isinstance(mode, ast.Constant) else usual


@pytest.mark.parametrize(
    ("source", "lacking"),
    [
        ("path.write_text('a')", "write_text without encoding and newline"),
        ("path.write_text('a', encoding='utf-8')", "write_text without newline"),
        ("path.write_text('a', encoding='utf-8', newline='\\n')", ""),
        ("path.read_text()", "read_text without encoding"),
        ("path.read_text('utf-8')", ""),
        ("open('a')", "open without encoding"),
        ("open('a', 'rb')", ""),
        ("open('a', mode='w', encoding='ascii')", "open without newline"),
        ("path.open('w')", "open without encoding and newline"),
        ("path.open('wb')", ""),
        ("path.open()", "open without encoding"),
        ("os.open('a', os.O_RDWR)", ""),
        ("tempfile.NamedTemporaryFile('w')", "NamedTemporaryFile without encoding and newline"),
        ("tempfile.TemporaryFile()", ""),
    ],
)
def test_what_is_found(source: str, lacking: str) -> None:
    assert faults(source) == ([f"line 1: {lacking}"] if lacking else [])


def test_nothing_is_left_to_the_system() -> None:
    found = {
        str(path.relative_to(ROOT)): said
        for folder in ("vistream", "scripts")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if (said := faults(path.read_text(encoding="utf-8")))
    }
    assert found == {}
