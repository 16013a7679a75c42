"""Readers of options, class names, ranges and training configurations, with small valid files to start from."""

from __future__ import annotations

from pathlib import Path

from fuzzing.reader import Reader

YAML = """defaults: &all {detector: motion, max-frames: 0x10}
track:
  <<: *all
  classes: [person, 'car', "two words"]
  scores: 1.5e-1
eval:
  when: 2001-01-01
  none: ~
  jobs: 1_000
  text: |
    a
    b
"""
NAMES = "path: a\nnc: 3\nnames: &names\n  0: person\n  2: car\nother: *names\n"
TRAINING = """network: {widths: [8, 8, 8, 16, 24], blocks: [2, 1], gamma: 1e-6, levels: [4, 4]}
data: {labels: ade20k, reduce_zero_label: true, train: {images: a, names: null}}
augment: {scale: [0.5, 2], crops: [[64, 64], [32, 32]], flip: 0.5}
schedule: {iterations: 10, precision: bfloat16, seed: 0}
"""
RANGES = '{"input": [-1.0, 2.5], "layer1.conv": [0, 3]}'


def _one(name: str, text: str, folder: Path) -> list[Path]:
    (folder / name).write_text(text, encoding="utf-8", newline="\n")
    return [folder / name]


def _options(path: Path) -> object:
    from vistream.cli.config import read_yaml

    return str(read_yaml(path))


def _names(path: Path) -> object:
    """Beside a file of YOLO."""
    import tempfile

    from vistream.errors import VistreamError
    from vistream.media.formats.detections.yolo import class_name, class_names

    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "data.yaml").write_bytes(path.read_bytes())
        try:
            names = class_names(Path(scratch))
        except VistreamError as error:  # that names the copy
            raise VistreamError(str(error).replace("data.yaml", path.name)) from None
    return [class_name(names, number) for number in range(4)]


def _training(path: Path) -> object:
    from vistream.train.config import read_config

    return str(read_config(path))


def _ranges(path: Path) -> object:
    from vistream.quantize.ranges import load_ranges

    return load_ranges(path)


SETTINGS = {
    "options": Reader(lambda folder: _one("a.yaml", YAML, folder), _options),
    "names": Reader(lambda folder: _one("a.yaml", NAMES, folder), _names),
    "training": Reader(lambda folder: _one("a.yaml", TRAINING, folder), _training),
    "ranges": Reader(lambda folder: _one("a.json", RANGES, folder), _ranges),
}
