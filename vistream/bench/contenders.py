"""What a sceptic would run instead of the stream: the float network, compilers, and vendors' int8 kernels.

Each contender is made for one float network and one frame size. It is given frames already normalised and laid out as
it likes them, so its time is that of the network alone; the stream is given raw frames and its time includes reading
them.
"""

from __future__ import annotations

import contextlib
import copy
import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vistream.ir.same import SameConv2d, same_padding
from vistream.types import Frame

Runner = Callable[[Any], object]
Prepare = Callable[[Frame], Tensor]
"""A frame as the float network takes it."""


@dataclass(frozen=True, slots=True)
class Contender:
    """`prepare` turns a frame into what `run` takes; only `run` is timed."""

    name: str
    prepare: Callable[[Frame], Any]
    run: Runner


def fixed_padding(module: nn.Module, example: Tensor) -> nn.Module:
    """A copy whose SAME convolutions have their padding written down for one input size, which other engines need."""
    module = copy.deepcopy(module)
    sizes: dict[nn.Module, tuple[int, int]] = {}

    def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        sizes[layer] = (inputs[0].shape[2], inputs[0].shape[3])

    convolutions = [layer for layer in module.modules() if isinstance(layer, SameConv2d)]
    hooks = [layer.register_forward_pre_hook(note) for layer in convolutions]
    with torch.no_grad():
        module(example)
    for hook in hooks:
        hook.remove()
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, SameConv2d):
                setattr(parent, name, _with_padding(child, sizes[child]))
    return module


def _with_padding(conv: SameConv2d, size: tuple[int, int]) -> nn.Module:
    pads = [same_padding(size[i], conv.kernel_size[i], conv.stride[i], conv.dilation[i]) for i in (0, 1)]
    symmetric = all(before == after for before, after in pads)
    plain = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        (conv.kernel_size[0], conv.kernel_size[1]),
        (conv.stride[0], conv.stride[1]),
        (pads[0][0], pads[1][0]) if symmetric else 0,
        (conv.dilation[0], conv.dilation[1]),
        conv.groups,
        conv.bias is not None,
    )
    plain.load_state_dict(conv.state_dict())
    if symmetric:
        return plain.eval()
    return nn.Sequential(nn.ZeroPad2d((*pads[1], *pads[0])), plain).eval()


def eager(module: nn.Module, preprocess: Prepare) -> Contender:
    """Float32 PyTorch, channels-last."""
    laid_out = _laid_out(module)
    return Contender("PyTorch float32", _channels_last(preprocess), _inference(laid_out))


def compiled(module: nn.Module, preprocess: Prepare) -> Contender:
    """Float32 through `torch.compile`; needs a C++ compiler."""
    laid_out = _laid_out(module)
    return Contender("torch.compile", _channels_last(preprocess), _inference(torch.compile(laid_out)))


def pytorch_int8(module: nn.Module, preprocess: Prepare, frames: Sequence[Frame]) -> Contender:
    """PyTorch's own int8 kernels, X86 backend, calibrated on `frames`."""
    from torch.ao.quantization import get_default_qconfig_mapping
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    example = preprocess(frames[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch announces that this will move to another package
        torch.backends.quantized.engine = "x86"
        observed = prepare_fx(copy.deepcopy(module), get_default_qconfig_mapping("x86"), (example,))
        with torch.no_grad():
            for frame in frames:
                observed(preprocess(frame))
        integer = convert_fx(observed)
    return Contender("PyTorch int8 (x86)", _channels_last(preprocess), _inference(integer))


def openvino(module: nn.Module, preprocess: Prepare, frames: Sequence[Frame], int8: bool) -> Contender:
    """OpenVINO on the CPU for latency, float32 or int8 (calibrated by NNCF on `frames`)."""
    import openvino as ov

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ov.convert_model(module, example_input=preprocess(frames[0]))
        model.reshape(list(preprocess(frames[0]).shape))
        if int8:
            import nncf

            dataset = nncf.Dataset(list(frames), lambda frame: preprocess(frame).numpy())
            with contextlib.redirect_stdout(io.StringIO()):  # it draws progress bars, whatever one asks for
                model = nncf.quantize(model, dataset, subset_size=len(frames))
    name = "OpenVINO int8" if int8 else "OpenVINO float32"
    return Contender(name, lambda frame: np.ascontiguousarray(preprocess(frame).numpy()), openvino_request(model).infer)


def openvino_request(model: Any) -> Any:  # Any: openvino's, which have no types
    """Runs a model of OpenVINO's on the CPU for latency."""
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": str(torch.get_num_threads()),
        "INFERENCE_PRECISION_HINT": "f32",  # no silent bfloat16
    }
    return _core().compile_model(model, "CPU", options).create_infer_request()


@cache
def _core() -> Any:
    """One for the process, and never let go.

    The plugin of a core gives the thread a stack for signals, and in the end the one that was there before. Of two
    that end in the order in which they began, the second so brings back the stack of the first, which is unmapped: the
    next signal, Ctrl-C among them, writes into whatever lies there by then, or ends the process without a word.
    """
    import openvino as ov

    return ov.Core()


def _channels_last(preprocess: Prepare) -> Callable[[Frame], Tensor]:
    return lambda frame: preprocess(frame).contiguous(memory_format=torch.channels_last)


def _laid_out(module: nn.Module) -> nn.Module:
    module = copy.deepcopy(module)
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]  # stubs lack it


def _inference(module: Callable[[Tensor], Tensor]) -> Runner:
    def run(x: Tensor) -> Tensor:
        with torch.inference_mode():
            return module(x)

    return run
