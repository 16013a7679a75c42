"""`vistream serve`: real servers on real ports, asked over HTTP and looked at in a browser."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote
from urllib.request import HTTPCookieProcessor, build_opener

import cv2
import numpy as np
import pytest
from browser import DESKTOP, PHONE, browser, faint, overflow, until, watched
from segmenters import network_file
from typer.testing import CliRunner
from webserver import ask, asked, served

from vistream.cli.main import app
from vistream.cli.serving import serve_sources
from vistream.errors import VistreamError
from vistream.pipeline.settings import Settings
from vistream.serve.gauges import SECONDS, STEP, Gauges
from vistream.serve.server import serve
from vistream.serve.tile import Tile
from vistream.types import LayerWork, Result, Track, Work

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DEMO = Path(__file__).parents[2] / "demo_videos"
CLIP = str(DEMO / "plaza_static.mp4")


def test_figures_and_pictures(done: Tile) -> None:
    with served(done) as port:
        status, body, headers = ask(port, "/api/sources")
        (source,) = json.loads(body)
        assert (status, source["title"], source["state"], source["frame"]) == (200, "plaza_static", "ended", 5)
        assert source["size"] == [640, 384]
        assert 0 < source["work"] < 1
        lengths = {len(column) for column in source["history"].values()}
        assert lengths == {len(source["history"]["at"])} != {0}
        for path, shape in (("picture", (384, 640, 3)), ("activity", (288, 480, 3))):
            status, body, headers = ask(port, f"/sources/0/{path}.jpg")
            assert (status, headers["Content-Type"]) == (200, "image/jpeg")
            picture = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
            assert picture is not None
            assert picture.shape == shape
        wrong = ("1", "-1", "x", "9" * 5000, "00", "٠")
        assert [ask(port, f"/sources/{quote(n)}/picture.jpg")[0] for n in wrong] == [404] * len(wrong)
        body = ask(port, "/sources/0/stream.mjpg")[1]  # the source has ended, so this ends too
        assert body.count(b"--frame\r\nContent-Type: image/jpeg") == 1


@pytest.mark.parametrize(("task", "counted"), [("semseg", "classes"), ("panoptic", "segments")])
def test_what_pixels_show(task: str, counted: str, tmp_path: Path) -> None:
    weights = network_file(tmp_path, "coco-panoptic", panoptic=True)
    tile = Tile(CLIP, Settings(task, str(weights), max_frames=2))
    tile.run()
    with served(tile) as port:
        (source,) = json.loads(ask(port, "/api/sources")[1])
        assert (source["state"], source["frame"], source["counted"]) == ("ended", 1, counted)
        assert source["tracks"] == source["history"]["tracks"][-1]
        assert source["ids"] == 0
        assert source["activity"]
        view = tile.view
        assert view is not None and view.result.class_map is not None
        assert (view.picture != view.frame).any(2).mean() > 0.2  # the rest is of no class
        assert ask(port, "/sources/0/picture.jpg")[0] == ask(port, "/sources/0/activity.jpg")[0] == 200


@pytest.mark.slow
def test_a_live_source_and_its_lag() -> None:
    """What one server shows is a camera to another tracker."""
    film = Tile(CLIP, Settings(detector="motion", deadband=8, hysteresis=2), loop=True)
    film.start()
    with served(film) as port:
        wait(lambda: film.view is not None)  # what shows nothing yet can't be opened as a camera
        camera = Tile(f"http://127.0.0.1:{port}/sources/0/stream.mjpg", Settings(detector="motion", reconnect=False))
        camera.start()
        wait(lambda: camera.view is not None and camera.view.number > 5)
        figures = camera.as_dict()
        assert (figures["title"], figures["state"]) == ("127.0.0.1", "running")
        assert isinstance(figures["dropped"], int)
        assert 0 < camera.gauges.lag < 30
        for tile in (camera, film):
            tile.stop()
            tile.join(30)
            assert (tile.is_alive(), tile.state) == (False, "ended")


def wait(until: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def command(folder: Path, *options: str) -> Iterator[str]:
    """The real command: the address that it prints. Ctrl-C ends it, and well; what it says goes to `folder/err`."""
    code = "from vistream.cli.main import run; run()"
    arguments = [sys.executable, "-c", code, "serve", CLIP, "--detector", "motion", "--loop", "--port", "0", *options]
    with (
        (folder / "err").open("w") as errors,
        subprocess.Popen(arguments, text=True, stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"http://\S+", line)
            assert found, line + (folder / "err").read_text()
            yield found[0]
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
    said = (folder / "err").read_text()
    assert said.splitlines()[-1] == "ended"
    assert "Traceback" not in said


@pytest.mark.slow
def test_in_a_browser_until_ctrl_c(tmp_path: Path) -> None:
    with command(tmp_path) as address:
        assert address.startswith("http://127.0.0.1:")
        port = int(address.rpartition(":")[2].strip("/"))
        with asked(port, "/sources/0/stream.mjpg", {}) as watching:
            assert watching.read(200_000).count(b"--frame") >= 2
        with browser() as launched:
            for width in (PHONE, DESKTOP):
                look(launched, width, address)


def look(launched: Browser, width: int, address: str) -> None:
    """The page fills itself, asks for nothing from elsewhere, and fits."""
    with watched(launched, width) as (page, complaints, requests):
        page.goto(address)
        until(page, "document.querySelectorAll('.running').length == 1")
        until(page, "[...document.querySelectorAll('img')].every((image) => image.naturalWidth > 0)")
        until(page, "document.querySelectorAll('polyline[points*=\" \"]').length == 4")
        assert page.inner_text("h2").split() == ["plaza_static", "running"]
        tops = page.evaluate("[...document.querySelectorAll('.views img')].map((i) => i.getBoundingClientRect().top)")
        assert (tops[0] == tops[1]) == (width == DESKTOP)  # beside it, or on a phone below it
        assert faint(page) == []
        assert overflow(page) == 0
        assert complaints == []
        assert all(url.startswith((address, "data:")) for url in requests)


LOADED = "[...document.querySelectorAll('img')].every((image) => image.naturalWidth > 0)"


@pytest.mark.slow
def test_a_server_that_ended_and_one_that_came_in_its_place(done: Tile) -> None:
    other = Tile(CLIP, Settings(detector="motion", max_frames=2), title="a_title_of_many_letters" * 5)
    other.run()
    with browser() as launched, watched(launched, PHONE) as (page, _, _):
        with served(done) as port:
            page.goto(f"http://127.0.0.1:{port}/")
            until(page, f"document.querySelectorAll('.ended').length == 1 && {LOADED}")
        until(page, "document.querySelector('#note.alert')?.textContent.startsWith('vistream does not answer')")
        assert page.inner_text(".tile .state") == "unknown"
        with served(other, done, port=port):
            until(page, f"document.querySelectorAll('.ended').length == 2 && {LOADED}")
            assert page.inner_text("#note").startswith("0 of 2 sources running")
            assert page.evaluate("document.querySelector('.state').offsetHeight") < 30, "one word, one line"
            assert overflow(page) == 0


@pytest.mark.slow
def test_a_stream_that_broke_off_is_asked_for_again(done: Tile) -> None:
    with served(done) as port, browser() as launched, watched(launched, DESKTOP) as (page, _, _):
        page.route("**/stream.mjpg", lambda route: route.abort(), times=1)
        page.goto(f"http://127.0.0.1:{port}/")
        until(page, f"document.querySelectorAll('img').length == 2 && {LOADED}")


def test_many_sources_choose_a_detector_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("vistream.serve.server.serve", lambda tiles, *_: [tile.run() for tile in tiles])
    caplog.set_level("INFO", "vistream")
    serve_sources([CLIP, CLIP], Settings(max_frames=2), "127.0.0.1", 0, loop=False)
    assert caplog.text.count("detector auto: ") == 1


@pytest.mark.slow
def test_bound_elsewhere_it_prints_a_token_once(tmp_path: Path) -> None:
    with command(tmp_path, "--host", "0.0.0.0") as address:
        match = re.fullmatch(r"http://[^/]+:(\d+)/\?token=([\w-]{20,})", address)
        assert match, address
        browser_like = build_opener(HTTPCookieProcessor())  # the answer hides the token in a cookie and redirects
        with browser_like.open(address, timeout=30) as answer:  # which shows that it can be reached
            assert answer.status == 200
        assert ask(int(match[1]), "/")[0] == 401
        assert ask(int(match[1]), "/", Authorization=f"Bearer {match[2]}")[0] == 200
        with asked(int(match[1]), "/sources/0/stream.mjpg", {"Authorization": f"Bearer {match[2]}"}) as watching:
            watching.read(1)  # an answer without end does not keep the server from ending
    assert match[2] not in (tmp_path / "err").read_text()


def test_with_nothing_to_show_it_ends(tmp_path: Path) -> None:
    arguments = ["serve", str(tmp_path / "no.mp4"), str(tmp_path / "nor.mp4"), "--port", "0"]
    done = subprocess.run([sys.executable, "-m", "vistream", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.count("does not exist") == 2
    assert "there is nothing to show: no source could be opened" in done.stderr


def test_what_cannot_be_served_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(VistreamError, match=f"port {port} can't be bound: Address already in use: choose"):
            serve([], "127.0.0.1", port, print)
    for options, match in (
        (("--task", "mots"), "serve shows the tasks"),
        (("--fidelity", "perfect"), "no fidelity"),
        (("--line", "1,2,3"), "--line is '1,2,3'"),
        (("--zone", "1,2,1,2,1,2"), "--zone is"),
        (("--scale", "far"), "--scale is 'far'"),
        (("--detector", "motion", "--classes", "unicorn"), "motion knows no class 'unicorn'"),
        (("--detector", "motion", "--style", "blur=faces"), "--style blur=faces would blur nothing"),
        (("--detector", "bogus"), "no detector is called 'bogus'"),
        (("--detector", "onnx:bogus.onnx"), "bogus.onnx"),
        (("--detector", "motion", "--model", "bogus"), "bogus: no such network, nor is it a file"),
        (("--task", "semseg", "--model", "bogus"), "bogus"),
        (("--task", "semseg", "--style", "blur=person"), "--style blur=person would blur nothing"),
        (("--task", "semseg", "--line", "0,0.5,1,0.5"), "--line is for the tasks mot, mots, pose, vos, sot"),
        (("--task", "sot", "--classes", "person"), "--classes is for the tasks mot, mots, pose"),
        (("--task", "vos", "--loop"), "--loop means nothing where objects are clicked, with the task vos"),
        (("--task", "vos", "--line", "0,0.5,1,0.5"), "--line means nothing where objects are clicked"),
        (("--task", "vos", "--zone", "0,0,1,0,1,1"), "--zone means nothing"),
        (("--task", "sot", "--scale", "0.02"), "--scale means nothing"),
        (("--task", "vos", "--stride", "2"), "--stride means nothing"),
        (("--task", "vos", "--detector", "motion"), "--detector means nothing"),
        (("--task", "vos", "--style", "line=3"), "--style line= means nothing"),
    ):
        refused = CliRunner().invoke(app, ["serve", CLIP, "--port", "0", *options])
        assert isinstance(refused.exception, VistreamError)
        assert match in str(refused.exception)
        assert "http:" not in refused.output, "an address was shown"


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [name for name in sys.modules if name.startswith("vistream.serve")]
    for parent, child in [name.rsplit(".", 1) for name in names]:  # what is imported anew must not stay there either
        monkeypatch.setattr(sys.modules[parent], child, sys.modules[f"{parent}.{child}"])
    for name in names:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    refused = CliRunner().invoke(app, ["serve", CLIP])
    assert isinstance(refused.exception, VistreamError)
    assert "pip install starlette uvicorn" in str(refused.exception)


def test_gauges_count_and_forget() -> None:
    now = [1000.0]
    gauges = Gauges(lambda: now[0])
    for frame in range(4000):  # 400 seconds at ten frames a second, each result 0.3 s after its frame was due
        now[0] = 1000.0 + frame / 10
        tracks = (Track(1 + frame // 1000, (0, 0, 1, 1), 1.0, "person"),)
        work = Work((LayerWork("one", 1, 1, 25, 100, 1),))
        gauges.done(Result(frame, frame / 10, tracks, 1, work), now[0] - 0.3)
    figures = json.loads(json.dumps(gauges.as_dict()))
    assert figures["fps"] == pytest.approx(10, abs=0.6)
    assert figures["lag"] == pytest.approx(0.3)
    assert figures["ids"] == 4
    history = figures["history"]
    assert len(history["at"]) == pytest.approx(SECONDS / STEP, abs=2)
    assert history["work"] == [0.25] * len(history["at"])
    assert set(history["tracks"]) == {1}
    assert max(history["at"]) <= SECONDS
    now[0] += 10
    assert gauges.as_dict()["fps"] == 0  # nothing comes any more
    gauges.restart()
    assert gauges.as_dict()["ids"] == 0
