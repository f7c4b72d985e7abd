# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The server's own pages: what a person sees when there is no file to show."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Final

from sws.base.engine import Field, Fields
from sws.exchange.exchange import Exchange
from sws.proto.http.status import reason_phrase

__all__ = ["error_page", "redirect", "respond_error", "set_language"]

STYLE: Final = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:12vh auto 2rem;padding:0 1.5rem;"
    "color:#223;background:#fbfbfe}h1{font-weight:600;letter-spacing:-.02em}h1 span{color:#7a6cf0}p{color:#667}a{color:#4b3fd6}"
    "hr{border:0;border-top:1px solid #dde;margin:2rem 0 1rem}small{color:#889}"
    "@media(prefers-color-scheme:dark){body{color:#dde;background:#14141d}p,small{color:#99a}a{color:#a79bff}hr{border-color:#334}}"
)

_EXPLANATIONS: Final = {
    400: "The request was malformed.",
    403: "You may not see this.",
    404: "There is nothing at this address.",
    405: "This resource does not take that method.",
    408: "The request took too long to arrive.",
    411: "The request needs a Content-Length.",
    412: "A condition of the request does not hold.",
    413: "The request's content is too large.",
    414: "The request's target is too long.",
    416: "The file has no such range.",
    417: "The request's expectation cannot be met.",
    421: "This server does not answer for that host.",
    431: "The request's fields are too large.",
    500: "Something went wrong here.",
    501: "This server does not know that method or coding.",
    503: "The answer did not come in time.",
    505: "This server does not speak that version of HTTP.",
}

_cache: dict[tuple[int, str], bytes] = {}
_language = "en"


def set_language(language: str) -> None:
    """Choose the language of the pages, once at start."""
    global _language
    _language = language


def error_page(status: int) -> bytes:
    """A small HTML page for a status; it repeats nothing of the request."""
    language = _language
    page = _cache.get((status, language))
    if page is None:
        reason = html.escape(reason_phrase(status).decode("ascii"))
        page = (
            f'<!doctype html><html lang="{language}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>{status} {reason}</title><style>{STYLE}</style>"
            f"<h1><span>{status}</span> {reason}</h1><p>{_EXPLANATIONS.get(status, '')}</p><hr><small>sws</small></html>\n"
        ).encode()
        _cache[status, language] = page
    return page


def respond_error(exchange: Exchange, status: int, fields: Iterable[Field] = ()) -> None:
    """Answer with an error page.

    Args:
      fields:  further fields, such as Allow.
    """
    own = exchange.pages.find(status) if exchange.pages is not None else None
    if own is not None:
        media_type, content = own
        about: Fields = ((b"content-type", media_type),)
    else:
        about, content = (
            ((b"content-type", b"text/html; charset=utf-8"), (b"content-language", _language.encode("ascii"))),
            error_page(status),
        )
    exchange.respond(status, (*fields, *about, (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")), content)


def redirect(exchange: Exchange, location: bytes, status: int = 308) -> None:
    """Send the client elsewhere.  RFC 9110 §15.4."""
    target = html.escape(location.decode("latin-1"))
    page = f'<!doctype html><title>Moved</title><p>See <a href="{target}">{target}</a>.\n'.encode("latin-1")
    exchange.respond(status, ((b"location", location), (b"content-type", b"text/html; charset=iso-8859-1")), page)
