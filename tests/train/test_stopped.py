"""A run that is stopped saves what it has, says so, leaves nothing running, and goes on as if it had never been."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
import yaml
from trainingdata import quick_config, same_weights, write_blocks

from vistream.train.processes import Processes
from vistream.train.run import BEST, STATE, WEIGHTS, Start, train

ALONE = Processes(0, 1, torch.device("cpu"))


def after(times: int) -> Callable[[], bool]:
    """Asked so often it says no."""
    left = iter([False] * times)
    return lambda: next(left, True)


# Asked before each iteration, and before each of 4 pictures to validate on, which follow iterations 2 and 4.
@pytest.mark.parametrize("times", (0, 1, 4, 7, 9))
def test_a_stopped_run_goes_on_as_if_it_had_not_been(times: int, tmp_path: Path) -> None:
    write_blocks(tmp_path)
    config = quick_config(4)
    config = replace(config, schedule=replace(config.schedule, validate_every=2))
    train(config, tmp_path, tmp_path / "whole", Start(), ALONE, lambda _: None)
    output = tmp_path / "stopped"
    train(config, tmp_path, output, Start(), ALONE, lambda _: None, stopped=after(times))
    done = torch.load(output / STATE, weights_only=True)["iteration"]
    assert done == (times if times < 2 else 2 if times < 7 else times - 4 if times < 9 else 4)
    best = train(config, tmp_path, output, Start(resume=True), ALONE, lambda _: None)
    assert best is not None
    for name in (WEIGHTS, BEST):
        assert same_weights(output / name, tmp_path / "whole" / name)


@pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["workers begin", "it trains"])
def test_a_signal_ends_a_run_in_one_line(number: signal.Signals, moment: str, tmp_path: Path) -> None:
    """The whole group gets a Ctrl-C, as in a terminal; a scheduler ends the one process."""
    write_blocks(tmp_path)
    config = tmp_path / "quick.yaml"
    config.write_text(yaml.safe_dump(as_written(asdict(quick_config(10**6)))), encoding="utf-8")
    output = tmp_path / "out"
    command = [sys.executable, "-m", "vistream", "train", str(config), "--data", str(tmp_path), "--output", str(output)]
    with subprocess.Popen(
        [*command, "--workers", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        if moment == "it trains":
            assert "20/1000000" in process.stdout.readline()
        else:
            while not (output / "log.csv").exists():
                assert process.poll() is None
                time.sleep(0.02)
            time.sleep(0.3)
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        told = process.stderr.read()
    assert process.returncode == 128 + number, told
    assert told.startswith("warning: stopped at iteration") and told.count("\n") == 1, told
    assert (output / STATE).exists() and not list(output.glob(".*.lock"))
    with pytest.raises(ProcessLookupError):  # nobody of its session is left, soon
        for _ in range(200):
            os.killpg(process.pid, 0)
            time.sleep(0.1)


def as_written(value: object) -> object:
    """As YAML has it: without tuples, and without what is not given."""
    if isinstance(value, dict):
        return {key: as_written(part) for key, part in value.items() if part not in (None, ())}
    return [as_written(part) for part in value] if isinstance(value, (list, tuple)) else value
