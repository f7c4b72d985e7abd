# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Fuzzes HPACK and the HTTP/2 engines.  Run: python -m tests.fuzz.fuzz_h2 --executions N --seconds S --seed K

Oracles.  HPACK: only declared errors; another implementation agrees on the fields and on whether a block can be read, and its
encoder's blocks, as ours, are read the same.  Engines: nothing is raised; the same events however the octets are cut; what is sent is
whole frames; a stream that began ends once; a failed connection says GOAWAY, closes, and hears nothing any more.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Final

import hpack

from sws.base.engine import Aborted, BodyChunk, Ended, Event, Refused, RequestStarted, ResponseStarted
from sws.base.errors import DecodeError, LimitExceeded
from sws.proto.h2 import ClientConnection, Http2Limits, IdlePolicy, ServerConnection
from sws.proto.hpack import Decoder, Encoder
from tests.fuzz.kit import Target, main
from tests.kit.h2_peer import DATE, GET, GOAWAY, POST, PREFACE, SETTINGS_ACK, block, frame, headers, joined, parse, settings

__all__ = ["TARGETS"]

_LIMITS: Final = Http2Limits(streams=4, body=50, drain=100, window=1000, connection_window=65536)


# --- HPACK --------------------------------------------------------------------------------------------------------------


def _theirs(decoder: hpack.Decoder, data: bytes) -> list[tuple[bytes, bytes]] | None:
    try:
        return [(bytes(name), bytes(value)) for name, value in decoder.decode(data, raw=True)]
    except (hpack.HPACKError, IndexError, ValueError):
        return None


