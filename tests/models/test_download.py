"""Weights of the hub: from a real HTTP server on this machine, put down by hand, and all that can go wrong."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from fakehub import FakeHub

from vistream.errors import VistreamError
from vistream.models import store
from vistream.models.download import fetch, located
from vistream.models.registry import WEIGHTS, HuggingFace, Weights, WeightsFile, known
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
