"""Fuzzing that is led by coverage: a changed file which reaches new lines of a reader is changed further.

    pip install atheris && python scripts/fuzz_coverage.py READER --seconds 600 --folder fuzz

Of one reader of fuzz.py, with its seeds and its judgement. Coverage is that of this program's own Python: readers of
texts, JSON, XML, YAML and ONNX. What makes a reader fail is kept in the folder, and ends the run.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
import tempfile
from pathlib import Path
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser(description="Fuzz one reader, led by coverage.")
    parser.add_argument("reader", help="as fuzz.py names them")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--folder", type=Path, default=Path("fuzz"), help="where findings are kept")
    asked = parser.parse_args()
    atheris: Any = importlib.import_module("atheris")  # it need not be installed, and has no types
    with atheris.instrument_imports(include=["vistream"]):
        worker = importlib.import_module("fuzzing.worker")
    if asked.reader not in worker.READERS:
        sys.exit(f"the readers are {', '.join(worker.READERS)}")
    logging.disable(logging.CRITICAL)  # what readers say of odd files
    asked.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        corpus, work = Path(scratch) / "corpus", Path(scratch) / "work"
        for folder in (corpus, work, Path(scratch) / "seeds"):
            folder.mkdir()
        seeds = worker.seeds_of(asked.reader, Path(scratch) / "seeds")
        for number, (_, content) in enumerate(seeds):
            (corpus / str(number)).write_bytes(content)
        suffixes = sorted({suffix for suffix, _ in seeds})

        def one(data: bytes) -> None:
            path = work / f"case{suffixes[len(data) % len(suffixes)]}"
            path.write_bytes(data)
            wrong = worker.judge(asked.reader, path)
            if wrong:
                raise AssertionError(wrong)

        options = [
            f"-max_total_time={asked.seconds}",
            f"-artifact_prefix={asked.folder}/{asked.reader}-",
            "-timeout=60",
        ]
        atheris.Setup([sys.argv[0], *options, "-rss_limit_mb=4096", "-print_final_stats=1", str(corpus)], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
