# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the server knows of a request."""

from __future__ import annotations

import json

from sws._version import __version__
from sws.exchange.exchange import Exchange
from sws.exchange.pipeline import compile_chain
from sws.handlers.facts import FACTS_PATH, ServerFacts
from tests.kit.driver import Rig, get


async def other(exchange: Exchange) -> None:
    exchange.respond(200, (), b"other")


def test_one_path_and_no_other() -> None:
    with Rig(compile_chain([ServerFacts(FACTS_PATH, "epoll")], other)) as rig:
        path = FACTS_PATH.decode()
        (response,) = rig.ask(get(path + "?x"))
        assert response.fields["content-type"] == "application/json"
        assert response.fields["cache-control"] == "no-store"
        facts = json.loads(response.content)
        assert facts["server"] == f"sws {__version__}"
        assert (facts["poller"], facts["protocol"], facts["cipher"]) == ("epoll", "HTTP/1.1", None)
        assert (facts["scheme"], facts["host"], facts["client"], facts["address"]) == ("http", "a.example", "192.0.2.1", "192.0.2.2:80")
        assert set(facts) >= {"python", "system"}
        for request in (get("/"), get(path + "/x"), get(path, "Content-Length: 0", method="POST")):
            assert rig.ask(request)[0].content == b"other"


def test_conditions() -> None:
    """RFC 9110 §13.1: it exists, and has no validators."""
    with Rig(compile_chain([ServerFacts(FACTS_PATH, "epoll")], other)) as rig:
        path = FACTS_PATH.decode()
        for field, status in (("If-None-Match: *", 304), ('If-None-Match: "x"', 200), ('If-Match: "x"', 412), ("If-Match: *", 200)):
            assert rig.ask(get(path, field))[0].status == status
