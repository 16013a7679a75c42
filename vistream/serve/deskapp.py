"""The web application of a desk: its page, frames as JPEG, what the user gives as JSON, results to download.

What changes anything is asked for by POST, with a header that pages of other sites can't send.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from vistream.errors import VistreamError
from vistream.media.formats.exports.coco_video import CocoVideoWriter
from vistream.media.formats.exports.collected import Film
from vistream.media.formats.exports.cvat_video import CvatVideoWriter
from vistream.media.formats.exports.label_studio import LabelStudioWriter
from vistream.media.formats.jsonl import JsonlWriter
from vistream.media.formats.mot import MotWriter
from vistream.media.formats.tracks_csv import TracksCsvWriter
from vistream.serve.access import Access
from vistream.serve.asked import body_of, identity_in, number_in, target_in
from vistream.serve.clicks import outline
from vistream.serve.desk import Desk
from vistream.serve.deskpage import page
from vistream.serve.maskzip import MaskZipWriter
from vistream.serve.tile import jpeg_of

log = logging.getLogger("vistream")

DOWNLOADS: dict[str, tuple[str, Callable[[Path, Film], Any]]] = {
    "jsonl": (".jsonl", lambda path, film: JsonlWriter(path)),
    "csv": (".csv", lambda path, film: TracksCsvWriter(path)),
    "mot": (".txt", lambda path, film: MotWriter(path)),
    "coco": ("-coco.json", CocoVideoWriter),
    "cvat": (".xml", CvatVideoWriter),
    "label-studio": ("-label-studio.json", LabelStudioWriter),
    "masks": ("-masks.zip", MaskZipWriter),
}
"""What a result is downloaded as: the end of the file's name, and what writes it. Masks: of the task vos alone."""


def make_desk_app(desk: Desk, token: str | None) -> Starlette:
    """`token`: as for `Access`."""

    async def asked(do: Callable[[], Any]) -> Any:  # Any: whatever is asked for
        """In a thread; what the user can put right is answered as 400 with its line, which names no folder."""
        try:
            return await run_in_threadpool(do)
        except VistreamError as error:
            raise HTTPException(400, desk.without_path(error)) from None

    async def index(request: Request) -> Response:
        return HTMLResponse(page(desk.settings.task, _downloads(desk)))

    async def script(request: Request) -> Response:
        text = resources.files("vistream.serve").joinpath("desk.js").read_text(encoding="utf-8")
        return Response(text, media_type="text/javascript")

    async def state(request: Request) -> Response:
        return JSONResponse(desk.as_dict())

    async def frame(request: Request) -> Response:
        number = number_in(request)
        picture = await asked(lambda: desk.frame(number))
        return Response(await run_in_threadpool(jpeg_of, picture), media_type="image/jpeg")

    async def tracks(request: Request) -> Response:
        return JSONResponse(desk.tracks(number_in(request)))

    async def picture(request: Request) -> Response:
        if desk.picture is None:
            raise HTTPException(404, "there is no picture yet")
        return Response(await run_in_threadpool(jpeg_of, desk.picture), media_type="image/jpeg")

    async def region(request: Request) -> Response:
        target = target_in(await body_of(request))
        mask = await asked(lambda: desk.region(target.frame, target.clicks, target.box))
        return JSONResponse({"outline": outline(mask), "pixels": int(mask.sum())})

    async def give(request: Request) -> Response:
        target = target_in(await body_of(request))
        return JSONResponse(await asked(lambda: desk.give(target.frame, target.identity, target.clicks, target.box)))

    async def order(request: Request) -> Response:
        body = await body_of(request)
        orders: dict[str, Callable[[], None]] = {
            "start": desk.start,
            "stop": desk.stop,
            "forget": lambda: desk.forget(identity_in(body)),
        }
        chosen = orders.get(request.path_params["order"])
        if chosen is None:
            raise HTTPException(404, "there is no such order")
        await asked(chosen)
        return JSONResponse(desk.as_dict())

    async def download(request: Request) -> Response:
        kind = request.path_params["kind"]
        if kind not in _downloads(desk) or not desk.results:
            raise HTTPException(404, "there is no such result")
        name, content = await asked(lambda: _written(desk, kind))
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type="application/octet-stream", headers=headers)

    routes = [
        Route("/", index),
        Route("/desk.js", script),
        Route("/api/desk", state),
        Route("/frames/{number}.jpg", frame),
        Route("/api/tracks/{number}", tracks),
        Route("/picture.jpg", picture),
        Route("/api/region", region, methods=["POST"]),
        Route("/api/object", give, methods=["POST"]),
        Route("/api/{order}", order, methods=["POST"]),
        Route("/result/{kind}", download),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(Access, token=token)])
    app.router.redirect_slashes = False
    return app


def _downloads(desk: Desk) -> tuple[str, ...]:
    return tuple(kind for kind in DOWNLOADS if kind != "masks" or desk.settings.task == "vos")


def _written(desk: Desk, kind: str) -> tuple[str, bytes]:
    """A result file: its name, which holds no path, and content. Raises VistreamError where there is no room for it."""
    suffix, make = DOWNLOADS[kind]
    name = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in desk.title) + suffix
    try:
        with tempfile.TemporaryDirectory(prefix="vistream-") as folder:
            path = Path(folder) / name
            with make(path, Film(desk.title, desk.size, desk.fps)) as writer:
                for _, result in sorted(desk.results.items()):
                    writer.write(result)
            return name, path.read_bytes()
    except OSError as error:
        line = f"{name} can't be written: {error.strerror}: make room for temporary files, or set TMPDIR"
        log.error(line)  # browsers show no answer to a download that fails
        raise VistreamError(line) from None
