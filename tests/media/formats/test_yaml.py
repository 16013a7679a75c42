"""A few lines of YAML that stand for billions of entries, or hold themselves, are refused, not written out."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from vistream.cli.config import read_yaml
from vistream.errors import VistreamError
from vistream.media.formats.detections.yolo import class_names
from vistream.media.formats.text import yaml_value
from vistream.train.config import read_config

LEVELS = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
BOMB = "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x]", *LEVELS, "names: *a11", ""])
REFUSED = {
    "a bomb": (BOMB, "more than 1000000 entries"),
    "a list in itself": ("a: &a [*a]", "more than 1000000 entries"),
    "a mapping in itself": ("&a {a: *a}", "more than 1000000 entries"),
    "a number that can't be written": ("a: 0x" + "f" * 5000, "thousands of digits"),
    "no end of brackets": ("[" * 5000, "nested too deeply"),
    "a tag that is not kept": ("a: !!int ''", "can be read"),
    "a tag that would run something": ("!!python/object/apply:os.system [ls]", "could not determine a constructor"),
    "an open bracket": ("a: [3\n", "line 2: not YAML"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_in_one_line(what: str, tmp_path: Path) -> None:
    text, said = REFUSED[what]
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    for read in (read_yaml, read_config):
        with pytest.raises(VistreamError, match=said) as caught:
            read(path)
        assert "a.yaml" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_names_of_classes_are_not_taken_from_a_bomb(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "data.yaml").write_text(BOMB, encoding="utf-8")
    with caplog.at_level(logging.WARNING, "vistream"):
        assert class_names(tmp_path) == ()
    assert "data.yaml: not YAML that can be read: it stands for more than" in caplog.text


def test_anchors_are_taken() -> None:
    assert yaml_value("a: &a [1, 2]\nb: [*a, *a]\nc: {<<: {d: 3}}", "") == {
        "a": [1, 2],
        "b": [[1, 2], [1, 2]],
        "c": {"d": 3},
    }
    assert yaml_value("", "") is None
