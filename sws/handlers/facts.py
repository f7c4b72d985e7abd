# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the server knows of the request that asks: for the start page, and for a look at a deployment.

Off unless `server.facts` is on, as it tells a stranger what runs here.
"""

from __future__ import annotations

import json
import platform
from typing import Final, final

from sws._version import __version__
from sws.exchange.exchange import Exchange, Handler
from sws.exchange.pages import respond_error
from sws.proto.http.conditional import Outcome, evaluate

__all__ = ["FACTS_PATH", "ServerFacts"]

FACTS_PATH: Final = b"/.well-known/sws"
_FIELDS: Final = ((b"cache-control", b"no-store"),)


@final
class ServerFacts:
    """A stage that answers one path with JSON and passes everything else on.

    Args:
      path:    where.
      poller:  which poller the worker uses.
    """

    def __init__(self, path: bytes, poller: str) -> None:
        self._path = path
        self._server = {
            "server": f"sws {__version__}",
            "python": f"{platform.python_implementation()} {platform.python_version()}",
            "system": f"{platform.system()} {platform.machine()}",
            "poller": poller,
        }

    async def __call__(self, exchange: Exchange, next_handler: Handler) -> None:
        """Answer, or pass on."""
        if exchange.path != self._path or exchange.request.method not in (b"GET", b"HEAD"):
            await next_handler(exchange)
            return
        # It differs each time, so it has no validators; a condition may still be about its existence.  RFC 9110 §13.1.
        outcome = evaluate(exchange.request.method, exchange.field_lines, None, None, int(exchange.wall))
        if outcome is not Outcome.PROCEED:
            respond_error(exchange, 412) if outcome is Outcome.PRECONDITION_FAILED else exchange.respond(304, _FIELDS)
            return
        facts = exchange.facts
        answer = {
            **self._server,
            "protocol": facts.protocol.upper() if facts.protocol.startswith("http") else facts.protocol,
            "cipher": facts.tls,
            "scheme": exchange.request.scheme.decode("ascii"),
            "host": exchange.request.authority.decode("latin-1"),
            "client": facts.address,
            "address": facts.local,
        }
        exchange.respond(200, (*_FIELDS, (b"content-type", b"application/json")), json.dumps(answer).encode("ascii"))
