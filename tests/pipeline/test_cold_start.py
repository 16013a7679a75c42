"""What the first result of a new process waits for."""

from __future__ import annotations

import subprocess
import sys

FIRST_RESULT = """
import sys
import numpy, vistream
vistream.Session().step(numpy.zeros((96, 128, 3), numpy.uint8))
print(*(name for name in ("torch._dynamo", "torch._inductor", "matplotlib", "onnxruntime") if name in sys.modules))
"""


def test_the_first_result_waits_for_no_compiler_and_no_plots() -> None:
    done = subprocess.run([sys.executable, "-c", FIRST_RESULT], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
