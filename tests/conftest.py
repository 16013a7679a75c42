"""Where the real clips are, and what to do when they are not there."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from vistream.threads import keep_threads_calm

keep_threads_calm()  # tests run in several processes: a thread that spins while it waits takes a processor from another

# The same examples in every run, so that a failure is nobody's luck; `--hypothesis-profile random` explores.
# How long an example takes is the load of the machine, no property of the program.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", patient, derandomize=True, database=None)
settings.register_profile("random", patient, derandomize=False)
settings.load_profile("repeatable")

os.environ["HF_HUB_OFFLINE"] = "1"  # a run without a detector's name fetches none; tests of fetching set it free
STATE = tempfile.TemporaryDirectory(prefix="vistream-tests-", ignore_cleanup_errors=True)  # it goes with this process
os.environ["XDG_STATE_HOME"] = STATE.name  # also for the commands that tests start


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real clips: `$VISTREAM_DATA`, else `../shared/data` beside the checkout.

    Without it the test is skipped, or fails when `VISTREAM_REQUIRE_DATA` is set, as it is in CI.
    """
    folder = Path(os.environ.get("VISTREAM_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        reason = f"no real clips in {folder}: set VISTREAM_DATA to their folder"
        if os.environ.get("VISTREAM_REQUIRE_DATA"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of golden references of Spike2Former beside the checkout; the test is skipped without it."""
    folder = Path(__file__).parents[2] / "shared" / "golden" / "spike2former"
    if not folder.is_dir():
        pytest.skip(f"no golden references in {folder}")
    return folder
