# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The handshakes as QUIC has them: no records, transport parameters, no compatibility mode, no EndOfEarlyData.  RFC 9001 §4, §8"""

from __future__ import annotations

from typing import Any

import pytest

from sws.base.handshake import Alert, HandshakeBytes, HandshakeComplete, HandshakeEvent, PeerParameters, SecretReady
from sws.proto.tls import ClientTicket
from sws.proto.tls.client import ClientHandshake
from sws.proto.tls.constants import AlertDescription, HandshakeType
from sws.proto.tls.server import ServerHandshake
from tests.kit.tls_pair import client_config, server_config

A = AlertDescription


def both(
    mine: dict[str, Any] | None = None,
    theirs: dict[str, Any] | None = None,
    host: dict[str, Any] | None = None,
    behind: tuple[int, bytes] = (-1, b""),
) -> list[Any]:
    """A handshake: both ends, and what they reported; `behind` has octets for one of them, which follow its peer's Finished."""
    one = ClientHandshake(client_config(**{"alpn": (b"h3",), "quic": b"client's", **(mine or {})}))
    other = ServerHandshake(server_config({"alpn": (b"h3",), **(host or {})}, **{"quic": b"server's", **(theirs or {})}))
    seen: list[list[HandshakeEvent]] = [[], []]
    events = one.start(0.0)
    ends: list[Any] = [one, other]
    at = 0
    while events:
        seen[at] += events
        following: list[HandshakeEvent] = []
        for event in events:
            if isinstance(event, HandshakeBytes):
                is_finished = event.data[-36:-32] == b"\x14\0\0\x20"
                more = behind[1] if behind[0] == 1 - at and is_finished else b""
                following += ends[1 - at].receive(event.level, event.data + more, 0.0)
        at, events = 1 - at, following
    return [one, other, *seen]


def of(events: list[HandshakeEvent], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def test_a_handshake() -> None:
    one, other, mine, theirs = both()
    assert [event.data for event in of(mine, PeerParameters)] == [b"server's"]
    assert [event.data for event in of(theirs, PeerParameters)] == [b"client's"]
    assert len(of(mine, HandshakeComplete)) == len(of(theirs, HandshakeComplete)) == 1
    assert {(event.level, event.secret) for event in of(mine, SecretReady)} == {
        (event.level, event.secret) for event in of(theirs, SecretReady)
    }
    assert {event.level for event in of(mine, HandshakeBytes)} == {0, 2}
    assert one.core.facts.alpn == other.core.facts.alpn == b"h3"
    assert not one.uses_compatibility_mode
    assert not other.uses_compatibility_mode


def test_early_data() -> None:
    one, _, _, _ = both(host={"early_data": 1})
    ticket: ClientTicket = one.take_tickets()[0]
    assert ticket.early_data == 0xFFFFFFFF
    one, other, mine, theirs = both({"ticket": ticket, "early": True}, host={"early_data": 1})
    assert other.core.facts.early
    assert one.core.facts.early
    assert {event.level for event in of(mine, SecretReady)} == {1, 2, 3}
    assert not any(event.data[0] == HandshakeType.END_OF_EARLY_DATA for event in of(mine, HandshakeBytes))
    assert of(theirs, HandshakeComplete)


@pytest.mark.parametrize(
    ("mine", "theirs", "host", "says", "by"),
    [
        ({"alpn": ()}, {}, {}, A.NO_APPLICATION_PROTOCOL, 1),
        ({"alpn": (b"h9",)}, {}, {}, A.NO_APPLICATION_PROTOCOL, 1),
        ({}, {}, {"alpn": ()}, A.NO_APPLICATION_PROTOCOL, 1),
        ({"quic": None}, {}, {}, A.MISSING_EXTENSION, 1),
        ({}, {"quic": None}, {}, A.UNSUPPORTED_EXTENSION, 1),
    ],
)
def test_what_quic_needs(mine: dict[str, Any], theirs: dict[str, Any], host: dict[str, Any], says: A, by: int) -> None:
    found = both(mine, theirs, host)
    assert [event.description for event in of(found[2 + by], Alert)] == [says]
    assert not found[0].is_connected


@pytest.mark.parametrize(
    ("extensions", "says"),
    [
        (b"\0\x10\0\5\0\3\2h3", A.MISSING_EXTENSION),
        (b"\0\x10\0\5\0\3\2h9" + b"\0\x39\0\0", A.NO_APPLICATION_PROTOCOL),
        (b"\0\x39\0\0", A.NO_APPLICATION_PROTOCOL),
    ],
)
def test_what_a_client_asks_of_a_server(extensions: bytes, says: A) -> None:
    """RFC 9001 §8.1, §8.2: its transport parameters, and a protocol that was offered."""
    one = ClientHandshake(client_config(alpn=(b"h3",), quic=b"client's"))
    other = ServerHandshake(server_config({"alpn": (b"h3",)}, quic=b"server's"))
    (hello,) = of(one.start(0.0), HandshakeBytes)
    flight = of(other.receive(0, hello.data, 0.0), HandshakeBytes)
    one.receive(0, flight[0].data, 0.0)
    events = one.receive(2, b"\x08\0\0" + bytes((2 + len(extensions), 0, len(extensions))) + extensions, 0.0)
    assert [event.description for event in of(events, Alert)] == [says]


def test_key_update_is_no_message_of_quics() -> None:
    one, other, _, _ = both()
    for end in (one, other):
        events = end.receive(3, b"\x18\0\0\1\0", 0.0)
        assert [event.description for event in of(events, Alert)] == [A.UNEXPECTED_MESSAGE]
        assert end.receive(3, b"\x18\0\0\1\0", 0.0) == []


@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize(("behind", "against_quic"), [(b"\x18\0\0\1\1", False), (b"\4\0\0\0", True)])
def test_what_is_behind_a_finished_under_its_keys(end: int, behind: bytes, against_quic: bool) -> None:
    """RFC 9001 §6 has 0x010a for KeyUpdate wherever it comes, §4.1.3 PROTOCOL_VIOLATION for other octets that are left over."""
    events = both(behind=(end, behind))[2 + end]
    assert [(event.description, event.against_quic) for event in of(events, Alert)] == [(A.UNEXPECTED_MESSAGE, against_quic)]


def test_octets_at_another_level() -> None:
    _, other, _, _ = both()
    assert [event.description for event in of(other.receive(2, b"\x14\0\0\0", 0.0), Alert)] == [A.UNEXPECTED_MESSAGE]


def test_a_ticket_with_an_early_data_size_that_quic_does_not_allow() -> None:
    one, _, _, _ = both()
    ticket = b"\0\0\1\0" + bytes(4) + b"\0" + b"\0\1t" + b"\0\x08\0\x2a\0\4\0\0\0\1"
    events = one.receive(3, b"\4\0\0" + bytes((len(ticket),)) + ticket, 0.0)
    assert [event.description for event in of(events, Alert)] == [A.ILLEGAL_PARAMETER]
