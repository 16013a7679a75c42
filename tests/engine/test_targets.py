"""The kernels compile for every CPU, whatever compiles them: an abort of the compiler would end the whole process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CPUS = ("nehalem", "haswell", "skylake-avx512", "icelake-client", "alderlake", "znver3", "znver5", "sapphirerapids",
        "generic")  # fmt: skip
COMPILE = """
from vistream.engine.stream import crew_kernels, numba_kernels, numba_moves, pixels, vector
from numba import types
words, marks, levels = types.int64[::1], types.uint8[::1], types.int8[:, ::1]
crew_kernels.lead.compile((words, words, types.int64, types.int64, types.int64, types.int64[:, ::1]))
crew_kernels.work.compile((words, types.int64, types.int64))
numba_moves.take.compile((marks, marks, marks, words))
print("compiled", vector.TILES)
"""


@pytest.mark.slow
@pytest.mark.parametrize("cpu", CPUS)
def test_every_kernel_compiles(cpu: str, tmp_path: Path) -> None:
    chosen = {"NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", COMPILE], env=os.environ | chosen, capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, done.stdout.split()) == (0, ["compiled", "False"]), done.stderr[-500:]
