"""Whatever is sent to the page for clicking is refused in one line where it makes no sense, and the page goes on."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from PIL import Image
from webserver import running

from vistream.pipeline.settings import Settings
from vistream.serve.asked import HEADER
from vistream.serve.connections import connection_options
from vistream.serve.desk import Desk
from vistream.serve.deskapp import make_desk_app
from vistream.types import Result

SIZE = (48, 32)


def desk_of(folder: Path, task: str) -> Desk:
    for number in range(3):
        noise = np.random.default_rng(number).integers(0, 255, (*SIZE[::-1], 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    return Desk(str(folder), Settings(task))


def served(desk: Desk) -> AbstractContextManager[int]:
    config = uvicorn.Config(make_desk_app(desk, None), log_level="warning", **connection_options())
    return running(uvicorn.Server(config))


@pytest.fixture(scope="module", params=["sot", "vos"])
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with served(desk_of(tmp_path_factory.mktemp("clip"), request.param)) as found:
        yield found


def asked(port: int, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, path, body, {HEADER: "1"})
        answer = connection.getresponse()
        return answer.status, answer.read()


BOXES = (
    *("[0, 0, 1e308, 1e308]", "[-1e308, -1e308, 1e308, 1e308]", "[NaN, 0, 9, 9]", "[0, 0, NaN, NaN]", "[0, 0, -9, -9]"),
    *("[0, 0, Infinity, Infinity]", "[1e300, 1e300, 9, 9]", "[900, 900, 20, 20]", "[-90, -90, 20, 20]", "[1, 2]", "7"),
    *(
        '"abcd"',
        "[[], 1, 2, 3]",
        "[1e9, 1e9, 1e9, 1e9]",
        "[0, 0, 1e-300, 1e-300]",
        "{}",
        "[true, [], {}, null]",
        "[4, true, 9, 9]",
    ),
)
FRAMES = ("1e999", "-1", "3", "1e300", "NaN", '"x"', "null", "[]", "9" * 30, "9" * 5000, "-" + "9" * 30)
MANY = "[[5, 5, true]" + 200 * ", [5, 5, true]" + "]"
CLICKS = (
    MANY,
    "[[NaN, NaN, true]]",
    "[[1e308, 1e308, true]]",
    "[[-1, -1, true]]",
    "[[1, 2]]",
    "[[true, 9, true]]",
    "7",
    '"abc"',
    "[[{}, 1, 1]]",
    "[]",
)
IDENTITIES = ("-1", "101", "1e999", "NaN", '"x"', "[]", "9" * 30, "9" * 5000)
GOOD_BOX = "[4, 4, 20, 20]"
BODIES = {
    **{f"box {box}": f'{{"frame": 0, "box": {box}}}' for box in BOXES},
    **{f"frame {frame[:9]}": f'{{"frame": {frame}, "box": {GOOD_BOX}}}' for frame in FRAMES},
    **{f"clicks {clicks[:20]}": f'{{"frame": 0, "clicks": {clicks}}}' for clicks in CLICKS},
    **{f"id {one[:9]}": f'{{"frame": 0, "box": {GOOD_BOX}, "id": {one}}}' for one in IDENTITIES},
    "nested": "[" * 50_000 + "]" * 50_000,
    "nested names": '{"a":' * 16_000 + "0" + "}" * 16_000,
    "no JSON": '{"frame": 0',
    "no UTF-8": "\udcff",
    "no object": "[1, 2]",
    "nothing": "",
    "too long": " " * 200_000,
}


@pytest.mark.parametrize("what", BODIES)
def test_no_body_is_an_error_of_the_server(what: str, port: int) -> None:
    body = BODIES[what].encode(errors="surrogateescape")
    for path in ("/api/object", "/api/region", "/api/forget"):
        status, said = asked(port, "POST", path, body)
        assert status in (400, 413), (path, status, said[:200])
        assert said.count(b"\n") == 0


@pytest.mark.parametrize("number", ["-1", "9" * 30, "9" * 5000, "x", "%00", "../0", "0x0", "%D9%A0"])
def test_no_path_is_an_error_of_the_server(number: str, port: int) -> None:
    for path in (f"/frames/{number}.jpg", f"/api/tracks/{number}", f"/result/{number}"):
        assert asked(port, "GET", path)[0] in (400, 404), path


def test_afterwards_it_goes_on(port: int) -> None:
    status, body = asked(port, "GET", "/api/desk")
    assert status == 200
    assert json.loads(body)["objects"] == []
    assert asked(port, "POST", "/api/object", f'{{"frame": 0, "box": {GOOD_BOX}}}'.encode())[0] == 200
    assert asked(port, "POST", "/api/forget", b'{"id": 1}')[0] == 200


def test_no_answer_names_a_folder(port: int, tmp_path: Path) -> None:
    for method, path, body in (
        ("GET", "/frames/99.jpg", b""),
        ("POST", "/api/region", b'{"frame": 99, "box": [4, 4, 20, 20]}'),
        ("GET", "/api/desk", b""),
    ):
        assert str(tmp_path.parent.parent).encode() not in asked(port, method, path, body)[1], path


def test_a_result_that_finds_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk = desk_of(tmp_path, "sot")
    desk.results[0] = Result(0, 0.0, (), 0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
    with served(desk) as port:
        status, said = asked(port, "GET", "/result/jsonl")
    assert status == 400
    assert said.decode().endswith(
        "can't be written: No such file or directory: make room for temporary files, or set TMPDIR"
    )
    assert said.decode() in caplog.text
    assert "Traceback" not in caplog.text
