"""What a training run is: YAML in, dataclasses out, every mistake in it named in one line.

Keys that are left out have the values of the paper's ADE20K run, which are the defaults here.
"""

from __future__ import annotations

import dataclasses
import textwrap
import types
import typing
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from vistream.errors import VistreamError
from vistream.media.formats.text import read_text, yaml_value
from vistream.models.classes import class_set
from vistream.models.spike2former.neuron import Levels
from vistream.models.spike2former.profile import Fit, Profile
from vistream.models.spike2former.sizes import Backbone, BackboneSizes, Head, Sizes

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Sizes as in `spike2former.sizes`; `levels`: D and norm of all neurons, `backbone_levels` where they differ.

    `head`: semantic (classes) or panoptic (things too), whose decoder layers are in another order.
    """

    head: Head = "semantic"
    backbone: Backbone = "sdtv2"
    widths: tuple[int, int, int, int, int] = (32, 64, 128, 256, 360)
    blocks: tuple[int, int] = (6, 2)
    embed: int = 256
    groups: int = 32
    encoder_layers: int = 6
    encoder_hidden: int = 1024
    decoder_layers: int = 6
    decoder_hidden: int = 2048
    queries: int = 100
    levels: tuple[int, int] = (4, 4)
    backbone_levels: tuple[int, int] | None = None
    gamma: float = 1e-6

    def sizes(self, classes: int) -> Sizes:
        return Sizes(
            BackboneSizes(self.backbone, self.widths, self.blocks),
            self.head,
            self.embed,
            self.groups,
            self.encoder_layers,
            self.encoder_hidden,
            self.decoder_layers,
            self.decoder_hidden,
            self.queries,
            classes,
        )


@dataclass(frozen=True, slots=True)
class FolderConfig:
    """Pictures and label maps that belong together by name; paths lie under the data folder.

    A label map has the name of its picture with `images_end` replaced by `labels_end`. `names`: a file that lists the
    names, one a line; else all pictures under `images` are taken, folders in it too. `segments`: for the panoptic head,
    a COCO panoptic file, beside which the PNGs are; then `labels` and `names` are not read.
    """

    images: str = "images/training"
    labels: str = "annotations/training"
    images_end: str = ".jpg"
    labels_end: str = ".png"
    names: str | None = None
    segments: str | None = None


@dataclass(frozen=True, slots=True)
class DataConfig:
    """`labels`: the set of classes; `reduce_zero_label`: 0 in a label map is void and all others count from 1."""

    labels: str = "ade20k"
    reduce_zero_label: bool = True
    train: FolderConfig = field(default_factory=FolderConfig)
    validation: FolderConfig = field(
        default_factory=lambda: FolderConfig("images/validation", "annotations/validation")
    )
    fit: tuple[int, int, int] = (2048, 512, 1)


@dataclass(frozen=True, slots=True)
class AugmentConfig:
    """`scale`: range of the factor on `base`, which is the length of the shorter `side`, where the longer one has at
    most `longest`, or of the longer one; `step`: of the factor, 0 for any. `crops`: height and width, one of them drawn
    for each batch; `most`: the largest share of a crop that one class may have."""

    base: int = 640
    scale: tuple[float, float] = (0.5, 2.0)
    step: float = 0.1
    side: typing.Literal["shorter", "longer"] = "shorter"
    longest: int = 2560
    crops: tuple[tuple[int, int], ...] = ((640, 640),)
    most: float = 0.75
    flip: float = 0.5
    photometric: bool = True


@dataclass(frozen=True, slots=True)
class LossConfig:
    """Weights of the losses, and of the matching's costs.

    `points`: 0 compares masks at every pixel, by focal loss; else at so many sampled points, by cross entropy.
    """

    classes: float = 1.0
    masks: float = 20.0
    dice: float = 1.0
    no_object: float = 0.1
    cost_classes: float = 1.0
    cost_masks: float = 20.0
    cost_dice: float = 1.0
    points: int = 0


@dataclass(frozen=True, slots=True)
class OptimiserConfig:
    """AdamW; `backbone`: factor on its learning rate; `clip`: largest norm of all gradients together."""

    rate: float = 1e-3
    backbone: float = 0.1
    decay: float = 0.005
    clip: float = 0.01


@dataclass(frozen=True, slots=True)
class ScheduleConfig:
    """Linear warm-up from `start` times the rate, then linear to 0; or, with `steps`, to a tenth at each of these.

    `batch`: of all processes together.
    """

    iterations: int = 160_000
    warmup: int = 1_500
    start: float = 1e-6
    steps: tuple[int, ...] = ()
    batch: int = 48
    validate_every: int = 2_500
    save_every: int = 2_500
    precision: typing.Literal["float32", "bfloat16", "float16"] = "float32"
    workers: int = 4
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """A whole run."""

    network: NetworkConfig = field(default_factory=NetworkConfig)
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)

    def __post_init__(self) -> None:
        panoptic = self.network.head == "panoptic"
        if panoptic and class_set(self.data.labels).things is None:
            raise ValueError(f"data.labels: no class of {self.data.labels} is a thing, which the panoptic head needs")
        if any((folder.segments is not None) != panoptic for folder in (self.data.train, self.data.validation)):
            raise ValueError("data.train.segments and data.validation.segments: the panoptic head needs them, no other")

    @property
    def task(self) -> str:
        """What is trained for."""
        return "panoptic" if self.network.head == "panoptic" else "semseg"

    @property
    def measure(self) -> str:
        """What says how good a network is."""
        return "PQ" if self.network.head == "panoptic" else "mIoU"

    def profile(self) -> Profile:
        levels = Levels(*self.network.levels)
        backbone = Levels(*self.network.backbone_levels) if self.network.backbone_levels else levels
        return Profile(self.data.labels, backbone, levels, Fit(*self.data.fit))


def config_names() -> tuple[str, ...]:
    """Configurations that come with vistream."""
    folder = resources.files("vistream.train.configs")
    return tuple(sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml")))


def read_config(spec: str | Path) -> TrainConfig:
    """The configuration of a name (`config_names`) or of a YAML file; raises VistreamError in one line."""
    if str(spec) in config_names():
        text = resources.files("vistream.train.configs").joinpath(f"{spec}.yaml").read_text(encoding="utf-8")
    else:
        path = Path(spec).expanduser()
        if not path.is_file():
            raise VistreamError(f"{spec}: no such file, nor a configuration's name: {', '.join(config_names())}")
        text = read_text(path)
    try:
        config = _built(TrainConfig, yaml_value(text, str(spec)) or {}, "")
        config.profile()  # says what is wrong with it before anything runs
    except ValueError as error:
        raise VistreamError(f"{spec}: {textwrap.shorten(str(error), 300)}") from None
    return config


def _built(kind: type[T], read: object, place: str) -> T:
    """A dataclass from a mapping; ValueError that names the key."""
    if not isinstance(read, dict):
        raise ValueError(f"{place or 'the file'} must be a mapping, not {read!r}")
    kinds = typing.get_type_hints(kind)
    if unknown := [key for key in read if key not in kinds]:
        raise ValueError(f"{place}{unknown[0]} is no setting; known are {', '.join(kinds)}")
    return kind(**{key: _value(kinds[key], value, f"{place}{key}") for key, value in read.items()})


def _value(kind: Any, read: object, place: str) -> object:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _built(kind, read, f"{place}.")
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        return None if read is None else _value(inner[0], read, place)
    if origin is typing.Literal:
        if read not in inner:
            raise ValueError(f"{place} must be one of {', '.join(map(str, inner))}, not {read!r}")
        return read
    if origin is tuple:
        if not isinstance(read, list) or (inner[-1] is not ... and len(read) != len(inner)) or not read:
            raise ValueError(f"{place} must be a list of {'some' if inner[-1] is ... else len(inner)}, not {read!r}")
        parts = inner[:1] * len(read) if inner[-1] is ... else inner
        return tuple(_value(part, value, place) for part, value in zip(parts, read, strict=True))
    if kind is float and isinstance(read, (int, str)) and not isinstance(read, bool):
        try:
            return float(read)  # YAML reads 1e-3 as text
        except (ValueError, OverflowError):
            raise ValueError(f"{place} must be a number, not {read!r}") from None
    if not isinstance(read, kind) or (isinstance(read, bool) and kind is not bool):
        raise ValueError(f"{place} must be {kind.__name__}, not {read!r}")
    return read
