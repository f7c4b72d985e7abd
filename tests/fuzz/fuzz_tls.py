# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Fuzz targets of TLS: messages, and both roles whole.

    tls-messages   every decoder: TlsAlert or DecodeError, nothing else; what decodes encodes to what decodes alike
    tls-server     a ClientHello, and what follows it, in plain records and in any segments: the engine answers or alerts, and never raises
    tls-client     the same for a server's records
    tls-records    records under the right keys with mutated content, against both roles after the handshake

`python -m tests.fuzz.fuzz_tls --target tls-messages --executions 1000000`
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from sws.base.errors import DecodeError, TlsAlert
from sws.proto.tls import TlsConnection
from sws.proto.tls import extensions as ext
from sws.proto.tls.constants import AlertDescription
from sws.proto.tls.hello import decode_client_hello, decode_server_hello
from sws.proto.tls.messages import (
    decode_certificate,
    decode_certificate_request,
    decode_certificate_verify,
    decode_compressed_certificate,
    decode_encrypted_extensions,
    decode_key_update,
    decode_new_session_ticket,
    encode_new_session_ticket,
)
from sws.proto.tls.offer import read_offer
from tests.fuzz.kit import Target, main
from tests.kit.tls_pair import client, client_config, server
from tests.kit.tls_peer import DATA, HANDSHAKE, RawClient, RawServer, message, vector
from tests.proto.tls.test_client_states import connected

_DECODERS: Final[dict[int, Callable[[bytes], object]]] = {
    1: lambda text: read_offer(decode_client_hello(text)),
    2: decode_server_hello,
    4: decode_new_session_ticket,
    8: decode_encrypted_extensions,
    11: lambda text: [entry.ocsp for entry in decode_certificate(text).entries],
    13: decode_certificate_request,
    15: decode_certificate_verify,
    24: decode_key_update,
    25: decode_compressed_certificate,
}


def _check_message(data: bytes, _chance: random.Random) -> str:
    if len(data) < 4 or data[0] not in _DECODERS:
        return "no message"
    try:
        _DECODERS[data[0]](data)
        if data[0] == 1:
            hello = decode_client_hello(data)
            assert hello.encode()[4:] == data[4:]
        elif data[0] == 4:
            ticket = decode_new_session_ticket(data)
            assert decode_new_session_ticket(encode_new_session_ticket(ticket)) == ticket
    except TlsAlert as alert:
        AlertDescription(alert.description)
        return "alert"
    except DecodeError:
        return "malformed"
    return "decoded"


def _feed(engine: TlsConnection, data: bytes, chance: random.Random) -> str:
    """Octets in any segments; the end must be one of the three."""
    at = 0
    while at < len(data):
        size = chance.choice((1, 5, 100, len(data)))
        engine.receive(data[at : at + size], 0.0)
        at += size
    out = b"".join(engine.data_to_send(1 << 16))
    if engine.alert_sent is not None:
        AlertDescription(engine.alert_sent.description)
        assert out
        return f"alert {engine.alert_sent.description}"
    return "ended" if engine.failed or engine.peer_closed else "goes on"


def _check_server(data: bytes, chance: random.Random) -> str:
    return _feed(server(), data, chance)


def _check_client(data: bytes, chance: random.Random) -> str:
    return _feed(client(client_config(groups=(0x1D, 0x17))), data, chance)


class _Established:
    """A raw peer of each role, made once and used until something has gone wrong on it."""

    def __init__(self) -> None:
        self._peers: dict[bool, RawClient | RawServer] = {}

    def check(self, data: bytes, chance: random.Random) -> str:
        """One record under the right keys."""
        as_client = chance.random() < 0.5
        peer = self._peers.pop(as_client, None) or (RawClient(server()).connect() if as_client else connected())
        kind = chance.choice((DATA, HANDSHAKE, HANDSHAKE, 21, 20, chance.randrange(256)))
        peer.send(kind, data[:16000], padding=chance.choice((0, 0, 3)))
        peer.engine.data_to_send(1 << 16)
        if peer.engine.failed:
            return f"alert {peer.engine.alert_sent.description}" if peer.engine.alert_sent else "alert received"
        if peer.engine.peer_closed:
            return "closed"
        if kind != HANDSHAKE:  # what was begun in a handshake record would be in the way of the next
            self._peers[as_client] = peer
        return "goes on"