def _check_hpack(data: bytes, chance: random.Random) -> str:
    ours, theirs = Decoder(4096, 1 << 20), hpack.Decoder(1 << 20)
    word = "empty"
    for part in (data[: len(data) // 2], data[len(data) // 2 :]) if chance.random() < 0.5 else (data,):
        expected = _theirs(theirs, part)
        try:
            found = ours.decode(part)
        except DecodeError:
            # Theirs lets a size update stand behind fields, which RFC 7541 §4.2 forbids, and reads integers of any length.
            return "refused" if expected is None else "refused, theirs not"
        except LimitExceeded:
            return "too large"
        if expected is None:
            raise AssertionError("taken, and the other implementation refuses it")
        if found != expected:
            raise AssertionError(f"{found} is not {expected}")
        again = Encoder().encode(found)
        if _theirs(hpack.Decoder(1 << 24), again) != found or Decoder(4096, 1 << 24).decode(again) != found:
            raise AssertionError("not the same after encoding")
        word = "taken" if found else word
    return word


def _hpack_block(chance: random.Random) -> bytes:
    encoder = hpack.Encoder()
    names = (b":method", b":path", b"x-a", b"cookie", b"content-length", b"")
    fields = [(chance.choice(names), chance.randbytes(chance.choice((0, 1, 30)))) for _ in range(chance.randrange(8))]
    return encoder.encode(fields, huffman=chance.random() < 0.5) + chance.choice(
        (b"", b"\xbe", b"\x3f\xe1\x1f", b"\x20", b"\x80", b"\x7f\xff")
    )


# --- engines ------------------------------------------------------------------------------------------------------------


def _merged(events: Iterable[Event]) -> list[object]:
    return [event if not isinstance(event, Aborted) else ("aborted", event.stream) for event in events]


class _Run:
    """One engine, one cut of the octets; the same answers in both."""

    def __init__(self, engine: ServerConnection | ClientConnection, seed: int) -> None:
        self.engine = engine
        self.chance = random.Random(seed)
        self.events: list[Event] = []
        self.out = joined(engine.data_to_send(0.0))

    def feed(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            self.take(self.engine.receive(piece, 0.0))

    def take(self, events: list[Event]) -> None:
        self.events += events
        for event in events:
            if isinstance(event, BodyChunk):
                self.engine.consumed(event.stream, len(event.data))


def _finish(run: _Run) -> None:
    """What must hold at the end, whatever came."""
    run.out += joined(run.engine.data_to_send(0.0))
    found = parse(run.out.removeprefix(PREFACE))
    if (run.engine.error is not None) and run.engine.wants_close and run.engine.error.reason[:8] != "the peer" and found[-1].type != GOAWAY:
        raise AssertionError("an error without GOAWAY")
    if run.engine.wants_close and run.engine.receive(headers(9), 0.0):
        raise AssertionError("it still listens")
    rest = run.engine.receive_eof(0.0)
    begun = {event.stream for event in run.events if isinstance(event, (RequestStarted, Refused))}
    aborted = [event.stream for event in [*run.events, *rest] if isinstance(event, Aborted)]
    if len(aborted) != len(set(aborted)):
        raise AssertionError("aborted twice")
    ended = [event.stream for event in run.events if isinstance(event, Ended)]
    if len(ended) != len(set(ended)):
        raise AssertionError("ended twice")
    if isinstance(run.engine, ServerConnection) and not set(aborted) | set(ended) <= begun:
        raise AssertionError("the end of what never began")


def _cuts(data: bytes, chance: random.Random) -> list[bytes]:
    places = sorted(chance.randrange(len(data) + 1) for _ in range(chance.randrange(1, 9)))
    return [data[start:stop] for start, stop in zip([0, *places], [*places, len(data)], strict=True)]


def _compare(one: _Run, other: _Run, data: bytes, chance: random.Random) -> str:
    one.feed([data])
    other.feed(_cuts(data, chance))
    if _merged(one.events) != _merged(other.events):
        raise AssertionError(f"{one.events} is not {other.events}")
    if (one.engine.error is None) is not (other.engine.error is None):
        raise AssertionError("an error depends on the cut")
    error = one.engine.error
    heads = sum(isinstance(event, (RequestStarted, ResponseStarted)) for event in one.events)
    _finish(one)
    _finish(other)
    return f"error {error.code if error.code < 14 else 'unknown'}" if error is not None else "heads" if heads else "nothing"


def _check_server(data: bytes, chance: random.Random) -> str:
    def run() -> _Run:
        made = _Run(ServerConnection(0.0, limits=_LIMITS, idle=IdlePolicy(), date=lambda: DATE), 0)
        made.feed([PREFACE + settings() + SETTINGS_ACK])
        return made

    return _compare(run(), run(), data, chance)


def _check_client(data: bytes, chance: random.Random) -> str:
    def run() -> _Run:
        engine = ClientConnection(0.0, limits=_LIMITS)
        for method, ended in ((b"GET", True), (b"HEAD", True), (b"POST", False)):
            engine.send_request(method, b"/", ((b"host", b"a"),), 0.0, ended)
        made = _Run(engine, 0)
        made.feed([settings() + SETTINGS_ACK])
        return made

    return _compare(run(), run(), data, chance)


_STATUS: Final = ((b":status", b"200"),)


def _frames(chance: random.Random) -> bytes:
    out = []
    for _ in range(chance.randrange(1, 8)):
        stream = chance.choice((0, 1, 1, 3, 3, 5, 7, 2))
        kind = chance.choice((0, 0, 1, 1, 1, 2, 3, 4, 6, 7, 8, 9, 16, 5, 250))
        flags = chance.choice((0, 1, 4, 5, 8, 0x24, 0x2D))
        payload = {
            1: chance.choice((block(GET), block(POST), block(_STATUS), block([(b"x", b"y")]), b"\x82\x87\x84\x41\x01a", b"")),
            3: bytes(4),
            4: bytes(chance.choice((0, 6))),
            8: chance.choice((bytes(4), b"\0\0\0\1", b"\x7f\xff\xff\xff")),
            6: bytes(8),
            7: bytes(8),
            2: chance.choice((bytes(5), b"\0\0\0\1\x09")),
            16: b"\0\0\0" + bytes((stream,)) + b"u=1",
        }.get(kind, chance.randbytes(chance.choice((0, 1, 9, 60))))
        if kind == 1 and flags & 8:
            payload = b"\x02" + (bytes(5) if flags & 0x20 else b"") + payload + bytes(2)
        elif kind == 1 and flags & 0x20:
            payload = bytes(4) + b"\x0f" + payload
        out.append(frame(kind, flags, 0 if kind in (4, 6, 7, 16) else stream, payload))
    return b"".join(out)


_DICTIONARY: Final = [
    headers(1),
    headers(3, POST, 0),
    frame(0, 1, 1, b"x"),
    frame(9, 4, 1),
    frame(3, 0, 1, bytes(4)),
    SETTINGS_ACK,
    b"\0\0\0",
]

TARGETS: Final = (
    Target(
        "hpack",
        _check_hpack,
        [block(GET), bytes.fromhex("828684418cf1e3c2e5f23a6ba0ab90f4ff")],
        [b"\xbe", b"\x20", b"\x3f\xe1\x1f", b"\x7f", b"\x40"],
        _hpack_block,
    ),
    Target("h2-server", _check_server, [headers(1), headers(1, POST, 0) + frame(0, 1, 1, b"hello")], _DICTIONARY, _frames),
    Target("h2-client", _check_client, [headers(1, _STATUS, 0) + frame(0, 1, 1, b"hello")], _DICTIONARY, _frames),
)

if __name__ == "__main__":
    main(TARGETS)
