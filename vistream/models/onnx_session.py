"""Run an ONNX file in onnxruntime, on the CPU, with errors in one line."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.machine import cores
from vistream.models.onnx_file import OnnxFile

Array = NDArray[np.generic]

STANDARD = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
"""The domains whose operations onnxruntime's own package can run."""


class OnnxSession:
    """A network ready to run: called with arrays by input name, it returns all outputs by name, in the file's order.

    `threads` (None: one for each processor) wait without spinning, so that a loaded machine is not slowed down.
    Raises VistreamError where onnxruntime can't read or run the file.
    """

    def __init__(self, file: OnnxFile, model: bytes | None = None, threads: int | None = None) -> None:
        """`model`: run this instead of the file's own content."""
        import onnxruntime

        _check_operations(file)
        self._file = file
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or cores()
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        for pool in ("intra_op", "inter_op"):
            options.add_session_config_entry(f"session.{pool}.allow_spinning", "0")
        self._errors = _errors()
        try:
            self._session = onnxruntime.InferenceSession(
                str(file.path) if model is None else model, options, providers=["CPUExecutionProvider"]
            )
        except self._errors as error:
            raise VistreamError(self._cannot("read", error)) from error
        self.inputs = tuple(given.name for given in self._session.get_inputs())
        self.outputs = tuple(output.name for output in self._session.get_outputs())

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        try:
            found = self._session.run(None, dict(inputs))
        except self._errors as error:
            raise VistreamError(self._cannot("run", error)) from error
        return dict(zip(self.outputs, map(np.asarray, found), strict=True))

    def _cannot(self, what: str, error: Exception) -> str:
        reason = " ".join(str(error).split())[:200]
        return f"{self._file.path}: onnxruntime cannot {what} this ONNX file ({reason})"


PLUGINS = ("EfficientNMS_TRT", "EfficientNMSX_TRT", "BatchedNMS_TRT", "BatchedNMSDynamic_TRT")
"""Operations of TensorRT that some exporters write into ONNX's own domain."""


def _check_operations(file: OnnxFile) -> None:
    """Raise VistreamError for plugins of other runtimes, the usual reason why a file runs nowhere else."""
    for domain, op in sorted(file.operations):
        plugin = op.rpartition("::")[2] in PLUGINS  # some write TRT::NAME
        if domain not in STANDARD or plugin:
            owner = "TensorRT" if plugin else domain
            raise VistreamError(
                f"{file.path}: holds {op}, an operation of {owner} that is no part of ONNX: export the network "
                "without it (duplicate boxes are removed here)"
            )


def _errors() -> tuple[type[Exception], ...]:
    """What onnxruntime raises: its exceptions have no base of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    found = [value for value in vars(state).values() if isinstance(value, type) and issubclass(value, Exception)]
    return (*found, RuntimeError, ValueError, MemoryError)
