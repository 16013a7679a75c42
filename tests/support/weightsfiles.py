"""Weights files as training scripts leave them, for tests: state dicts wrapped, renamed and saved in every way."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from resnetfiles import State
from safetensors.torch import save_file


def saved(content: object, path: Path) -> Path:
    torch.save(content, path)
    return path


def saved_as_before(content: object, path: Path) -> Path:
    """As torch 1.5 and earlier wrote it, and torchvision's first ResNets still are."""
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path


def saved_safely(state: State, path: Path) -> Path:
    save_file({name: value.contiguous() for name, value in state.items()}, path)
    return path


def prefixed(state: State, prefix: str) -> State:
    return {prefix + name: value for name, value in state.items()}


def trunk(state: State) -> State:
    return {name: value for name, value in state.items() if not name.startswith(("layer4.", "fc."))}


def training_checkpoint(model: State, arguments: dict[str, object], full: bool = False) -> dict[str, object]:
    """As ViStream's training script leaves it behind; `full`: with two moments of its own for every parameter."""
    trained = [value for name, value in model.items() if not name.endswith(("mean", "var", "tracked"))]
    moments = {i: _moments(value, full) for i, value in enumerate(trained)}
    optimizer = {"state": moments, "param_groups": [{"lr": 1e-4, "betas": (0.9, 0.999), "params": list(moments)}]}
    args = argparse.Namespace(model="resnet50", lr=1e-4, resume=None, **arguments)
    return {"model": model, "optimizer": optimizer, "epoch": 90, "scaler": {"scale": 65536.0}, "args": args}


def _moments(value: torch.Tensor, full: bool) -> State:
    first, second = (value.clone(), value.clone()) if full else (value, value)
    return {"step": torch.tensor(9.0), "exp_avg": first, "exp_avg_sq": second}
