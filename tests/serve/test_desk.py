"""Objects clicked in a browser: a box and a click become tracks, are corrected, and their result is downloaded."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import cv2
import numpy as np
import pytest
from browser import DESKTOP, PHONE, browser, faint, overflow, until, watched
from clipfiles import write_video
from PIL import Image
from typer.testing import CliRunner

from vistream.cli.main import app
from vistream.errors import VistreamError
from vistream.pipeline.settings import Settings
from vistream.render.colours import colour_of, css
from vistream.serve.clicks import Click, box_around, mask_of_box, mask_of_clicks, outline
from vistream.serve.desk import Desk
from vistream.types import Box, Frame, Observations

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIZE = (240, 160)
FRAMES = 6


def picture(number: int) -> Frame:
    """A textured red disc that moves over a grey ground, whose texture is soft."""
    generator = np.random.default_rng(0)
    ground = np.asarray(
        cv2.GaussianBlur(generator.integers(60, 140, (160, 240, 3)).astype(np.uint8), (9, 9), 0), np.uint8
    )
    cv2.circle(ground, centre(number), 26, (205, 60, 50), cv2.FILLED)
    cv2.circle(ground, centre(number), 9, (150, 30, 40), cv2.FILLED)
    return ground


def centre(number: int) -> tuple[int, int]:
    return (80 + 6 * number, 70)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("disc")
    for number in range(FRAMES):
        Image.fromarray(picture(number)).save(folder / f"{number:03d}.png")
    return folder


def disc(number: int) -> np.ndarray:
    mask = np.zeros(SIZE[::-1], np.uint8)
    cv2.circle(mask, centre(number), 26, 1, cv2.FILLED)
    return mask > 0


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_a_click_finds_the_object_and_more_clicks_correct_it() -> None:
    frame, (x, y) = picture(0), centre(0)
    assert overlap(mask_of_clicks(frame, [(x, y, True), (x + 18, y, True)]), disc(0)) > 0.85
    assert overlap(mask_of_box(frame, (x - 30, y - 30, 60, 60)), disc(0)) > 0.85
    less = mask_of_clicks(frame, [(x + 18, y, True), (x, y, False)])
    assert not less[y, x]
    assert outline(disc(0))
    bare = mask_of_box(np.full_like(frame, 90), (x - 30, y - 30, 60, 60))  # nothing to go by: a guess, and not nothing
    assert 0.3 * 3600 < bare.sum() < 3600
    with pytest.raises(VistreamError, match="no click is on an object"):
        mask_of_clicks(frame, [(500, 500, True), (5, 5, False)])


@pytest.mark.parametrize("clicks", [[], [(80.0, 70.0, True)], [(5.0, 5.0, False)]])
@pytest.mark.parametrize("box", [(0, 0, *SIZE), (-500, -500, 5000, 5000)])
def test_a_box_around_the_whole_picture_is_one(box: Box, clicks: list[Click]) -> None:
    found = mask_of_box(picture(0), box, clicks)
    assert found.shape == SIZE[::-1]
    assert found.any()


def test_a_detectors_box_tells_how_large_an_object_is() -> None:
    boxes = np.array([[0.0, 0, 300, 200], [50, 40, 60, 60], [60, 50, 30, 30], [60, 50, 30, 30]])
    seen = Observations(boxes, np.array([0.3, 0.8, 0.5, 0.1]), ("bus", "person", "person", "ball"))
    assert box_around([(80, 70, True), (5, 5, False)], seen) == (50, 40, 60, 60)
    assert box_around([(80, 70, True), (200, 100, True)], seen) == (0, 0, 300, 200)
    assert box_around([(80, 70, True), (200, 300, True)], seen) is None
    assert box_around([(5, 5, False)], seen) is None
    assert box_around([(80, 70, True)], Observations.none()) is None


def test_a_desk_follows_and_is_corrected(clip: Path) -> None:
    desk = Desk(str(clip), Settings("sot"))
    with pytest.raises(VistreamError, match="no object is given yet"):
        desk.start()
    with pytest.raises(VistreamError, match="lies outside the frames"):
        desk.give(0, None, [], (900, 900, 20, 20))
    x, y = centre(0)
    desk.give(0, None, [], (x - 26, y - 26, 52, 52))
    wrong = desk.give(3, None, [], (0, 100, 40, 40))
    assert wrong["id"] == 1  # sot follows one object: this corrects it
    run(desk)
    assert desk.state == "done", desk.message
    assert sorted(desk.results) == list(range(FRAMES))
    assert abs(desk.results[2].tracks[0].box[0] - (centre(2)[0] - 26)) < 12
    assert desk.results[3].tracks[0].box[1] > 80
    desk.forget(1)
    assert desk.as_dict()["objects"] == []


def run(desk: Desk) -> None:
    desk.start()
    assert desk._thread is not None
    desk._thread.join(120)


@contextmanager
def command(clip: Path, task: str) -> Iterator[str]:
    """The real command, ended by Ctrl-C: the address that it prints."""
    code = "from vistream.cli.main import run; run()"
    arguments = [sys.executable, "-c", code, "serve", str(clip), "--task", task, "--port", "0"]
    with subprocess.Popen(arguments, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found
            yield found[0]
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=120) == 0
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("task", ["vos", "sot"])
def test_in_a_browser(task: str, width: int, clip: Path) -> None:
    with (
        command(clip, task) as address,
        browser() as launched,
        watched(launched, width) as (page, complaints, asked),
    ):
        page.goto(address)
        until(page, "document.getElementById('picture').naturalWidth > 0")
        if task == "vos":
            click(page, centre(0))
            click(page, (centre(0)[0] + 18, centre(0)[1]))
            until(page, "document.getElementById('note').textContent.includes('pixels')")
        else:
            drag(page, (centre(0)[0] - 26, centre(0)[1] - 26), (centre(0)[0] + 26, centre(0)[1] + 26))
        page.click("#keep")
        until(page, "document.querySelectorAll('#objects li').length == 1")
        page.click("#start")
        until(page, "document.getElementById('note').textContent.startsWith('done')", 120)
        assert overflow(page) == 0
        assert faint(page) == []
        with page.expect_download() as waiting:
            page.click("text=jsonl")
        lines = [json.loads(line) for line in Path(waiting.value.path()).read_text().splitlines()]
        assert [line["frame"] for line in lines] == list(range(FRAMES))
        if task == "vos":
            with page.expect_download() as waiting:
                page.click("text=masks")
            with zipfile.ZipFile(waiting.value.path()) as archive:
                assert len(archive.namelist()) == FRAMES
                labels = np.asarray(Image.open(archive.open("00000.png")))
            assert overlap(labels > 0, disc(0)) > 0.8
        x, y, w, h = lines[-1]["tracks"][0]["bbox"]
        assert abs(x + w / 2 - centre(FRAMES - 1)[0]) < 12
        assert abs(y + h / 2 - 70) < 12
        assert complaints == []
        assert all(url.startswith((address, "data:", "blob:")) for url in asked)
        if task == "vos":
            until(page, f"({OPAQUE})(0, 0, {SIZE[0]}, {SIZE[1]}).includes('{css(colour_of(1))}')")
            corner = centre(FRAMES - 1)[0] - 28, centre(FRAMES - 1)[1] - 28, 7, 7
            assert page.evaluate(f"({OPAQUE})(...{[*corner]})") == [], "the border of the mask, not of the box"


OPAQUE = """(...where) => {
  const { data } = document.getElementById("drawing").getContext("2d").getImageData(...where);
  const hex = (v) => v.toString(16).padStart(2, "0");
  const colours = Array.from({ length: data.length / 4 }, (_, i) => [...data.slice(4 * i, 4 * i + 4)]);
  return colours.filter((colour) => colour[3] === 255).map(([r, g, b]) => "#" + hex(r) + hex(g) + hex(b));
}"""
"""The colours of what is drawn in a part of the picture (x, y, w, h)."""
FOCUS = "window.dispatchEvent(new Event('focus'))"


@pytest.mark.slow
def test_pages_that_are_behind_catch_up(clip: Path) -> None:
    with (
        browser() as launched,
        watched(launched, DESKTOP) as (one, *_),
        watched(launched, PHONE) as (two, *_),
    ):
        with command(clip, "sot") as address:
            for page in (one, two):
                page.goto(address)
                until(page, "document.getElementById('note').textContent.startsWith('drag')")
            drag(one, (centre(0)[0] - 26, centre(0)[1] - 26), (centre(0)[0] + 26, centre(0)[1] + 26))
            one.click("#keep")
            until(one, "document.querySelectorAll('#objects li').length == 1")
            two.evaluate(FOCUS)
            until(two, "document.querySelectorAll('#objects li').length == 1")
            two.route("**/api/desk", lambda route: route.abort(), times=1)  # an answer that is lost on the way
            two.click("#start")
            until(two, "document.getElementById('note').textContent.startsWith('done')", 120)
            one.click("text=remove")
            until(one, "document.querySelectorAll('#objects li').length == 0")
            two.click("#start")  # of nothing, as it does not know
            until(two, "document.getElementById('note').textContent.startsWith('no object is given')")
            until(two, "document.querySelectorAll('#objects li').length == 0")
        two.evaluate(FOCUS)
        until(two, "document.getElementById('note').textContent.startsWith('vistream does not answer')")


@pytest.mark.slow
def test_the_buttons_stay_in_sight_below_a_tall_picture(tmp_path: Path) -> None:
    Image.new("RGB", (60, 400)).save(tmp_path / "0.png")
    with (
        command(tmp_path, "sot") as address,
        browser() as launched,
        watched(launched, DESKTOP) as (page, *_),
    ):
        page.goto(address)
        until(page, "document.getElementById('picture').naturalWidth > 0")
        assert page.evaluate("document.getElementById('keep').getBoundingClientRect().bottom < innerHeight")


def click(page: Page, point: tuple[int, int]) -> None:
    page.mouse.click(*on_screen(page, point))


def drag(page: Page, start: tuple[int, int], end: tuple[int, int]) -> None:
    page.mouse.move(*on_screen(page, start))
    page.mouse.down()
    page.mouse.move(*on_screen(page, end), steps=5)
    page.mouse.up()


def on_screen(page: Page, point: tuple[int, int]) -> tuple[float, float]:
    box = page.locator("#stage").bounding_box()
    assert box is not None
    return box["x"] + point[0] * box["width"] / SIZE[0], box["y"] + point[1] * box["height"] / SIZE[1]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--task", "semseg"), "annotate is for the tasks vos and sot, not semseg"),
        (("--model", "nowhere.pth"), "nowhere.pth: no such network"),
        (("--task", "sot", "--model", "nanodet-g"), "nanodet-g is for detection"),
    ],
)
def test_what_cannot_follow_is_refused_before_the_page_is_there(
    options: tuple[str, ...], told: str, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vistream.serve.server.serve", lambda *_: pytest.fail("a page is shown"))
    monkeypatch.setattr("vistream.serve.server.serve_desk", lambda *_: pytest.fail("a page is shown"))
    refused = CliRunner().invoke(app, ["annotate", str(clip), "--port", "0", *options])
    assert isinstance(refused.exception, VistreamError), refused.output
    assert told in str(refused.exception)


def test_other_sites_and_nonsense_are_refused(clip: Path) -> None:
    with command(clip, "sot") as address:
        for path, body, headers, status in (
            ("api/start", b"{}", {}, 403),  # as a form on another site would ask
            ("api/start", b"{}", {"x-vistream": "1"}, 400),
            ("api/object", b"[", {"x-vistream": "1"}, 400),
            ("api/object", b'{"frame": 0, "box": [1, 2]}', {"x-vistream": "1"}, 400),
            ("api/object", b" " * 200_000, {"x-vistream": "1"}, 413),
            ("api/fly", b"{}", {"x-vistream": "1"}, 404),
        ):
            with pytest.raises(HTTPError) as refused:
                urlopen(Request(address + path, body, headers), timeout=30)
            assert refused.value.code == status, path
            refused.value.close()
        for path in ("frames/999.jpg", "result/jsonl"):
            with pytest.raises(HTTPError) as refused:
                urlopen(address + path, timeout=30)
            assert refused.value.code in (400, 404)
            refused.value.close()


def test_frames_that_a_file_does_not_number_are_counted(tmp_path: Path) -> None:
    """Of two transport streams behind each other FFmpeg estimates the length of one."""
    part = write_video(tmp_path / "part.ts", frames=20).read_bytes()
    (tmp_path / "both.ts").write_bytes(2 * part)
    desk = Desk(str(tmp_path / "both.ts"), Settings("sot"))
    assert desk.frames == 40
    assert desk.frame(39).shape == desk.frame(0).shape
