"""Reading XML that may be anything."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

from vistream.errors import VistreamError
from vistream.media.formats.text import read_text

Element = ElementTree.Element


def read_xml(path: Path) -> Element:
    """The root. Raises VistreamError where the file is not XML, or defines entities, which our forms never do."""
    text = read_text(path)
    if "<!ENTITY" in text:
        raise VistreamError(f"{path} defines XML entities, which annotations have no need of: it is not read")
    try:
        return ElementTree.fromstring(text.lstrip())
    except ElementTree.ParseError as error:
        raise VistreamError(f"{path}: not XML: {error}") from None
    except ValueError:  # an encoding declared that the file does not have
        return _from_bytes(path)


def _from_bytes(path: Path) -> Element:
    try:
        return ElementTree.fromstring(path.read_bytes())
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise VistreamError(f"{path}: not XML: {error}") from None


def number(element: Element, name: str, where: str) -> float:
    """A finite number among the attributes of an element. Raises VistreamError for anything else."""
    text = element.get(name)
    try:
        value = float(text or "")
    except ValueError:
        raise VistreamError(f"{where}: <{element.tag}> has {name} {text!r}, not a number") from None
    if not math.isfinite(value) or abs(value) > 2**53:
        raise VistreamError(f"{where}: <{element.tag}> has {name} {text!r}, not a finite number")
    return value


def points(element: Element, where: str, least: int = 2) -> list[tuple[float, float]]:
    """The corners in `points="x,y;x,y;..."`, `least` of them or more."""
    try:
        pairs = [pair.split(",") for pair in (element.get("points") or "").split(";") if pair]
        found = [(float(x), float(y)) for x, y in pairs]
    except ValueError:
        raise VistreamError(f"{where}: <{element.tag}> has points that are no x,y;x,y") from None
    if len(found) < least or not all(math.isfinite(value) for pair in found for value in pair):
        raise VistreamError(f"{where}: <{element.tag}> has fewer than {least} finite points")
    return found
