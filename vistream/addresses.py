"""Addresses of cameras and streams without what must stay secret in them: names, passwords, tokens."""

from __future__ import annotations

import re

MASK = "***"
HARMLESS = frozenset(
    ("channel", "subtype", "stream", "profile", "camera", "resolution", "fps", "quality", "codec", "v")
)
"""Parameters of an address that may be shown: they tell the streams of a camera, or the videos of a site, apart."""

_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+:/+)(?P<rest>\S+)")
_PLAIN_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)[/?#]")


def without_secrets(text: str) -> str:
    """`text`, an address or a text with addresses in it, in which secrets are masked.

    What stands before an `@` is one, whole: a password may hold `@`, `/`, `?` and `:`, a token may stand for the name.
    So is the value of every parameter that is not known to be harmless. In doubt more is masked than need be.

    >>> without_secrets("rtsp://ann:se/cr@t@10.0.0.7/street?channel=1&pwd=x#key")
    'rtsp://***@10.0.0.7/street?channel=1&pwd=***#***'
    >>> without_secrets("http://TOKEN@cam.lan:8080/a.mp4"), without_secrets("http://cam.lan/a@2x.mp4")
    ('http://***@cam.lan:8080/a.mp4', 'http://cam.lan/a@2x.mp4')
    """
    return _ADDRESS.sub(lambda found: found["scheme"] + _masked(found["rest"]), text)


def _masked(rest: str) -> str:
    if "@" in rest and not _PLAIN_HOST.match(rest):
        rest = f"{MASK}@{rest.rpartition('@')[2]}"
    rest, hashed, _ = rest.partition("#")
    path, asked, query = rest.partition("?")
    path = re.sub(r"(?<=;)[^;/]+", lambda part: _parameter(part[0]), path)
    shown = re.sub(r"[^&;]+", lambda part: _parameter(part[0]), query)
    return path + asked + shown + (f"#{MASK}" if hashed else "")


def _parameter(part: str) -> str:
    name, equals, _ = part.partition("=")
    if name.lower() in HARMLESS:
        return part
    return f"{name}={MASK}" if equals else MASK
