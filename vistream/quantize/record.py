"""The torch front end: a module is run once on a picture, and every operator that the picture reaches becomes a node.

A run shows what the module *does*: subclasses with a `forward` of their own, hooks, parametrised or normalised
weights, scripted and compiled modules, containers as outputs and shapes read from tensors need no rule of their own,
because below them are always torch's operators, of which there are few. Writes in place, and through views, become the
values that result. What does not depend on the picture is a constant, already computed.

(torch.fx reads the code instead of running it: it takes a module for what its class says, not for what it does, and it
cannot follow code that looks at shapes.)
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from vistream.errors import VistreamError
from vistream.ir.graph import Graph, pruned
from vistream.ir.node import Node, Operand, Weight
from vistream.ir.same import SameConv2d
from vistream.quantize.aten import Meaning, Traced, is_known, meaning_of
from vistream.quantize.running import as_for_inference, dtype_of, functional, functionalised, outputs_of
from vistream.quantize.steady import Staying, check_steady

PREPARING = ("constant_pad_nd", "reflection_pad2d", "replication_pad2d", "reshape")  # before a module's own operator
SAME_AS = {
    "aten.view.default": "aten.reshape.default",  # at any strides
    "aten._unsafe_view.default": "aten.reshape.default",
    "aten.new_empty.default": "aten.new_zeros.default",  # the same in every run
    "aten.empty_like.default": "aten.zeros_like.default",
}
UNROLLED = 10_000
"""Nodes of one module: so many are a recurrent layer over all cells of a map, which would take minutes."""
WRITTEN = "mutating a non-functional tensor"  # torch's words


def record(model: nn.Module, sample: Tensor) -> Graph:
    """The graph of `model` for an input like `sample`, float `[1, C, H, W]`.

    The module is left as it was, with all that it holds. Raises VistreamError where it can't be run, or does what no
    graph can say.
    """
    try:
        with as_for_inference(model, sample):
            recorder, given = _Recorder(model), functional(sample.to(dtype_of(model)))
            with recorder.watching(), functionalised():
                recorder.run(given)
    except VistreamError:
        raise
    except Exception as error:  # the model's own code may raise anything
        does = f"cannot be run on an input of {list(sample.shape)}: {_first_line(error)}"
        if WRITTEN in str(error):
            does = "writes into a tensor that it keeps, such as a buffer: it must be a function of the frame alone"
        raise VistreamError(f"{type(model).__name__} {does}") from error
    return pruned(Graph(tuple(recorder.nodes), recorder.outputs, tuple(sample.shape), recorder.coarse))


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types here
    """Notes every operator that a traced tensor reaches, under the name of the module that called it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.nodes: list[Node] = []
        self.outputs: dict[str, str] = {}
        self.coarse = False
        self._model = model
        self._traced: WeakTensorKeyDictionary = WeakTensorKeyDictionary()  # tensor -> name of its node
        self._by_name: dict[str, Node] = {}
        self._numbers: Counter[str] = Counter()  # how often a title was taken before
        self._whole: set[str] = set()  # nodes whose tensors are integers or truth values
        self._titles = {id(module): name for name, module in model.named_modules()}
        self._modules: list[nn.Module] = []  # those that are being called, the innermost last

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here; True would have torch import its compiler, half of a cold start's time."""
        return False

    def run(self, x: Tensor) -> Any:
        with self:
            x = x.clone()  # the first operator that is noted: the input
            with Staying(self._traced.__contains__, self._where):
                returned = self._model(x)
            for name, tensor in outputs_of(returned).items():
                self._marked = name
                tensor.clone()  # the last ones: which nodes are the outputs
                del self._marked
        if not self.outputs:
            raise VistreamError(f"{type(self._model).__name__} returns no tensor that depends on the frame")
        return None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Know which module is being called, in this thread: torch calls such hooks for all modules of the process."""
        thread = threading.get_ident()

        def enter(module: nn.Module, _: Any) -> None:
            if threading.get_ident() == thread:
                self._modules.append(module)

        def leave(*_: Any) -> None:
            if threading.get_ident() == thread:
                self._modules.pop()

        before = register_module_forward_pre_hook(enter)
        after = register_module_forward_hook(leave, always_call=True)
        try:
            yield
        finally:
            before.remove()
            after.remove()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        keywords = dict(kwargs or {})
        if torch.is_inference_mode_enabled() and not is_known(str(func)):  # then operators arrive that others make up
            with self:
                parts = func.decompose(*args, **keywords)
            if parts is not NotImplemented:
                return parts
        result = func(*args, **keywords)
        if func is torch.ops.aten.clone.default and self._mark(args[0], result):
            return result
        named = {argument.name: argument for argument in func._schema.arguments}
        given = dict(zip(named, args, strict=False)) | keywords
        traced = {name: self._seen(value) for name, value in given.items()}
        if any(_depends(value) for value in traced.values()):
            arguments = {name: argument.default_value for name, argument in named.items()} | traced
            check_steady(func, arguments, given.get("indices"), self._where())
            self._note(func, arguments, args, keywords, result)
        return result

    def _mark(self, source: Tensor, result: Tensor) -> bool:
        """Whether a clone is one of those in `run` that say what the input and the outputs are."""
        if not self.nodes:
            self._remember(result, self._add(Node("input", "Input")))
            return True
        name = self.__dict__.get("_marked")
        if name is None:
            return False
        if source in self._traced:
            if source.is_complex():
                raise VistreamError(f"output {name} is complex: return its real and imaginary part, or its size")
            self.outputs[name] = self._traced[source]
        return True

    def _where(self) -> str:
        title = self._titles.get(id(self._modules[-1]), "") if self._modules else ""
        return f"module {title}" if title else f"the forward of {type(self._model).__name__}"

    # ---- values ----

    def _seen(self, value: Any) -> Any:
        """An argument with `Traced` in the place of every tensor that is; other tensors become float32 constants."""
        if isinstance(value, Tensor):
            if value in self._traced:
                return Traced(self._traced[value], tuple(value.shape))
            return constant(value)
        if isinstance(value, (list, tuple)):
            return [self._seen(item) for item in value]
        return value

    def _remember(self, tensor: Any, name: str) -> None:
        if isinstance(tensor, Tensor):
            self._traced[tensor] = name
            self.coarse |= tensor.dtype in (torch.float16, torch.bfloat16)
            if not tensor.is_floating_point():
                self._whole.add(name)

    def _add(self, node: Node) -> str:
        self.nodes.append(node)
        self._by_name[node.name] = node
        return node.name

    def _note(self, func: Any, given: Mapping[str, Any], args: Any, keywords: Any, result: Any) -> None:
        target = SAME_AS.get(str(func), str(func))
        meaning = meaning_of(target, given)
        first = result[0] if isinstance(result, (list, tuple)) else result
        if isinstance(meaning, Meaning) and not first.is_floating_point():
            meaning = None  # nodes compute with floats: integers stay integers in a call
        if isinstance(meaning, Traced):
            self._remember(first, meaning.node)
            return
        title = self._title(target)
        if meaning is not None:
            self._remember(first, self._add(self._node(title, meaning)))
        if isinstance(result, (list, tuple)):
            for position, tensor in enumerate(result):
                if meaning is None or position > 0:
                    name = f"{title}#{position}" if position else title
                    self._remember(tensor, self._call(name, target, args, keywords, position))
        elif meaning is None:
            self._remember(first, self._call(title, target, args, keywords, None))

    def _node(self, title: str, meaning: Meaning) -> Node:
        inputs = tuple(self._operand(value) for value in meaning.inputs)
        attributes, weights = dict(meaning.attributes), {k: v for k, v in meaning.weights.items() if v is not None}
        if meaning.op == "Conv" and self._modules and isinstance(self._modules[-1], SameConv2d):
            inputs, attributes["pads"] = self._unpadded(inputs), None
        return Node(self._unique(title), meaning.op, inputs, attributes, weights)

    def _unpadded(self, inputs: tuple[str, ...]) -> tuple[str, ...]:
        """The input of a `SameConv2d` before it padded it, which it does by rule, not by this frame's size."""
        node = self._by_name[inputs[0]]
        return node.inputs if node.op == "Pad" and node.name.startswith(f"{self._path()}.") else inputs

    def _operand(self, value: Any) -> str:
        if isinstance(value, Traced):
            return self._as_float(value.node) if value.node in self._whole else value.node
        tensor = value if isinstance(value, Tensor) else torch.tensor(float(value), dtype=torch.float32)
        return self._add(Node(self._unique("constant"), "Constant", (), {}, {"value": tensor}))

    def _as_float(self, node: str) -> str:
        target = "aten._to_copy.default"
        attributes = {"target": target, "arguments": [Operand(0)], "keywords": {"dtype": torch.float32}, "output": None}
        return self._add(Node(self._unique(self._title(target)), "Call", (node,), attributes))

    def _call(self, title: str, target: str, args: Any, keywords: Mapping[str, Any], output: int | None) -> str:
        inputs: list[str] = []
        weights: dict[str, Tensor] = {}
        arguments = self._template(list(args), inputs, weights)
        named = {
            name: self._template(value, inputs, weights)
            for name, value in keywords.items()
            if name not in ("device", "layout", "memory_format", "pin_memory")
        }
        attributes = {"target": target, "arguments": arguments, "keywords": named, "output": output}
        return self._add(Node(self._unique(title), "Call", tuple(inputs), attributes, weights))

    def _template(self, value: Any, inputs: list[str], weights: dict[str, Tensor]) -> Any:
        if isinstance(value, Tensor):
            if value in self._traced:
                inputs.append(self._traced[value])
                return Operand(len(inputs) - 1)
            weights[str(len(weights))] = constant(value)
            return Weight(str(len(weights) - 1))
        if isinstance(value, (list, tuple)):
            return [self._template(item, inputs, weights) for item in value]
        if isinstance(value, torch.dtype) and value.is_floating_point:
            return torch.float32
        if isinstance(value, torch.ScriptObject):  # weights, packed
            raise VistreamError(f"{self._where()} is quantised already: give the float model, from before")
        return value

    # ---- names ----

    def _path(self) -> str:
        return self._titles.get(id(self._modules[-1]), "") if self._modules else ""

    def _title(self, target: str) -> str:
        """The module's name for a layer of torch's own, else the operator's behind the name of the module around it."""
        path, operator = self._path(), target.split(".")[1].strip("_")
        alone = bool(self._modules) and not any(True for _ in self._modules[-1].children())
        if path and alone and operator not in PREPARING:
            return path
        return f"{path}.{operator}" if path else operator

    def _unique(self, title: str) -> str:
        name = title
        while name in self._by_name:
            self._numbers[title] += 1
            if self._numbers[title] == UNROLLED:
                raise VistreamError(
                    f"{self._where()} takes more than {UNROLLED} operators: a recurrent layer (GRU) is unrolled, step "
                    "by step; give it fewer positions, or smaller frames"
                )
            name = f"{title}:{self._numbers[title] + 1}"
        return name


def constant(value: Tensor) -> Tensor:
    """A tensor as a graph keeps it: on the CPU, floats as float32."""
    plain = value.detach().to("cpu")
    return plain.to(torch.float32) if plain.is_floating_point() else plain


def _depends(value: Any) -> bool:
    return any(_depends(item) for item in value) if isinstance(value, list) else isinstance(value, Traced)


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__
