"""Files of networks in formats that nothing here reads: what they are by their names, and how to come to ONNX."""

from __future__ import annotations

from pathlib import Path

TORCH = "torch.onnx.export writes one, or of Ultralytics' networks: yolo export model=FILE format=onnx"
TENSORFLOW = "python -m tf2onnx.convert writes one"
PADDLE = "paddle2onnx writes one"
ANEW = "export the network anew, from what this was made of"

FORMATS = {
    **dict.fromkeys((".pt", ".pth", ".ckpt", ".torchscript"), ("PyTorch", TORCH)),
    **dict.fromkeys((".tflite", ".pb", ".h5", ".keras"), ("TensorFlow", TENSORFLOW)),
    **dict.fromkeys((".pdmodel", ".pdiparams"), ("PaddlePaddle", PADDLE)),
    **dict.fromkeys((".engine", ".plan", ".trt"), ("TensorRT", ANEW)),
    **dict.fromkeys((".mlmodel", ".mlpackage"), ("Core ML", ANEW)),
    ".xml": ("OpenVINO", ANEW),
}
"""By how a name ends: who writes such files, and how an ONNX file is to be had."""


def instead_of(path: Path) -> str | None:
    """What to do where an ONNX file is wanted and this is one of another format; None where its name does not say so.

    >>> instead_of(Path("best.tflite"))
    "is TensorFlow's by its name, and has to be ONNX: python -m tf2onnx.convert writes one"
    """
    whose, how = FORMATS.get(path.suffix.lower(), ("", ""))
    return f"is {whose}'s by its name, and has to be ONNX: {how}" if whose else None
