# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Octets that two recipients could read differently: each has one reading here, or none.  RFC 9112 §6.3, §11.2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from sws.base.engine import BodyChunk, Ended, Event, Refused, RequestStarted, Trailers
from tests.kit.http1_peer import serve
from tests.kit.incremental import assert_incremental
from tests.kit.vectors import load_vectors

_CASES = load_vectors("http1", "smuggling", keys=("input",))


def _readings(events: list[Event]) -> tuple[list[dict[str, Any]], int | None]:
    """The messages as the vectors write them, and the status of the refusal.  A request refused within its content is no message."""
    messages: dict[int, dict[str, Any]] = {}
    ended: set[int] = set()
    status = None
    for event in events:
        assert status is None, "something was read after a refusal"
        if isinstance(event, RequestStarted):
            head = event.request
            messages[event.stream] = {
                "method": head.method.decode(),
                "authority": head.authority.decode(),
                "target": head.target.decode(),
                "version": head.version,
                "content": "",
                "trailers": [],
            }
            if event.ended:
                ended.add(event.stream)
        elif isinstance(event, BodyChunk):
            messages[event.stream]["content"] += event.data.hex()
        elif isinstance(event, Trailers):
            messages[event.stream]["trailers"] = [[name.decode(), value.decode()] for name, value in event.fields]
        elif isinstance(event, Ended):
            ended.add(event.stream)
        else:
            assert isinstance(event, Refused)
            messages.pop(event.stream, None)
            status = event.status
    assert set(messages) == ended, "a message did not end"
    return list(messages.values()), status


@pytest.mark.parametrize("case", _CASES, ids=[case["id"] for case in _CASES])
def test_one_reading_or_none(case: dict[str, Any]) -> None:
    def feed(segments: Sequence[bytes]) -> tuple[list[dict[str, Any]], int | None]:
        return _readings(serve(segments))

    accepted, refused = assert_incremental(feed, bytes.fromhex(case["input"]), rounds=2)
    assert (accepted, refused) == (case["result"]["accepted"], case["result"]["refused"])
