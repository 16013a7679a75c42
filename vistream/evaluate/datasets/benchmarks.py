"""What the label files of semantic datasets say: which classes, which numbers are not scored, which files count.

The rules are those under which results are published, as in mmsegmentation 1.1.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.media.formats.davis import one_each, png_files, read_classes
from vistream.models.classes import VOID, ClassSet, class_set

Labels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """`classes`: the name of its set of classes. `reduced`: in its files 0 is no class, and class 0 is 1. `void`: a
    number that is not scored, besides 255. `own_ids`: it has files with other numbers than those of classes, too.
    """

    classes: str
    reduced: bool = False
    void: int = VOID
    own_ids: bool = False

    @property
    def class_set(self) -> ClassSet:
        return class_set(self.classes)


BENCHMARKS: Mapping[str, Benchmark] = {
    "ade20k": Benchmark("ade20k", reduced=True),
    "cityscapes": Benchmark("cityscapes", own_ids=True),
    "voc2012": Benchmark("voc2012"),
    "pascal-context-59": Benchmark("pascal-context-59", reduced=True),
    "pascal-context-60": Benchmark("pascal-context-60"),
    "coco-stuff-10k": Benchmark("coco-stuff", reduced=True),
    "coco-stuff-164k": Benchmark("coco-stuff"),
    "camvid": Benchmark("camvid", void=11),
    "plaza": Benchmark("plaza"),
}

TRAIN_IDS, IDS = ("_gtFine_labelTrainIds", "_labelTrainIds"), ("_gtFine_labelIds", "_labelIds")
ENDINGS = (*TRAIN_IDS, *IDS, "_leftImg8bit")
"""What datasets append to an image's name, in the names of images and of label maps."""
CITYSCAPES_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
"""The numbers of the classes in Cityscapes' own label files, `_labelIds`; the others are not scored."""


def benchmark(name: str) -> Benchmark:
    """Raises VistreamError where there is none of that name."""
    if name not in BENCHMARKS:
        raise VistreamError(f"no dataset is called {name!r}: it is one of {', '.join(BENCHMARKS)}")
    return BENCHMARKS[name]


def key_of(path: Path) -> str:
    """What an image and its label map have in common.

    >>> key_of(Path("a_01_gtFine_labelTrainIds.png")), key_of(Path("a_01_leftImg8bit.png")), key_of(Path("7.jpg"))
    ('a_01', 'a_01', '7')
    """
    stem = path.stem
    for ending in ENDINGS:
        stem = stem.removesuffix(ending)
    return stem


def label_maps(folder: Path) -> dict[str, Path]:
    """The label maps of a folder, by key, in order. Where files of several kinds lie together, as in Cityscapes, those
    with training numbers, else those with the dataset's own.

    Raises VistreamError where two are of one image.
    """
    files = png_files(folder)
    for ending in (*TRAIN_IDS, *IDS):
        some = tuple(path for path in files if path.stem.endswith(ending))
        if some:
            files = some
            break
    return one_each(files, key_of, "image")


def read_ground_truth(path: Path, rules: Benchmark | None) -> Labels:
    """A label map, uint8 `[H, W]`, by the rules of its dataset: 0 to N - 1, and 255 where it is not scored.

    Raises VistreamError for a file that is no label map, or holds a number that is none of the dataset's.
    """
    numbers = read_classes(path)
    if rules is None:
        return numbers
    labels = label_of_number(rules, own_ids=rules.own_ids and path.stem.endswith(IDS))[numbers]
    size = len(rules.class_set)
    if ((labels >= size) & (labels != VOID)).any():
        worst = int(numbers[(labels >= size) & (labels != VOID)].max())
        raise VistreamError(f"{path} has the label {worst}, but {rules.classes} has {size} classes: another dataset?")
    return np.asarray(labels, np.uint8)


def label_of_number(rules: Benchmark, own_ids: bool) -> Labels:
    """The label for each number of a file, uint8 `[256]`. `own_ids`: of Cityscapes' own."""
    table = np.arange(256)
    if own_ids:
        table[:] = VOID
        table[list(CITYSCAPES_IDS)] = np.arange(len(CITYSCAPES_IDS))
    elif rules.reduced:
        table = np.where((table == 0) | (table == VOID), VOID, table - 1)
    table[rules.void] = VOID
    return table.astype(np.uint8)
