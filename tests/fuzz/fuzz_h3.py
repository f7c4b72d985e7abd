# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Fuzzes HTTP/3.  Run: python -m tests.fuzz.fuzz_h3 --executions N --seconds S --seed K

Inputs are scripts of one peer: records of a stream, whether it ends, and octets.  Oracles, for both roles: nothing but events comes out,
never an exception; the same octets of each stream cut otherwise give the same events of each stream and the same end of the connection;
events of a stream come in an order that can be (one head, then content, trailers, end; nothing behind Aborted, Ended or Refused); credit
is given back for all that was not delivered; a second connection error never follows.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Final

from sws.base.engine import (
    Aborted,
    BodyChunk,
    Datagram,
    Ended,
    Event,
    Informational,
    Refused,
    RequestStarted,
    ResponseStarted,
    Trailers,
    TunnelOpened,
)
from sws.proto.h3 import Http3Limits
from sws.proto.h3.frames import encode_frame, grease
from sws.proto.h3.settings import encode_settings
from sws.proto.qpack import Encoder
from sws.proto.quic.api import DatagramReceived, StopSending, StreamReset
from tests.fuzz.kit import Target, main
from tests.kit.fake_quic import FakeQuic
from tests.kit.h3_peer import GET, make_client, make_server

__all__ = ["TARGETS"]

_LIMITS: Final = Http3Limits(head=4096, fields=20, frame=4096, body=1000, blocked=2, datagrams=True, connect_protocol=True)
_STREAMS: Final = {True: (0, 4, 8, 2, 6, 10, 14), False: (0, 4, 8, 3, 7, 11, 15)}
_RESET, _STOP, _DATAGRAM = 7, 8, 9


def _records(data: bytes) -> Iterator[tuple[int, bool, bytes]]:
    """What to do (0..6: octets on a stream; else a reset, STOP_SENDING, a datagram), the end, octets."""
    offset = 0
    while offset + 2 <= len(data):
        kind = data[offset] % 10
        length = data[offset + 1] & 0x7F
        yield kind, data[offset + 1] >= 0x80, data[offset + 2 : offset + 2 + length]
        offset += 2 + length


def _play(data: bytes, chance: random.Random | None, is_server: bool) -> tuple[dict[int, list[Any]], int | None]:
    """A peer's script against an engine; what was said of each stream, and the code that the connection ended with."""
    transport = FakeQuic(not is_server)
    engine: Any = make_server(transport, _LIMITS) if is_server else make_client(transport, _LIMITS)
    if not is_server:
        for ended in (True, True, False):
            engine.send_request(b"GET" if ended else b"POST", b"/", [(b"host", b"a.example")], 0.0, ended)
    streams = _STREAMS[is_server]
    said: dict[int, list[Any]] = {}
    over: set[int] = set()
    for kind, fin, octets in _records(data):
        stream = streams[kind % 7]
        if kind == _DATAGRAM:
            transport.events.append(DatagramReceived(octets))
        elif kind in (_RESET, _STOP):
            stream = streams[len(octets) % 3]
            if stream in over:
                continue
            over.add(stream)
            transport.events.append(StreamReset(stream, 0x10C) if kind == _RESET else StopSending(stream, 0x10C))
            if kind == _STOP:
                transport.was_reset.setdefault(stream, 0x10C)
        elif stream not in over and stream not in transport.stopped:
            pieces = [octets]
            if chance is not None and len(octets) > 1:
                cut = chance.randrange(1, len(octets))
                pieces = [octets[:cut], octets[cut:]]
            for piece in pieces[:-1]:
                transport.inject(stream, piece)
                _note(said, engine.receive(b"", 0.0), engine)
            if stream not in transport.stopped:
                transport.inject(stream, pieces[-1], fin)
            if fin:
                over.add(stream)
        _note(said, engine.receive(b"", 0.0), engine)
        if is_server and not engine.wants_close:
            _answer(engine, said)
    if not engine.wants_close:
        _check_credit(transport, engine)
    return said, transport.closed_with[0] if transport.closed_with else None


def _answer(engine: Any, said: dict[int, list[Any]]) -> None:
    """Requests that are whole, and those that were refused, get their response."""
    for stream, events in said.items():
        if events and events[-1] in ("ended", "refused") and stream in engine._streams:
            engine.send_response(stream, 404, ((b"server", b"sws"),), b"none")


def _check_credit(transport: FakeQuic, engine: Any) -> None:
    for number, left in transport.unconsumed.items():
        stream = engine._streams.get(number)
        if number & 2 or stream is None:
            assert left == 0, f"stream {number}: {left} octets were never given back"
        else:
            assert left <= stream.unconsumed + stream.withheld, f"stream {number}: {left} octets are missing"


