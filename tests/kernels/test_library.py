"""The kernels' library: found, checked, tried by a child first, and never the end of a user's process."""

from __future__ import annotations

import ctypes
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vistream.engine.stream import choose_backend
from vistream.errors import VistreamError
from vistream.kernels import library as loading
from vistream.kernels import probe
from vistream.kernels.build import library_path, sources_digest, this_platform
from vistream.kernels.structs import Term, check_structs

STEP = """
import numpy, torch, vistream
frame = numpy.random.default_rng(0).integers(0, 256, (96, 128, 3), numpy.uint8)
vistream.Session().step(frame)
print("stepped")
"""


@pytest.fixture
def forgetful() -> Iterator[None]:
    """What was loaded and found before does not count, nor does what a test finds afterwards."""
    caches = (loading.library, probe.passed, choose_backend._say_once)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.mark.parametrize("variant", loading.variants(), ids=lambda variant: variant.name)
@pytest.mark.parametrize(("threads", "cases"), [(1, 300), (3, 300), (16, 40), (200, 10)])  # 64 is the most that work
def test_every_variant_is_right_on_random_layers(variant: loading.Variant, threads: int, cases: int) -> None:
    assert loading.library().vistream_selftest(variant.handle, 1000, cases, threads) == 0


def test_a_variant_is_chosen_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for one in loading.variants():
        monkeypatch.setenv(loading.CHOICE, one.name)
        assert loading.variant() == one
    monkeypatch.setenv(loading.CHOICE, "z80")
    with pytest.raises(loading.Unusable, match=r"cannot run the kernels 'z80': it can run .*generic"):
        loading.variant()


def test_the_best_is_the_first() -> None:
    assert loading.variant() == loading.variants()[0]
    assert loading.variants()[-1].name == "generic"


def test_a_struct_that_differs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(ctypes.Structure):
        _fields_ = [*Term._fields_[1:], Term._fields_[0]]

    Other.__name__ = "Term"
    monkeypatch.setattr("vistream.kernels.structs.Term", Other)
    with pytest.raises(RuntimeError, match="another Term"):
        check_structs(loading.library())


def test_a_library_of_other_sources_is_refused(forgetful: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "sources_digest", lambda: "another")
    with pytest.raises(loading.Unusable, match="older than its sources"):
        loading.library()


def test_the_library_is_of_these_sources() -> None:
    assert loading.library().vistream_sources().decode() == sources_digest()


@pytest.mark.parametrize("content", [None, b"", b"no library"], ids=["missing", "empty", "damaged"])
def test_without_a_library_plain_torch_runs_and_says_so(
    content: bytes | None, forgetful: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    path = tmp_path / "kernels.so"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(loading, "library_path", lambda name: path)
    with caplog.at_level(logging.WARNING):
        assert choose_backend.backend_class().name == "torch"
        assert choose_backend.backend_class().name == "torch"
    said = [record.message for record in caplog.records]
    assert len(said) == 1
    assert "kernels.so" in said[0]
    assert "plain torch is used" in said[0]
    with pytest.raises(VistreamError, match=r"kernels\.so"):
        choose_backend.backend_class("compiled")


CRASHING = """
#include <signal.h>
struct Kernels { const char* name; };
static struct Kernels best = {"best"}, plain = {"generic"};
struct Kernels* vistream_kernels(int number) { return number == 0 ? &best : number == 1 ? &plain : 0; }
int vistream_selftest(struct Kernels* kernels, int seed, int cases, int threads) {
    if (kernels == &best) raise(SIGILL);
    return 0;
}
"""


CRASHING_AT_ONCE = """
#include <signal.h>
__attribute__((constructor)) static void begin(void) { raise(SIGILL); }
"""


def install(code: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Another library in the place of the kernels'."""
    source, path = folder / "other.c", folder / "other.so"
    source.write_text(code, encoding="ascii", newline="")
    subprocess.run([sys.executable, "-m", "ziglang", "cc", "-shared", "-fPIC", source, "-o", path], check=True)
    monkeypatch.setattr("vistream.kernels.build.library_path", lambda name: path)
    monkeypatch.setattr(loading, "library_path", lambda name: path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))


def test_a_variant_that_crashes_costs_a_warning(
    forgetful: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    install(CRASHING, monkeypatch, tmp_path)
    with caplog.at_level(logging.WARNING):
        assert probe.passed() == frozenset({"generic"})
    assert [("best" in record.message, "self-test" in record.message) for record in caplog.records] == [(True, True)]
    probe.passed.cache_clear()  # but remembered: no second probe
    monkeypatch.setattr(probe, "_probe", lambda library: pytest.fail("probed again"))
    assert probe.passed() == frozenset({"generic"})


def test_a_library_that_crashes_at_once_is_not_loaded(
    forgetful: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    install(CRASHING_AT_ONCE, monkeypatch, tmp_path)
    for warnings in (1, 0):
        with caplog.at_level(logging.WARNING), pytest.raises(loading.Unusable, match="no variant in"):
            loading.library()
        assert len(caplog.records) == warnings
        caplog.clear()
        probe.passed.cache_clear()


def test_where_no_child_can_be_had_nothing_is_known(
    forgetful: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
    with caplog.at_level(logging.WARNING):
        assert probe.passed() is None
        assert loading.sound_variants() == loading.variants()
    assert not caplog.records
    assert not list(tmp_path.iterdir()), "that is nothing to remember"


def test_where_nothing_may_be_written_every_process_probes(
    forgetful: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert frozenset(one.name for one in loading.variants()) == probe.passed()


@pytest.mark.parametrize("variant", loading.variants(), ids=lambda variant: variant.name)
def test_a_session_runs_on_every_variant(variant: loading.Variant) -> None:
    environment = os.environ | {loading.CHOICE: variant.name}
    done = subprocess.run([sys.executable, "-c", STEP], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "stepped"), done.stderr


def test_a_forked_child_has_threads_of_its_own() -> None:
    code = (
        STEP
        + """
import os
process = os.fork()
if not process:
    session = vistream.Session()
    for seed in range(3):
        session.step(numpy.random.default_rng(seed).integers(0, 256, (480, 640, 3), numpy.uint8))
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 7
print("child done")
"""
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["stepped", "child", "done"]), done.stderr


def test_no_compiler_is_needed_at_run_time(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PATH"} | {"PATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", STEP], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "stepped"), done.stderr
    assert shutil.which("cc", path=str(tmp_path)) is None


def test_the_library_is_beside_the_package() -> None:
    name = this_platform()
    assert name is not None
    assert library_path(name).stat().st_size < 3_000_000
