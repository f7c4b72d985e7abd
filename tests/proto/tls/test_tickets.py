# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Tickets: what they keep, how keys rotate, what is no ticket."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sws.base.errors import DecodeError, TlsAlert
from sws.crypto.system import system_entropy
from sws.proto.tls import Session, TicketBox, TicketKeys
from sws.proto.tls.constants import Level
from sws.proto.tls.core import Failed
from sws.proto.tls.tickets import _decode

SESSION = Session(0x1301, b"p" * 32, 1_000, 77, 7200, b"binding", b"h2", 5, 900, (b"leaf", b"issuer"))
PAIRS = tuple((bytes((number,)) * 16, bytes((number + 100,)) * 32) for number in range(4))


class Ring:
    """Keys that change."""

    def __init__(self, *numbers: int) -> None:
        self.keys = TicketKeys(tuple(PAIRS[number] for number in numbers))
        self.box = TicketBox(lambda: self.keys, system_entropy)

    def turn(self, *numbers: int) -> None:
        self.keys = TicketKeys(tuple(PAIRS[number] for number in numbers))


def test_a_ticket_keeps_the_session_and_shows_nothing_of_it() -> None:
    ring = Ring(0)
    ticket = ring.box.seal(SESSION)
    assert ticket is not None
    assert ring.box.open(ticket) == SESSION
    assert b"binding" not in ticket
    assert ring.box.seal(SESSION) != ticket
    assert "p" * 8 not in repr(SESSION)
    assert "pairs" not in repr(ring.keys)


def test_older_keys_open_until_they_are_gone() -> None:
    ring = Ring(0)
    first = ring.box.seal(SESSION)
    assert first is not None
    ring.turn(1, 0)
    second = ring.box.seal(SESSION)
    assert second is not None
    assert second[:16] == PAIRS[1][0]
    assert ring.box.open(first) == SESSION
    ring.turn(2, 1)
    assert ring.box.open(first) is None
    assert ring.box.open(second) == SESSION
    ring.turn(3)
    assert ring.box.open(second) is None
    assert len(ring.box._ciphers) <= 2


def test_other_machines_with_the_same_keys_open_them() -> None:
    ticket = Ring(0).box.seal(SESSION)
    assert ticket is not None
    assert Ring(1, 0).box.open(ticket) == SESSION
    assert Ring(1).box.open(ticket) is None


def test_no_keys_no_tickets() -> None:
    ring = Ring()
    assert ring.box.seal(SESSION) is None
    assert ring.box.open(b"x" * 100) is None


def test_a_chain_that_is_too_large_is_not_carried() -> None:
    assert Ring(0).box.seal(replace(SESSION, peer=(bytes(8193),))) is None


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: b"", lambda t: t[:16], lambda t: t[:28], lambda t: t + b"x"])
def test_what_is_no_ticket(change: object) -> None:
    ring = Ring(0)
    ticket = ring.box.seal(SESSION)
    assert ring.box.open(change(ticket)) is None  # type: ignore[operator]


def test_a_ticket_of_another_version_of_the_server() -> None:
    with pytest.raises(DecodeError, match="another version"):
        _decode(b"\2" + SESSION.encode()[1:])
    ring = Ring(0)
    nonce = bytes(16)
    cipher = ring.box._cipher(ring.keys.pairs, PAIRS[0][0])
    assert cipher is not None
    assert ring.box.open(PAIRS[0][0] + nonce + cipher.seal(nonce, b"\2rest", PAIRS[0][0])) is None


def test_the_state_after_a_failure_takes_nothing() -> None:
    assert Failed().level == Level.APPLICATION
    with pytest.raises(TlsAlert):
        Failed().receive(b"")
