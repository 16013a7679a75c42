"""Ctrl-C while the program is still being imported."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
INTERRUPTED = """
import sys
class Interrupting:
    def find_spec(self, name, path, target=None):
        if name == "typer":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
"""


def installed() -> str:
    """What the command that is installed does."""
    found = re.search(r'^vistream = "([\w.]+):(\w+)"$', PROJECT.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return f"from {found[1]} import {found[2]}; sys.exit({found[2]}())"


@pytest.mark.parametrize("start", [installed(), "import runpy; runpy.run_module('vistream', run_name='__main__')"])
def test_ctrl_c_while_it_is_imported_leaves_no_traceback(start: str) -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED + start, "doctor"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
