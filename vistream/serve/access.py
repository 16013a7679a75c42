"""Who may look: everybody on this machine, and from elsewhere whoever has the token.

A page of another site that the user's browser has open must not get at the pictures either: on this machine the name
that the browser asked for must be a local one (which defeats DNS rebinding), and no answer allows another origin.
"""

from __future__ import annotations

import secrets
from ipaddress import ip_address
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "vistream"
MOST_FIELDS = 16
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def is_local(host: str) -> bool:
    """Whether a server bound to `host` can be reached from this machine only.

    >>> [is_local(host) for host in ("127.0.0.1", "LocalHost", "::1", "0.0.0.0", "", "127.0.0.1.evil.org")]
    [True, True, True, False, False, False]
    """
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Access:
    """Wraps an application. `token` None: only requests to a local name pass; else only those that bring the token.

    It is brought as `Authorization: Bearer TOKEN`, or once as `?token=TOKEN`, which sets a cookie and leaves the
    address bar clean.
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = self._refusal(scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        await (self._app if refused is None else refused)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to a request that may not pass, or None."""
        headers = Headers(scope=scope)
        if self._token is None:
            asked = headers.get("host", "")
            name = asked.rpartition(":")[0] if asked.rpartition(":")[2].isdigit() else asked
            if is_local(name.strip("[]")):
                return None
            return PlainTextResponse("this page is for this machine alone\n", 403)
        if self._right(_cookie(headers)) or self._right(_bearer(headers)):
            return None
        if not self._right(_asked_token(scope["query_string"])):
            return PlainTextResponse("the token is missing or wrong: open the address that the terminal shows\n", 401)
        answer = RedirectResponse("/" + scope["path"].lstrip("/\\"), 303)  # "//name" would be another machine
        answer.set_cookie(COOKIE, self._token, httponly=True, samesite="strict")
        return answer

    def _right(self, token: str) -> bool:
        return self._token is not None and secrets.compare_digest(token.encode(), self._token.encode())


def _bearer(headers: Headers) -> str:
    """The token of `Authorization: Bearer TOKEN`, whose first word may be in capitals or not."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _cookie(headers: Headers) -> str:
    """Our cookie's value. The standard library's parser takes quadratic time on hostile ones."""
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""


def _asked_token(query: bytes) -> str:
    try:
        return parse_qs(query.decode("latin-1"), max_num_fields=MOST_FIELDS).get("token", [""])[0]
    except ValueError:
        return ""
