"""What a training run is: YAML in, dataclasses out, every mistake in it named in one line.

Keys that are left out have the values of the paper's ADE20K run, which are the defaults here.
"""

from __future__ import annotations

import textwrap
import typing
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Annotated

from vistream.errors import VistreamError
from vistream.media.formats.text import read_text, yaml_value
from vistream.models.classes import class_set
from vistream.models.spike2former.neuron import Levels
from vistream.models.spike2former.profile import Fit, Profile
from vistream.models.spike2former.sizes import HEADS, Backbone, BackboneSizes, Head, Sizes
from vistream.train.built import Within, built

Count = Annotated[int, Within(1)]
Natural = Annotated[int, Within(0)]
Share = Annotated[float, Within(0.0, 1.0)]
Weight = Annotated[float, Within(0.0)]
Positive = Annotated[float, Within(0.0, above=True)]


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Sizes as in `spike2former.sizes`; `levels`: D and norm of all neurons, `backbone_levels` where they differ.

    `head`: semantic (classes) or panoptic (things too), whose decoder layers are in another order.
    """

    head: Head = "semantic"
    backbone: Backbone = "sdtv2"
    widths: tuple[Count, Count, Count, Count, Count] = (32, 64, 128, 256, 360)
    blocks: tuple[Count, Count] = (6, 2)
    embed: Count = 256
    groups: Count = 32
    encoder_layers: Count = 6
    encoder_hidden: Count = 1024
    decoder_layers: Count = 6
    decoder_hidden: Count = 2048
    queries: Count = 100
    levels: tuple[Count, Count] = (4, 4)
    backbone_levels: tuple[Count, Count] | None = None
    gamma: Weight = 1e-6

    def __post_init__(self) -> None:
        for width in (*self.widths[3:], self.embed):
            if width % HEADS:
                raise ValueError(f"network: {width} channels can't be divided among {HEADS} attention heads")
        if self.embed % self.groups:
            raise ValueError(f"network: embed {self.embed} can't be divided into {self.groups} groups")

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

    base: Count = 640
    scale: tuple[Positive, Positive] = (0.5, 2.0)
    step: Weight = 0.1
    side: typing.Literal["shorter", "longer"] = "shorter"
    longest: Count = 2560
    crops: tuple[tuple[Count, Count], ...] = ((640, 640),)
    most: Share = 0.75
    flip: Share = 0.5
    photometric: bool = True

    def __post_init__(self) -> None:
        if self.scale[0] > self.scale[1]:
            raise ValueError(f"augment.scale: {list(self.scale)} is no range, from the smaller to the larger")


@dataclass(frozen=True, slots=True)
class LossConfig:
    """Weights of the losses, and of the matching's costs.

    `points`: 0 compares masks at every pixel, by focal loss; else at so many sampled points, by cross entropy.
    """

    classes: Weight = 1.0
    masks: Weight = 20.0
    dice: Weight = 1.0
    no_object: Weight = 0.1
    cost_classes: Weight = 1.0
    cost_masks: Weight = 20.0
    cost_dice: Weight = 1.0
    points: Natural = 0


@dataclass(frozen=True, slots=True)
class OptimiserConfig:
    """AdamW; `backbone`: factor on its learning rate; `clip`: largest norm of all gradients together."""

    rate: Positive = 1e-3
    backbone: Weight = 0.1
    decay: Weight = 0.005
    clip: Positive = 0.01


@dataclass(frozen=True, slots=True)
class ScheduleConfig:
    """Linear warm-up from `start` times the rate, then linear to 0; or, with `steps`, to a tenth at each of these.

    `batch`: of all processes together.
    """

    iterations: Count = 160_000
    warmup: Natural = 1_500
    start: Share = 1e-6
    steps: tuple[Count, ...] = ()
    batch: Count = 48
    validate_every: Count = 2_500
    save_every: Count = 2_500
    precision: typing.Literal["float32", "bfloat16", "float16"] = "float32"
    workers: Natural = 4
    seed: Natural = 0


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
        config = built(TrainConfig, yaml_value(text, str(spec)) or {}, "")
        config.profile()  # says what is wrong with it before anything runs
    except ValueError as error:
        raise VistreamError(f"{spec}: {textwrap.shorten(str(error), 300)}") from None
    return config
