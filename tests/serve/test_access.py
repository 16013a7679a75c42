"""Who may ask the server, for what, and by which name: no path gets out, and a page of another site gets nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from webserver import ask, served

from vistream.pipeline.settings import Settings
from vistream.serve.tile import Tile

CLIP = str(Path(__file__).parents[2] / "demo_videos" / "plaza_static.mp4")
TRICKS = (
    *("/page.py", "/../app.py", "/%2e%2e/app.py", "/page.js/../app.py", "//etc/passwd", CLIP, "/%00", "/page.js%00.py"),
    *("/..%2fapp.py", "/..%5capp.py", "/%252e%252e/app.py", "/./././app.py", "/sources/../../app.py", "/.git/config"),
    *("/sources/0/../../../etc/passwd", "/sources/0/picture.jpg/../app.py", "/file:///etc/passwd", "/~root"),
)


def test_no_path_gets_out(done: Tile, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lost = Tile(str(tmp_path / "secret" / "missing.mp4"), Settings())
    lost.run()
    assert lost.state == "failed"
    assert "secret/missing.mp4 does not exist" in caplog.text  # the terminal says why
    with served(done, lost) as port:
        body = ask(port, "/api/sources")[1].decode()
        assert "failed" in body
        assert "/" not in body
        assert "secret" not in body
        for path in TRICKS:
            assert ask(port, path)[0] == 404, path


def foreign_hosts(port: int) -> tuple[str, ...]:
    """Names that are not this machine's own, however they are written."""
    return (
        *("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil.example", "", "0.0.0.0"),
        *("localhost@evil.example", "evil.example#localhost", "evil.example?localhost", "localhost,evil.example"),
        *(
            f"evil.example:{port}:127.0.0.1",
            "[::1].evil.example",
            "[evil.example]",
            "2130706433",
            "0x7f.1",
            "localhost.",
        ),
        *("169.254.169.254", "[::ffff:93.184.216.34]", "127.0.0.1/../evil.example", "a localhost"),
    )


def test_only_this_machines_own_names_are_answered(done: Tile) -> None:
    with served(done) as port:
        for host in (
            "127.0.0.1",
            "localhost",
            "LOCALHOST",
            f"LocalHost:{port}",
            f"localhost:{port}",
            f"127.0.0.1:{port}",
            f"[::1]:{port}",
        ):
            assert ask(port, "/", Host=host)[0] == 200, host
        for host in foreign_hosts(port):
            assert ask(port, "/api/sources", Host=host)[:2] == (403, b"this page is for this machine alone\n"), host
        headers = ask(port, "/", Origin="http://evil.example")[2]
        assert "Access-Control-Allow-Origin" not in headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_elsewhere_the_token_is_asked_for(done: Tile) -> None:
    with served(done, token="abc123") as port:
        for path in ("/", "/page.js", "/api/sources", "/sources/0/picture.jpg", "/sources/0/stream.mjpg", "/nothing"):
            assert ask(port, path, Host="cam.lan")[0] == 401, path
            assert ask(port, f"{path}?token=abc124")[0] == 401, path
            assert ask(port, path, Cookie="vistream=abc12", Authorization="Bearer wrong")[0] == 401, path
        for given in ("Bearer abc123", "bearer abc123", "BEARER  abc123"):
            assert ask(port, "/api/sources", Authorization=given)[0] == 200, given
        for given in ("abc123", "Basic abc123", "Bearerabc123", "bearer"):
            assert ask(port, "/api/sources", Authorization=given)[0] == 401, given
        status, _, headers = ask(port, "/?token=abc123")
        assert (status, headers["Location"]) == (303, "/")
        cookie = headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert ask(port, "/sources/0/picture.jpg", Cookie=cookie.split(";")[0])[0] == 200
        assert ask(port, "/sources/0/picture.jpg", Cookie=f"a=b; {cookie.split(';')[0]}; c")[0] == 200
        for path in ("//evil.example/x", "///evil.example", "/\\evil.example"):
            status, _, headers = ask(port, f"{path}?token=abc123")
            assert (status, headers["Location"].lstrip("/").partition("/")[0]) == (303, "evil.example"), path
            assert re.match(r"/[^/\\]", headers["Location"]), path
        for query in ("&" * 2000 + "token=abc123", "token=" + "%" * 2000, "token=abc123&token=x&" + "a=b&" * 2000):
            assert ask(port, f"/?{query}")[0] == 401
