# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The encoder: what it indexes, what it never does, table sizes, and that PyPI `hpack` reads what it writes."""

from __future__ import annotations

import pathlib

import hpack
import pytest

from sws.proto.hpack import Decoder, Encoder
from sws.proto.hpack import encoder as encoder_module
from sws.proto.hpack.encoder import encode_literal
from tests.kit.vectors import extra_json, extra_vectors


def first_octets(encoder: Encoder, *fields: tuple[bytes, bytes]) -> list[int]:
    """The first octet of each field's representation."""
    return [encoder.encode([field])[0] for field in fields]


def test_stories_are_read_back_and_no_larger_than_by_others() -> None:
    ours = theirs = 0
    for path in sorted(pathlib.Path(extra_vectors("http2", "hpack", "nghttp2")).glob("*.json")):
        encoder, decoder, other = Encoder(), hpack.Decoder(), hpack.Encoder()
        for case in extra_json("http2", "hpack", "nghttp2", path.name)["cases"]:
            fields = [(name.encode(), value.encode()) for entry in case["headers"] for name, value in entry.items()]
            wire = encoder.encode(fields)
            assert [tuple(field) for field in decoder.decode(wire, raw=True)] == fields
            ours += len(wire)
            theirs += len(other.encode(fields))
    assert 0 < ours <= theirs


def test_static_fields_are_indexed() -> None:
    assert Encoder().encode([(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":status", b"500")]) == b"\x82\x86\x84\x8e"


def test_what_repeats_is_an_index() -> None:
    encoder = Encoder()
    assert encoder.encode([(b"x-a", b"1")])[0] == 0x40
    assert encoder.encode([(b"x-a", b"1")]) == b"\xbe"
    assert encoder.encode([(b"x-a", b"2")])[0] == 0x7E
    assert encoder.encode([(b"x-a", b"1"), (b"x-a", b"2")]) == b"\xbf\xbe"
    assert encoder.entries == ((b"x-a", b"2"), (b"x-a", b"1"))


def test_what_seldom_repeats_is_indexed_at_the_second_sight() -> None:
    encoder = Encoder()
    assert first_octets(encoder, *[(b"etag", b"x")] * 3) == [0x0F, 0x40 | 34, 0xBE]
    assert encoder.size == 32 + 5


def test_the_memory_of_what_was_seen_is_bounded() -> None:
    encoder = Encoder()
    encoder.encode([(b"etag", b"first")])
    encoder.encode([(b"etag", b"%d" % number) for number in range(200)])
    assert encoder.size == 0
    assert encoder.encode([(b"etag", b"first")])[0] == 0x0F


@pytest.mark.parametrize("name", [b"authorization", b"proxy-authorization"])
def test_secrets_are_never_indexed(name: bytes) -> None:
    encoder, decoder = Encoder(), Decoder()
    for _ in range(3):
        decoder.decode(encoder.encode([(name, b"Basic eDp5")]))
        assert decoder.never_indexed == [(name, b"Basic eDp5")]
    assert encoder.size == 0


def test_short_cookies_are_secrets_that_could_be_guessed() -> None:
    encoder, decoder = Encoder(), Decoder()
    decoder.decode(encoder.encode([(b"cookie", b"a=1"), (b"cookie", b"session=0123456789abcdef0123")]))
    assert decoder.never_indexed == [(b"cookie", b"a=1")]
    assert encoder.entries == ((b"cookie", b"session=0123456789abcdef0123"),)


def test_what_came_never_indexed_stays_so() -> None:
    encoder, decoder = Encoder(), Decoder()
    secret = (b"x-key", b"k")
    encoder.encode([secret])
    wire = encoder.encode([secret, (b":method", b"GET")], [secret, (b":method", b"GET")])
    assert wire == b"\x1f\x2f\x01k" + b"\x12\x03GET"  # name 62, and a name of the static table
    other = (b"x-new", b"k")
    assert decoder.decode(Encoder().encode([other, (b":method", b"GET")], [other])) == [other, (b":method", b"GET")]
    assert decoder.never_indexed == [other]


