"""The documentation keeps its word: links lead somewhere, commands have the options they are shown with, code runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from vistream.cli.main import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
MADE = ("cli.md",)  # by docs/hooks.py, when the site is built
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_links_lead_to_files(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
    lost = [target for target in targets if not (page.parent / target).exists() and Path(target).name not in MADE]
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_commands_have_the_options_they_are_shown_with(page: Path) -> None:
    known = {
        name: {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        for name, command in getattr(get_command(app), "commands").items()  # noqa: B009  (a group, which mypy can't see)
    }
    for text in blocks(page, "sh"):
        for line in text.replace("\\\n", " ").splitlines():
            for part in re.findall(r"\bvistream [a-z][^&|;#]*", line):
                words = shlex.split(part)
                options = {word.split("=")[0] for word in words[2:] if re.fullmatch(r"--?[a-z].*", word)}
                assert words[1] in known, line
                assert options <= known[words[1]], line


WITH_CODE = [page for page in sorted(DOCS.rglob("*.md")) if blocks(page, "python") and page.name != "tasks.md"]


@pytest.mark.parametrize("page", WITH_CODE, ids=names(WITH_CODE))
def test_code_runs(page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    for code in blocks(page, "python"):
        exec(compile(code, page.name, "exec"), {})


def test_every_command_is_on_the_page_of_the_command_line() -> None:
    from typer.cli import get_docs_for_click

    command = get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="vistream")
    for name in ("track", "verify", "serve", "doctor", "eval", "energy-report"):
        assert f"## `vistream {name}`" in text
