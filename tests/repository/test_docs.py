"""The documentation keeps its word: links lead somewhere, commands have the options they are shown with, code runs."""

from __future__ import annotations

import json
import re
import shlex
from functools import partial
from pathlib import Path

import docs_numbers
import numpy as np
import pytest
import typer
from onnxnets import mobilenet_v3, pictures
from torch import nn
from typer.main import get_command

import vistream
from vistream.cli.main import app
from vistream.engine.deadband import WIDEST
from vistream.engine.fidelity import PRESETS, DeadZones
from vistream.pipeline.tasks import PLAIN, check_fidelity
from vistream.segment.network import PRESETS as SEGMENTING

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


def test_the_fixed_camera_page_says_what_the_fidelities_ignore() -> None:
    text = " ".join((DOCS / "how-to" / "fixed-camera.md").read_text(encoding="utf-8").split())
    high, fast = PRESETS["high"], PRESETS["fast"]
    assert (high.deadband, high.noise) == (fast.deadband, fast.noise)
    assert f"`--fidelity high` and `fast` ignore changes of up to {high.deadband} grey levels" in text
    assert f"and of more, up to {WIDEST}, where they measure that the camera is noisy" in text
    assert f"(a hysteresis of {fast.hysteresis} levels, not {high.hysteresis})" in text
    assert SEGMENTING["high"].deadband == high.deadband
    assert f"For semseg and panoptic `fast` ignores up to {SEGMENTING['fast'].deadband};" in text
    for task in PLAIN:
        assert check_fidelity(task, "high", None, None) == check_fidelity(task, "fast", None, None) == DeadZones()
    assert f"for {PLAIN[1]}, {PLAIN[0]} and {PLAIN[2]} both are as `exact`" in text


WITH_CODE = [page for page in sorted(DOCS.rglob("*.md")) if blocks(page, "python") and page.name != "tasks.md"]


@pytest.mark.parametrize("page", WITH_CODE, ids=names(WITH_CODE))
def test_code_runs(page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    for code in blocks(page, "python"):
        exec(compile(code, page.name, "exec"), {})


def test_the_readme_s_code_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what it takes for granted: a video, a frame and what was seen in it, a network and frames for it."""
    (code,) = blocks(ROOT / "README.md", "python")
    (tmp_path / "street.mp4").symlink_to(ROOT / "demo_videos" / "plaza_static.mp4")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vistream, "track", partial(vistream.track, detector="motion", max_frames=2))
    frame = np.zeros((64, 96, 3), np.uint8)
    given = {"frame": frame, "observations": vistream.Observations.none(), "calibration_frames": [frame + 9]}
    exec(compile(code, "README.md", "exec"), {**given, "my_cnn": nn.Conv2d(3, 8, 3)})
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_the_code_of_the_tasks_runs() -> None:
    (code,) = blocks(DOCS / "tasks.md", "python")
    frame, mask = np.zeros((64, 96, 3), np.uint8), np.zeros((64, 96), np.bool_)
    frame[20:40, 30:50] = mask[20:40, 30:50] = 1
    namespace: dict[str, object] = {"vistream": vistream, "frame": 200 * frame, "mask": mask}
    exec(compile(code, "tasks.md", "exec"), namespace)
    assert list(namespace["masks"]) == [namespace["number"]]  # type: ignore[call-overload]


def test_the_code_for_an_onnx_file_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = blocks(DOCS / "how-to" / "own-network.md", "py")
    monkeypatch.chdir(mobilenet_v3(tmp_path / "net.onnx").parent)
    namespace: dict[str, object] = {"vistream": vistream, "frames": pictures(6)}
    exec(compile(code, "own-network.md", "exec"), namespace)
    assert namespace["outputs"]


def test_the_notebook_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """All cells, in order, in one namespace, as a notebook does."""
    monkeypatch.chdir(ROOT)
    cells = json.loads((DOCS / "tracking.ipynb").read_text(encoding="utf-8"))["cells"]
    namespace: dict[str, object] = {}
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            exec(compile("".join(cell["source"]), f"cell {number}", "exec"), namespace)
    assert "person" in capsys.readouterr().out


TABLE = re.compile(r"^\|.*\|\n\|[-| :]+\|\n(?:\|.*\|\n?)+", re.MULTILINE)
MADE_BY = re.compile(r"\b(?:vistream [a-z]|python (?:-m |[\w/]+\.py)|pytest |bash |tests/|arXiv )")
FIGURES = re.compile(r"\|\s*[<>~]?\d+[.,]\d+(?!\w)")


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_numbers_stand_beside_the_command_that_made_them(page: Path) -> None:
    """A table of numbers is in a section, or on a page, that begins with the command, test or paper they come from."""
    text = page.read_text(encoding="utf-8")
    for table in TABLE.finditer(text):
        if not FIGURES.search(table[0]):
            continue
        section = text[text.rfind("\n#", 0, table.start()) :].split("\n#", 2)[1]
        opening = text.split("\n## ", 1)[0]
        assert MADE_BY.search(section) or MADE_BY.search(opening), table[0][:200]
        for script in re.findall(r"scripts/[\w/]+\.py", section + opening):
            assert (ROOT / script).is_file(), script


@pytest.mark.slow
def test_what_the_demo_clip_gives_is_what_the_pages_say(tmp_path: Path) -> None:
    """If not: python scripts/docs_numbers.py."""
    assert docs_numbers.stale(docs_numbers.first_table(tmp_path), write=False) == []
    assert docs_numbers.stale(docs_numbers.fidelities(tmp_path), write=False) == []
    assert docs_numbers.is_shown(docs_numbers.shown(tmp_path / "high.mp4"))


@pytest.mark.slow
@pytest.mark.real
def test_what_a_real_clip_gives_is_what_the_readme_says(tmp_path: Path, real_data: Path) -> None:
    """If not: python scripts/docs_numbers.py --data ../shared/data."""
    stated = docs_numbers.real_clips(real_data, tmp_path, ("TUD-Stadtmitte",))
    assert docs_numbers.stale(stated, write=False) == []


def test_every_command_is_on_the_page_of_the_command_line() -> None:
    from typer.cli import get_docs_for_click

    command = get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="vistream")
    for name in ("track", "verify", "serve", "doctor", "eval", "energy-report"):
        assert f"## `vistream {name}`" in text