def _hello(chance: random.Random) -> bytes:
    peer = RawClient(server())
    items = list(peer.extensions().items())
    kind = chance.choice((5, 16, 21, 27, 28, 42, 44, 45, 47, 49, 50, chance.randrange(65536)))
    items.append((kind, chance.randbytes(chance.choice((0, 2, 5, 40)))))
    chance.shuffle(items)
    if chance.random() < 0.3:
        items.append((41, vector(2, vector(2, chance.randbytes(40)) + bytes(4)) + vector(2, vector(1, bytes(32)))))
    if chance.random() < 0.3:
        items = [(kind, b"\0\0" if kind == 51 else body) for kind, body in items]
    return peer.hello(items, session_id=chance.choice((b"", bytes(32))))


def _messages(chance: random.Random) -> bytes:
    kind = chance.choice(tuple(_DECODERS))
    if kind == 1:
        return _hello(chance)
    extensions = vector(
        2, ext.encode_extensions([(chance.choice((5, 13, 16, 42, 43, 51)), chance.randbytes(chance.choice((0, 2, 4))))])[2:]
    )
    bodies = {
        2: b"\3\3" + bytes(32) + b"\0\x13\1\0" + extensions,
        4: bytes(8) + b"\1\0" + vector(2, chance.randbytes(20)) + extensions,
        8: extensions,
        11: b"\0" + vector(3, vector(3, chance.randbytes(30)) + extensions),
        13: b"\0" + extensions,
        15: b"\4\3" + vector(2, chance.randbytes(70)),
        24: chance.choice((b"\0", b"\1", b"\2")),
        25: b"\0\1\0\0\x08" + vector(3, chance.randbytes(12)),
    }
    return message(kind, bodies[kind])


def _server_records(chance: random.Random) -> bytes:
    hello = _hello(chance)
    parts = [hello[:100], hello[100:]] if chance.random() < 0.3 else [hello]
    records = b"".join(b"\x16\3\1" + vector(2, part) for part in parts)
    return records + chance.choice((b"", b"\x14\3\3\0\1\1", b"\x17\3\3\0\x20" + chance.randbytes(32), b"\x15\3\3\0\2\2\x28"))


def _client_records(chance: random.Random) -> bytes:
    peer = RawServer(client(client_config(groups=(0x1D, 0x17))))
    session = b"" if chance.random() < 0.1 else peer.session_id
    text = peer.server_hello(session_id=session, random=chance.choice((b"S" * 32, bytes(24) + b"DOWNGRD\1")))
    if chance.random() < 0.3:
        text = peer.retry_request((43, b"\3\4"), (51, b"\0\x17"), (44, b"\0\1c"), session_id=session)
    return b"\x16\3\3" + vector(2, text) + chance.choice((b"", b"\x14\3\3\0\1\1", b"\x17\3\3\0\x20" + chance.randbytes(32)))


_CHANCE: Final = random.Random(8448)
_SAMPLES: Final = [_messages(_CHANCE) for _ in range(40)]
_DICTIONARY: Final = [
    b"\0\x2b\0\3\2\3\4",
    b"\0\x33",
    b"\0\x29",
    b"\0\x2a\0\0",
    b"\x16\3\3",
    b"\x17\3\3",
    b"\x14\3\3\0\1\1",
    b"\xff\xff",
    b"\0\0",
]

TARGETS: Final = (
    Target("tls-messages", _check_message, _SAMPLES, _DICTIONARY, _messages),
    Target("tls-server", _check_server, [_server_records(_CHANCE) for _ in range(8)], _DICTIONARY, _server_records),
    Target("tls-client", _check_client, [_client_records(_CHANCE) for _ in range(8)], _DICTIONARY, _client_records),
    Target("tls-records", _Established().check, _SAMPLES, _DICTIONARY, _messages),
)

if __name__ == "__main__":
    main(TARGETS)
