"""Markup in the names of files and classes is text in the page, in its JSON and in the report; nothing of it runs."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from browser import DESKTOP, browser, until, watched
from webserver import ask, served

from vistream.pipeline.output_paths import OutputPaths
from vistream.pipeline.recording import Recording
from vistream.pipeline.settings import Settings
from vistream.serve.tile import Tile

CLIP = Path(__file__).parents[2] / "demo_videos" / "plaza_static.mp4"
MARKUP = "<img src=x onerror=document.title=666><script>document.title=666<!script>\"'&amp;"
CLASS = MARKUP.replace(",", "")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Settings]:
    """A clip, and detections of it, that are called so."""
    folder = tmp_path_factory.mktemp("names")
    clip = folder / f"{MARKUP}.mp4"
    shutil.copy(CLIP, clip)
    quoted = CLASS.replace('"', '""')
    rows = [f'{frame},100,100,60,120,0.9,"{quoted}"' for frame in range(4)]
    (folder / "det.csv").write_text("\n".join(["frame,x,y,w,h,score,class", *rows, ""]))
    return clip, Settings(detections=folder / "det.csv", max_frames=4)


@pytest.mark.slow
def test_in_the_page_and_its_json(hostile: tuple[Path, Settings]) -> None:
    clip, settings = hostile
    lines = ("0.1,0.1,0.9,0.9,<b onmouseover=alert(1)>",)
    tile = Tile(str(clip), replace(settings, lines=lines))
    tile.run()
    with served(tile) as port:
        status, body, headers = ask(port, "/api/sources")
        assert (status, headers["Content-Type"]) == (200, "application/json")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert json.loads(body)[0]["title"] == MARKUP
        with browser() as launched, watched(launched, DESKTOP) as (page, complaints, _):
            page.goto(f"http://127.0.0.1:{port}/")
            until(page, "document.querySelectorAll('.tile').length == 1")
            until(page, "document.body.textContent.includes('onerror=')")
            assert page.title() != "666"
            assert page.evaluate("document.querySelectorAll('img[src=x], b[onmouseover]').length") == 0
            assert complaints == []


@pytest.mark.slow
def test_in_the_report(hostile: tuple[Path, Settings], tmp_path: Path) -> None:
    clip, settings = hostile
    paths = OutputPaths(csv=tmp_path / f"{MARKUP}.csv")
    with Recording(str(clip), settings, paths, report=tmp_path / "page", arguments=["track", str(clip)]) as made:
        results = [result for _, result in made]
    assert {track.label for result in results for track in result.tracks} == {CLASS}
    with browser() as launched, watched(launched, DESKTOP) as (page, complaints, _):
        page.goto((tmp_path / "page" / "index.html").as_uri())
        page.wait_for_timeout(500)
        assert page.evaluate("document.body.textContent").count("onerror=document.title=666") >= 4
        assert page.evaluate("document.querySelectorAll('script, img[src=x]').length") == 0
        assert page.title() != "666"
        link = page.evaluate("document.querySelector('td a').href")
        assert link.startswith((tmp_path.as_uri(), "file:///")) and link.endswith(".csv")
        assert complaints == []