def test_table_sizes_are_announced() -> None:
    encoder = Encoder()
    encoder.encode([(b"x-a", b"1"), (b"x-b", b"2")])
    generation = encoder.generation
    encoder.set_limit(40)
    assert encoder.generation > generation
    assert encoder.entries == ((b"x-b", b"2"),)
    assert encoder.encode([]) == bytes.fromhex("3f09")
    encoder.set_limit(0)
    encoder.set_limit(10000)  # our own bound is 4096
    assert encoder.encode([]) == bytes.fromhex("203fe11f")
    assert encoder.entries == ()
    encoder.set_limit(4096)
    assert encoder.encode([]) == b""


def test_an_encoder_may_use_less_than_it_is_allowed() -> None:
    encoder = Encoder(0)
    first = encoder.encode([(b"x-a", b"1")])
    assert first == b"\x20" + encoder.encode([(b"x-a", b"1")])  # RFC 7541 §4.2: it says so
    assert encoder.entries == ()


def test_a_field_larger_than_the_table() -> None:
    encoder, decoder = Encoder(), Decoder()
    fields = [(b"x-a", b"1"), (b"x-b", bytes(5000)), (b"x-a", b"1")]
    assert decoder.decode(encoder.encode(fields)) == fields
    assert encoder.entries == ((b"x-a", b"1"),) == decoder.entries


def test_a_long_life() -> None:
    encoder, decoder = Encoder(), Decoder()
    for number in range(1000):
        fields = [(b"x-%d" % (number % 7), b"%d" % (number % 150)), (b"y", b"%d" % number)]
        assert decoder.decode(encoder.encode(fields)) == fields
    assert encoder.entries == decoder.entries


def test_many_entries_have_long_indices() -> None:
    encoder, decoder = Encoder(1 << 16), Decoder(1 << 16)
    encoder.set_limit(1 << 16)
    fields = [(b"a%d" % number, b"") for number in range(400)]
    assert decoder.decode(encoder.encode(fields)) == fields
    assert decoder.decode(encoder.encode(fields)) == fields
    again = [(name, b"new") for name, _ in fields[:80]]
    assert decoder.decode(encoder.encode(again)) == again


def test_generation_stands_still_while_the_table_does() -> None:
    encoder = Encoder()
    encoder.encode([(b"x-a", b"1")])
    generation = encoder.generation
    encoder.encode([(b"x-a", b"1"), (b":status", b"200"), (b"authorization", b"s")])
    assert encoder.generation == generation
    encoder.encode([(b"x-a", b"2")])
    assert encoder.generation != generation


@pytest.mark.parametrize(
    "field",
    [(b":status", b"200"), (b"etag", b'"x"'), (b"x-new", b""), (b"authorization", b"s"), (b"x-long", b"\x00" * 300), (b"w", b"w" * 300)],
)
def test_literals_are_good_on_any_connection(field: tuple[bytes, bytes]) -> None:
    decoder = Decoder()
    assert decoder.decode(encode_literal(field)) == [field]
    assert decoder.entries == ()
    assert (decoder.never_indexed == [field]) is (field[0] == b"authorization")


def test_the_shared_memory_of_names_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_module, "_names", {})
    encoder, decoder = Encoder(), Decoder()
    fields = [(b"n%d" % number, b"v%d" % number) for number in range(1000)]
    assert decoder.decode(encoder.encode(fields)) == fields
    assert len(encoder_module._names) == encoder_module._NAMES_MAXIMUM


def test_names_of_evicted_entries_are_not_kept_for_ever() -> None:
    encoder, decoder = Encoder(200), Decoder()
    for number in range(500):
        fields = [(b"x-%d" % number, b""), (b"x-often", b"%d" % number)]
        assert decoder.decode(encoder.encode(fields)) == fields
    assert encoder.entries == decoder.entries
    assert len(encoder._names) < 100
    gone = (b"x-1", b"secret")
    assert decoder.decode(encoder.encode([gone], [gone])) == [gone]


def test_short_strings_leave_as_they_are() -> None:
    encoder = Encoder()
    assert encoder.encode([(b"x", b"")]) == b"\x40\x01x\x00"
    assert encoder.encode([(b"server", b"aaaaa")]) == b"\x76\x05aaaaa"
    assert encoder.encode([(b"server", b"aaaaaa")]) == bytes.fromhex("7684 18c6318f")
