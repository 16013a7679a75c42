"""Sets of classes: as many as the datasets have, in their order."""

from __future__ import annotations

import pytest

from vistream.errors import VistreamError
from vistream.media.formats.coconames import CATEGORIES
from vistream.models.classes import class_set, class_set_names

SIZES = {
    **{"ade20k": 150, "camvid": 11, "cityscapes": 19, "coco-panoptic": 133, "coco-stuff": 171},
    **{"pascal-context-59": 59, "pascal-context-60": 60, "plaza": 7, "voc2012": 21},
}


def test_every_set_is_whole() -> None:
    assert tuple(SIZES) == class_set_names()
    for name, size in SIZES.items():
        found = class_set(name)
        assert len(found) == len(set(found.names)) == len(found.palette) == len(set(found.numbers)) == size
        assert all(label.strip() == label and label for label in found.names)


def test_the_categories_of_coco_keep_their_numbers() -> None:
    coco = class_set("coco-panoptic")
    assert coco.things == (True,) * 80 + (False,) * 53
    assert dict(zip(coco.numbers[:80], coco.names[:80], strict=True)) == CATEGORIES
    assert dict(zip(coco.names, coco.numbers, strict=True))["tree-merged"] == 184


def test_an_unknown_set_is_refused_in_one_line() -> None:
    with pytest.raises(VistreamError, match="no set of classes is called 'ade': it is one of ade20k, "):
        class_set("ade")
