"""The web application: a page, the figures as JSON, pictures as JPEG and as MJPEG. It only reads from the tiles."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from importlib import resources

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from vistream.serve.access import Access
from vistream.serve.page import page
from vistream.serve.tile import Tile, View

BOUNDARY = "frame"
PAUSE = 0.01  # seconds between two looks for a new picture


def make_app(tiles: Sequence[Tile], token: str | None, closing: Callable[[], bool]) -> Starlette:
    """`token`: as for `Access`. `closing` says whether the server wants to end, so that endless answers do, too."""

    async def index(request: Request) -> Response:
        return HTMLResponse(page())

    async def script(request: Request) -> Response:
        text = resources.files("vistream.serve").joinpath("page.js").read_text(encoding="utf-8")
        return Response(text, media_type="text/javascript")

    async def sources(request: Request) -> Response:
        return JSONResponse([tile.as_dict() for tile in tiles])

    async def picture(request: Request) -> Response:
        return await _jpeg(_view(request, tiles).jpeg)

    async def activity(request: Request) -> Response:
        return await _jpeg(_view(request, tiles).activity_jpeg)

    async def stream(request: Request) -> Response:
        parts = _parts(_tile(request, tiles), closing)
        return StreamingResponse(parts, media_type=f"multipart/x-mixed-replace; boundary={BOUNDARY}")

    routes = [
        Route("/", index),
        Route("/page.js", script),
        Route("/api/sources", sources),
        Route("/sources/{number}/picture.jpg", picture),
        Route("/sources/{number}/activity.jpg", activity),
        Route("/sources/{number}/stream.mjpg", stream),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(Access, token=token)])
    app.router.redirect_slashes = False  # such a redirection would repeat whatever name the request came with
    return app


async def _jpeg(encode: Callable[[], bytes | None]) -> Response:
    jpeg = await run_in_threadpool(encode)
    if jpeg is None:
        raise HTTPException(404, "there is no such picture")
    return Response(jpeg, media_type="image/jpeg")


async def _parts(tile: Tile, closing: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Every new picture, as fast as the browser takes them; those that come meanwhile are left out."""
    shown = 0
    while not closing():
        view = tile.view
        if view is not None and view.number != shown:
            shown = view.number
            jpeg = await run_in_threadpool(view.jpeg)
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            yield head.encode() + jpeg + b"\r\n"
        elif not tile.is_alive():
            break
        else:
            await asyncio.sleep(PAUSE)


def _tile(request: Request, tiles: Sequence[Tile]) -> Tile:
    number: str = request.path_params["number"]
    known = {str(index): tile for index, tile in enumerate(tiles)}  # as text: a number may have thousands of digits
    if number not in known:
        raise HTTPException(404, "there is no such source")
    return known[number]


def _view(request: Request, tiles: Sequence[Tile]) -> View:
    view = _tile(request, tiles).view
    if view is None:
        raise HTTPException(404, "there is no picture yet")
    return view
