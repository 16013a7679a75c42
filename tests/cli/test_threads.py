"""A process of our own keeps the threads of other libraries out of the way, unless the user wants them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from vistream.threads import CALM

TELL = """
from vistream.threads import keep_threads_calm
keep_threads_calm()
import os, cv2, numpy as np
before = len(os.listdir("/proc/self/task"))
square = np.ones((512, 512), np.float32)
for _ in range(3):
    square @ square
    cv2.resize(square, (2048, 2048), interpolation=cv2.INTER_CUBIC)
print(cv2.getNumThreads(), len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a process's threads are counted as Linux shows them")
@pytest.mark.parametrize(("asked", "told"), [({}, "1 0"), ({"OPENCV_FOR_THREADS_NUM": "2"}, "2 1")])
def test_opencv_and_openblas_work_in_one_thread(asked: dict[str, str], told: str) -> None:
    others = {name: value for name, value in os.environ.items() if name not in CALM}
    done = subprocess.run([sys.executable, "-c", TELL], env=others | asked, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == told
