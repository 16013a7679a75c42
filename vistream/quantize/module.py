"""What a torch module must be before it can be read at all: said by cause, before torch says it in its own way."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from vistream.errors import VistreamError


def check_module(model: Any) -> None:
    """Raise VistreamError for what is no float network with sound weights, saying what to do."""
    if not isinstance(model, nn.Module):
        instead = "give its .module()" if hasattr(model, "module") else "wrap a function in a module"
        raise VistreamError(f"a model must be a torch.nn.Module, not a {type(model).__name__}: {instead}")
    inputs = _inputs(model)
    if len(inputs) > 1:
        raise VistreamError(
            f"{type(model).__name__} takes {len(inputs)} inputs ({', '.join(inputs)}), of which one frame can be one: "
            "stack them to a frame of more channels, and wrap the model in a module that takes these apart "
            "(model(x[:, :3], x[:, 3:]))"
        )
    for name, tensor in _tensors(model):
        cause = _cause(tensor)
        if cause is not None:
            raise VistreamError(f"{name} of the model {cause}")
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule) and _is_rewritten(module):
            raise VistreamError(
                f"{name or 'the model'} is a script that torch has rewritten for this processor: give it from before "
                "torch.jit.optimize_for_inference"
            )


def _is_rewritten(script: torch.jit.ScriptModule) -> bool:
    """Whether it calls what is none of torch's operators: that can't be recorded, and ends the process."""
    graph = getattr(script, "inlined_graph", None)  # there is none without a forward
    return graph is not None and bool(graph.findAllNodes("aten::to_mkldnn"))


def _inputs(model: nn.Module) -> list[str]:
    """The arguments that the model's forward cannot do without."""
    try:
        parameters = inspect.signature(model.forward).parameters
    except (TypeError, ValueError):
        return []
    ordinary = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, one in parameters.items() if one.kind in ordinary and one.default is one.empty]


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from model.named_parameters()
    yield from model.named_buffers()


def _cause(tensor: Tensor) -> str | None:
    if is_lazy(tensor):
        return "has no shape yet (a lazy module): call the model once on a picture first"
    if tensor.is_meta:
        return "has no values (it is on the meta device): load the weights first"
    if tensor.layout is not torch.strided or tensor.is_nested:
        return "is sparse or nested: make it a plain tensor first (to_dense, to_padded_tensor)"
    if tensor.is_quantized:
        return "is quantised already: give the float model, from before it was converted"
    if tensor.is_complex():
        return "is complex: the integer network computes with real numbers"
    if tensor.is_floating_point() and not bool(torch.isfinite(tensor.detach()).all()):
        return "has values that are not finite: are the weights sound?"
    return None
