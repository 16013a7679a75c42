"""What a network's weights do not tell: its neurons' D and norm, its classes, the size it wants pictures in.

A published file is recognised by its SHA-256. Files of our own carry their profile as metadata.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from vistream.models.classes import class_set_names
from vistream.models.registry import known
from vistream.models.spike2former.neuron import Levels
from vistream.models.spike2former.sizes import Sizes

KEY = "spike2former"  # of the metadata
LARGEST = 1 << 14  # pixels of a side


@dataclass(frozen=True, slots=True)
class Fit:
    """How pictures are resized: in their own ratio, as large as goes into `long` and `short` sides, then padded right
    and below to a multiple of `divisor`."""

    long: int = 2048
    short: int = 512
    divisor: int = 1

    def __post_init__(self) -> None:
        sizes = (self.long, self.short, self.divisor)
        if not all(isinstance(size, int) and 1 <= size <= LARGEST for size in sizes):
            asked = f"{self.long!r} x {self.short!r} pixels and multiples of {self.divisor!r}"
            raise ValueError(f"sizes of pictures are whole numbers of 1 to {LARGEST}, not {asked}")

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """Height and width that a picture gets, before padding.

        >>> Fit().resized(480, 640), Fit().resized(300, 3000)
        ((512, 683), (205, 2048))
        """
        scale = min(self.long / max(height, width), self.short / min(height, width))
        return max(int(height * scale + 0.5), 1), max(int(width * scale + 0.5), 1)

    def padded(self, height: int, width: int) -> tuple[int, int]:
        """The same after padding.

        >>> Fit(divisor=32).padded(200, 333)
        (224, 352)
        """
        return -(-height // self.divisor) * self.divisor, -(-width // self.divisor) * self.divisor


@dataclass(frozen=True, slots=True)
class Profile:
    """`labels`: the name of a set of classes (`models.classes`), or None where the classes have no names. Of
    the classes that the head knows, those of the set are used; the rest, if any, were never trained."""

    labels: str | None = None
    backbone: Levels = field(default_factory=Levels)
    head: Levels = field(default_factory=Levels)
    fit: Fit = field(default_factory=Fit)

    def metadata(self) -> dict[str, str]:
        """As a safetensors file keeps it."""
        return {KEY: json.dumps(asdict(self))}


def from_metadata(metadata: Mapping[str, object]) -> Profile | None:
    """The profile in a file's metadata, or None; raises ValueError where it is not sound."""
    text = metadata.get(KEY)
    if text is None:
        return None
    try:
        read = json.loads(str(text))
        labels = read["labels"]
        if labels is not None and labels not in class_set_names():
            raise ValueError(f"its classes are called {labels!r:.40}, which is not known here")
        return Profile(labels, Levels(**read["backbone"]), Levels(**read["head"]), Fit(**read["fit"]))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"has a damaged description of its network ({error})") from None


_NAMED = {
    "spike2former-ade20k": Profile("ade20k"),
    "spike2former-ade20k-large": Profile("ade20k"),
    "spike2former-cityscapes": Profile("cityscapes", fit=Fit(2048, 1024, 32)),
    "spike2former-voc": Profile("voc2012"),
    "spike2former-voc-4x4": Profile("voc2012"),
}

PUBLISHED: Mapping[str | None, Profile] = {known(name).files[0].sha256: profile for name, profile in _NAMED.items()}
"""By SHA-256 of the file. All were trained with D = 4, says the paper; their code has constants of 8 beside."""

_BY_CLASSES = {150: "ade20k", 19: "cityscapes", 21: "voc2012", 133: "coco-panoptic"}


def guessed(sizes: Sizes) -> Profile:
    """For a file that nobody described: the data set whose number of classes it has, D = 4."""
    labels = _BY_CLASSES.get(sizes.classes)
    if sizes.head == "panoptic":
        return Profile(labels, fit=Fit(1333, 800, 32))
    return Profile(labels, fit=Fit(2048, 1024, 32) if labels == "cityscapes" else Fit())
