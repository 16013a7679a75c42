"""`seqinfo.ini`: what MOT Challenge says of a sequence beside its boxes."""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from pathlib import Path

from vistream.atomic import replacing
from vistream.errors import VistreamError
from vistream.media.formats.text import read_text

SECTION = "Sequence"


@dataclass(frozen=True, slots=True)
class SeqInfo:
    """`image_folder` is relative to the sequence's folder; `frame_rate` in frames a second; sizes in
    pixels.
    """

    name: str
    image_folder: str
    frame_rate: float
    frames: int
    width: int
    height: int
    extension: str


def read_seqinfo(path: Path | str) -> SeqInfo:
    """Raises VistreamError for a missing section or key, and for a number that is none or not positive."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(read_text(path))
    except configparser.Error as error:
        first = str(error).splitlines()[0]
        raise VistreamError(f"{path} is not an ini file: {first}") from None
    if SECTION not in parser:
        raise VistreamError(f"{path} has no section [{SECTION}]")
    section = parser[SECTION]

    def text(key: str) -> str:
        if key not in section:
            raise VistreamError(f"{path}: [{SECTION}] has no {key}")
        return section[key]

    def number(key: str) -> float:
        try:
            value = float(text(key))
        except ValueError:
            raise VistreamError(f"{path}: {key} is {section[key]!r}, not a number") from None
        if not 0 < value < 1e9:
            raise VistreamError(f"{path}: {key} is {value:g}: it must be positive")
        return value

    def whole(key: str) -> int:
        value = number(key)
        if value != int(value):
            raise VistreamError(f"{path}: {key} is {value:g}: it must be a whole number")
        return int(value)

    return SeqInfo(
        name=text("name"),
        image_folder=text("imDir"),
        frame_rate=number("frameRate"),
        frames=whole("seqLength"),
        width=whole("imWidth"),
        height=whole("imHeight"),
        extension=text("imExt"),
    )


def write_seqinfo(path: Path | str, info: SeqInfo) -> None:
    """Write the seven keys, in MOT Challenge's order. Raises VistreamError where the path can't be written."""
    values = {
        "name": info.name,
        "imDir": info.image_folder,
        "frameRate": f"{info.frame_rate:.12g}",
        "seqLength": info.frames,
        "imWidth": info.width,
        "imHeight": info.height,
        "imExt": info.extension,
    }
    lines = [f"[{SECTION}]", *(f"{key}={value}" for key, value in values.items()), ""]
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines), encoding="utf-8", newline="\n")