def _note(said: dict[int, list[Any]], events: list[Event], engine: Any) -> None:
    for event in events:
        mine = said.setdefault(event.stream, [])
        if not isinstance(event, Datagram):
            assert not mine or mine[-1] not in ("aborted",), f"{event} behind the end"
        if isinstance(event, RequestStarted | ResponseStarted):
            assert not any(isinstance(one, tuple) and one[0] == "head" for one in mine), "two heads"
            mine.append(("head", tuple(event.request.fields if isinstance(event, RequestStarted) else event.fields)))
            if event.ended:
                mine.append("ended")
        elif isinstance(event, BodyChunk):
            assert event.data
            assert "ended" not in mine
            engine.consumed(event.stream, len(event.data))
            if mine and isinstance(mine[-1], bytes):
                mine[-1] += event.data
            else:
                mine.append(event.data)
        elif isinstance(event, Trailers):
            mine.append(("trailers", tuple(event.fields)))
        elif isinstance(event, Ended):
            assert "ended" not in mine
            mine.append("ended")
        elif isinstance(event, Refused):
            mine.append("refused")
        elif isinstance(event, Aborted):
            mine.append("aborted")
        elif isinstance(event, Informational):
            mine.append(("informational", event.status))
        else:
            assert isinstance(event, Datagram | TunnelOpened)


#: An instruction that lets a faulty section be read, and a faulty one behind it: which is found first depends on where they are cut.
_QPACK: Final = {0x200, 0x201}


def _check(data: bytes, chance: random.Random, is_server: bool) -> str:
    whole, code = _play(data, None, is_server)
    cut, other = _play(data, chance, is_server)
    if {code, other} != _QPACK:
        assert code == other, f"cut otherwise it ends with {other} instead of {code}"
    if code is None:
        assert whole == cut, f"cut otherwise: {cut} instead of {whole}"
        kinds = {
            one if isinstance(one, str) else "data" if isinstance(one, bytes) else one[0] for events in whole.values() for one in events
        }
        return "no event" if not kinds else "ended" if "ended" in kinds else "refused" if "refused" in kinds else "begun"
    return f"closed {code:#x}"


def _generate(chance: random.Random, is_server: bool) -> bytes:
    encoder = Encoder(256)
    if chance.random() < 0.5:
        encoder.set_limits(4096, 2)
    script = b""

    def add(kind: int, octets: bytes, fin: bool = False) -> None:
        nonlocal script
        for at in range(0, max(len(octets), 1), 127):
            part = octets[at : at + 127]
            last = at + 127 >= len(octets)
            script += bytes((kind, len(part) | (0x80 if fin and last else 0))) + part

    if chance.random() < 0.9:
        add(3, b"\0" + encode_frame(4, encode_settings([(1, 4096), (7, 2), (8, 1), (0x33, 1)])))
    opened = False
    for number in range(chance.randint(1, 3)):
        head = GET if is_server else [(b":status", chance.choice((b"200", b"204", b"404", b"103")))]
        fields = [*head, *[(b"x-" + chance.choice((b"a", b"b")), chance.randbytes(2).hex().encode()) for _ in range(chance.randint(0, 3))]]
        section = encoder.encode(4 * number, fields)
        stream = encoder.data_to_send()
        if stream:
            add(4, stream if opened else b"\x02" + stream)
            opened = True
        message = encode_frame(1, section)
        for _ in range(chance.randint(0, 3)):
            message += encode_frame(chance.choice((0, 0, 0, grease(1), 1)), chance.randbytes(chance.choice((0, 1, 20))))
        if chance.random() < 0.3:
            message += encode_frame(1, Encoder().encode(0, [(b"x-sum", b"1")]))
        add(number, message, chance.random() < 0.8)
    return script


_CORPUS: Final = (
    b"\x03\x03\x00\x04\x00" + b"\x00\x86\x01\x04\x00\x00\xd1\xc1",
    b"\x03\x05\x00\x04\x02\x06\x40" + b"\x07\x00" + b"\x08\x01a",
    b"\x04\x01\x02" + b"\x05\x02\x03\x04" + b"\x09\x02\x00x",
)
_DICTIONARY: Final = (
    b"\x00\x82\x00\x00",
    b"\x01\x03\x00\x00\xd9",
    b"\x07\x01\x00",
    b"\x0d\x01\x05",
    b"\x80\x0f\x07\x00\x04\x00u=1",
    b"\x00\x00",
    b"\x21\x00",
)

TARGETS: Final = (
    Target("h3 server", lambda data, chance: _check(data, chance, True), _CORPUS, _DICTIONARY, lambda chance: _generate(chance, True)),
    Target("h3 client", lambda data, chance: _check(data, chance, False), _CORPUS, _DICTIONARY, lambda chance: _generate(chance, False)),
)

if __name__ == "__main__":
    main(TARGETS)
