"""What a request to the desk asks for, checked before anything is done with it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from vistream.serve.clicks import Click
from vistream.serve.desk import MOST_OBJECTS
from vistream.types import Box

HEADER = "x-vistream"
MOST_BYTES = 100_000
"""Of a request."""
MOST_CLICKS = 100
DIGITS = 9
"""Of a number in a path: more frames has no video."""


@dataclass(frozen=True, slots=True)
class Target:
    """A frame, from 0; an object's id, or None for a new one; the clicks and the box that show the object there."""

    frame: int
    identity: int | None
    clicks: list[Click]
    box: Box | None


def number_in(request: Request) -> int:
    """The number in a request's path; whatever is none is not found."""
    text: str = request.path_params["number"]
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS):
        raise HTTPException(404, "there is no such frame")
    return int(text)


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object of a request that our own page sends; others are refused."""
    if HEADER not in request.headers:
        raise HTTPException(403, "only the page itself may ask for this")
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > MOST_BYTES:
            raise HTTPException(413, "that is too much")
    try:
        body = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        raise HTTPException(400, "that is not JSON") from None
    if not isinstance(body, dict):
        raise HTTPException(400, "a JSON object is expected")
    return body


def target_in(body: dict[str, Any]) -> Target:
    """Raises HTTPException for anything that our page would not send."""
    try:
        clicks = [(_finite(x), _finite(y), bool(on)) for x, y, on in body.get("clicks", [])]
        box = None
        if body.get("box") is not None:
            x, y, w, h = map(_finite, body["box"])
            box = (x, y, w, h)
        identity = None if body.get("id") is None else identity_in(body)
        frame = _whole(body["frame"])
    except (KeyError, TypeError, ValueError):
        raise HTTPException(400, "a frame, and clicks or a box, are expected") from None
    if len(clicks) > MOST_CLICKS:
        raise HTTPException(400, f"more than {MOST_CLICKS} clicks in one frame are not taken: drag a box")
    return Target(frame, identity, clicks, box)


def identity_in(body: dict[str, Any]) -> int:
    """The object that a request is about."""
    identity = body.get("id")
    if type(identity) is not int or not 1 <= identity <= MOST_OBJECTS:
        raise HTTPException(400, f"objects have the ids 1 to {MOST_OBJECTS}")
    return identity


def _whole(number: object) -> int:
    if type(number) is not int or not 0 <= number < 10**DIGITS:
        raise ValueError
    return number


def _finite(number: object) -> float:
    """Of a coordinate, far below what a float can't hold: sums of several are to stay finite too."""
    if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) < 1e9:  # nor is NaN
        raise ValueError
    return float(number)
