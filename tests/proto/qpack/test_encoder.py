# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The encoder: what it puts into the table and when it may be used, what may be dropped, acknowledgements, bounds; lsqpack reads it all."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import QpackDecoderStreamError, UsageError
from sws.proto.qpack import Decoder, Encoder, literals
from sws.proto.qpack.integers import encode_integer
from sws.proto.qpack.literals import encode_literal

Fields = list[tuple[bytes, bytes]]


def ready(capacity: int = 4096, blocked: int = 100) -> tuple[Encoder, Decoder]:
    """Both ends after SETTINGS."""
    encoder = Encoder()
    encoder.set_limits(capacity, blocked)
    return encoder, Decoder(capacity, blocked)


def exchange(encoder: Encoder, decoder: Decoder, stream: int, fields: Fields, acknowledge: bool = True) -> bytes:
    """Encode, decode and compare; the section."""
    section = encoder.encode(stream, fields)
    decoder.receive(encoder.data_to_send())
    assert decoder.decode(stream, section) == fields
    if acknowledge:
        encoder.receive(decoder.data_to_send())
    return section


def test_static_fields_are_indexed() -> None:
    encoder = Encoder()
    assert encoder.encode(0, [(b":method", b"GET"), (b":path", b"/"), (b"x-frame-options", b"sameorigin")]) == b"\0\0\xd1\xc1\xff\x23"
    assert encoder.data_to_send() == b""


def test_no_table_before_settings_or_with_settings_of_zero() -> None:
    for encoder in (Encoder(), ready(0, 0)[0], Encoder(0)):
        assert encoder.encode(0, [(b"x-a", b"1")]) == encoder.encode(4, [(b"x-a", b"1")]) == b"\0\0\x23x-a\x011"
        assert encoder.data_to_send() == b""
    own = Encoder(100)
    own.set_limits(4096, 0)
    assert own.data_to_send() == bytes.fromhex("3f45")
    tiny = Encoder()
    tiny.set_limits(31, 5)
    assert tiny.encode(0, [(b"x-a", b"1")]) == b"\0\0\x23x-a\x011"


def test_settings_are_said_once() -> None:
    encoder = Encoder()
    encoder.set_limits(4096, 0)
    encoder.set_limits(4096, 10)  # remembered from an earlier connection, and then said
    assert encoder.data_to_send() == bytes.fromhex("3fe11f")
    with pytest.raises(UsageError):
        encoder.set_limits(8192, 10)


def test_what_is_inserted_is_used_at_once_if_the_stream_may_be_blocked() -> None:
    encoder, decoder = ready()
    encoder.data_to_send()
    assert encoder.encode(0, [(b"x-a", b"1")]) == b"\x02\x80\x10"  # Base 0, post-base 0
    assert encoder.at_risk == 1
    assert encoder.data_to_send() == b"\x43x-a\x011"
    assert encoder.encode(4, [(b"x-a", b"1"), (b"x-a", b"2")]) == b"\x03\x80\x80\x10"
    assert encoder.data_to_send() == b"\x80\x012"  # by the name of the newest
    encoder.receive(b"\x80")
    assert (encoder.known, encoder.at_risk) == (1, 1)
    encoder.receive(b"\x84")
    assert (encoder.known, encoder.at_risk) == (2, 0)
    assert encoder.encode(8, [(b"x-a", b"1"), (b"x-a", b"2")]) == b"\x03\x00\x81\x80"
    assert encoder.entries == ((b"x-a", b"2"), (b"x-a", b"1"))
    assert decoder.inserted == 0


def test_without_leave_to_block_entries_serve_once_they_are_acknowledged() -> None:
    encoder, decoder = ready(blocked=0)
    assert exchange(encoder, decoder, 0, [(b"x-a", b"1")], acknowledge=False) == b"\0\0\x23x-a\x011"
    assert exchange(encoder, decoder, 4, [(b"x-a", b"1")], acknowledge=False) == b"\0\0\x23x-a\x011"
    assert encoder.inserted == 1
    answer = decoder.data_to_send()
    assert answer == b"\x01"
    encoder.receive(answer)
    assert exchange(encoder, decoder, 8, [(b"x-a", b"1")]) == b"\x02\x00\x80"
    assert encoder.at_risk == 0


def test_no_more_streams_at_risk_than_allowed() -> None:
    encoder, decoder = ready(blocked=2)
    assert exchange(encoder, decoder, 0, [(b"a", b"1")], False)[0]
    assert exchange(encoder, decoder, 4, [(b"b", b"1")], False)[0]
    assert exchange(encoder, decoder, 8, [(b"a", b"1"), (b"c", b"1")], False)[0] == 0
    assert exchange(encoder, decoder, 4, [(b"a", b"1"), (b"c", b"1")], False)[0]  # is at risk already
    assert encoder.at_risk == 2
    encoder.receive(b"\x44")  # stream 4 was cancelled
    assert encoder.at_risk == 1
    assert exchange(encoder, decoder, 8, [(b"a", b"1"), (b"c", b"1")], False)[0]


@pytest.mark.parametrize("name", [b"authorization", b"proxy-authorization"])
def test_secrets_are_never_indexed(name: bytes) -> None:
    encoder, decoder = ready()
    for number in range(3):
        exchange(encoder, decoder, 4 * number, [(name, b"Basic eDp5")])
        assert decoder.never_indexed == [(name, b"Basic eDp5")]
    assert encoder.size == 0


def test_short_cookies_are_secrets_that_could_be_guessed() -> None:
    encoder, decoder = ready()
    exchange(encoder, decoder, 0, [(b"cookie", b"a=1"), (b"cookie", b"session=0123456789abcdef0123")])
    assert decoder.never_indexed == [(b"cookie", b"a=1")]
    assert encoder.entries == ((b"cookie", b"session=0123456789abcdef0123"),)


def test_what_came_never_indexed_stays_so() -> None:
    encoder, decoder = ready()
    secret = (b"x-key", b"k")
    exchange(encoder, decoder, 0, [secret])
    section = encoder.encode(4, [secret, (b":method", b"GET")], [secret, (b":method", b"GET")])
    assert section == b"\x02\x00\x60\x01k" + b"\x7f\x00\x03GET"
    assert decoder.decode(4, section) == [secret, (b":method", b"GET")]
    assert decoder.never_indexed == [secret, (b":method", b"GET")]
    other = (b"x-new", b"k")
    section = encoder.encode(8, [(b"x-key", b"2"), (b"x-key", b"s"), other], [(b"x-key", b"s"), other])
    decoder.receive(encoder.data_to_send())
    assert section[2:5] == b"\x10\x08\x01"  # the new entry, and its name for the secret, both post-base
    assert decoder.decode(8, section) == [(b"x-key", b"2"), (b"x-key", b"s"), other]
    assert decoder.never_indexed == [(b"x-key", b"s"), other]


def test_what_seldom_repeats_is_indexed_at_the_second_sight() -> None:
    encoder, decoder = ready()
    lengths = [len(exchange(encoder, decoder, 4 * number, [(b"etag", b'"xyz"')])) for number in range(3)]
    assert lengths == [9, 3, 3]
    assert encoder.inserted == 1


def test_the_memory_of_what_was_seen_is_bounded() -> None:
    encoder, decoder = ready()
    exchange(encoder, decoder, 0, [(b"etag", b"first")])
    for number in range(70):
        exchange(encoder, decoder, 0, [(b"etag", b"%d" % number)])
    exchange(encoder, decoder, 0, [(b"etag", b"first")])
    assert encoder.inserted == 0


def test_a_field_larger_than_the_table() -> None:
    encoder, decoder = ready()
    exchange(encoder, decoder, 0, [(b"x-a", b"1"), (b"x-b", bytes(5000)), (b"x-a", b"1")])
    assert encoder.entries == ((b"x-a", b"1"),) == decoder.entries


def test_entries_in_use_are_not_dropped() -> None:
    """RFC 9204 §2.1.1: nothing goes while a section that uses it is not acknowledged."""
    encoder, decoder = ready(capacity=120)  # three entries of 34 octets
    exchange(encoder, decoder, 0, [(b"a", b"1"), (b"b", b"2"), (b"c", b"3")], acknowledge=False)
    pending = decoder.data_to_send()
    for stream in (4, 8):
        exchange(encoder, decoder, stream, [(b"d", b"4")], acknowledge=False)
    assert encoder.inserted == 3
    encoder.receive(pending)
    exchange(encoder, decoder, 12, [(b"d", b"4")])
    assert encoder.inserted == 3  # it is remembered as seen once only when there is room: this was the first sight again
    exchange(encoder, decoder, 16, [(b"d", b"4")])
    assert encoder.entries[0] == (b"d", b"4")
    assert len(encoder.entries) == 3


def test_an_entry_is_not_dropped_before_it_is_acknowledged() -> None:
    encoder, decoder = ready(capacity=40, blocked=0)
    for number in range(4):
        exchange(encoder, decoder, 4 * number, [(b"x", b"%d" % (number // 2))], acknowledge=False)
    assert encoder.inserted == 1
    encoder.receive(decoder.data_to_send())
    exchange(encoder, decoder, 16, [(b"x", b"5")])
    exchange(encoder, decoder, 16, [(b"x", b"5")])
    assert encoder.entries == ((b"x", b"5"),)


def test_a_section_does_not_drop_what_it_uses() -> None:
    encoder, decoder = ready(capacity=70)
    exchange(encoder, decoder, 0, [(b"a", b"1"), (b"b", b"2")])
    for _ in range(3):
        exchange(encoder, decoder, 4, [(b"a", b"1"), (b"b", b"2"), (b"c", b"3"), (b"d", b"4")])
    assert set(encoder.entries) == {(b"a", b"1"), (b"b", b"2")}


def test_what_is_on_its_way_out_is_duplicated() -> None:
    """RFC 9204 §2.1.1.1: an old entry is renewed rather than kept from being dropped."""
    encoder, decoder = ready(capacity=400)  # ten entries of 40 octets; an eighth is one of them
    names = [b"name%03d" % number for number in range(11)]
    for number in range(10):
        exchange(encoder, decoder, 0, [(names[number], b"1")])
    for _ in range(2):
        exchange(encoder, decoder, 0, [(names[10], b"1")])
    assert [name for name, _ in encoder.entries] == names[:0:-1]
    section = encoder.encode(0, [(names[1], b"1")])
    assert encoder.data_to_send() == b"\x09"  # Duplicate of the oldest, whose place it takes
    assert section == b"\x0d\x80\x10"  # 12 mod 24, + 1; post-base
    assert [name for name, _ in encoder.entries] == [names[1], *names[:1:-1]]


def test_acknowledgements_that_cannot_be() -> None:
    """RFC 9204 §4.4.1, §4.4.3."""
    encoder, decoder = ready()
    for wrong in (b"\x80", b"\x00", b"\x01", b"\x3f\x00", b"\xff" + b"\xff" * 12):
        with pytest.raises(QpackDecoderStreamError) as caught:
            Encoder().receive(wrong)
        assert caught.value.code == 0x202
    exchange(encoder, decoder, 0, [(b"a", b"1")])
    for wrong in (b"\x80", b"\x01"):
        with pytest.raises(QpackDecoderStreamError):
            encoder.receive(wrong)
    encoder.receive(b"\x7f\xff\xff\x01")  # cancelling what has no sections is no fault


def test_acknowledgements_may_be_cut_anywhere() -> None:
    encoder, _ = ready()
    for stream in (1000, 2000):
        encoder.encode(stream, [(b"a%d" % stream, b"1")])
    encoder.encode(3000, [(b"b", b"1")])
    answers = encode_integer(1000, 7, 0x80) + encode_integer(2000, 7, 0x80) + encode_integer(3000, 6, 0x40) + b"\x01"
    for octet in answers:
        encoder.receive(bytes((octet,)))
    assert (encoder.known, encoder.at_risk) == (3, 0)


def test_several_sections_of_a_stream_are_acknowledged_in_order() -> None:
    encoder, decoder = ready()
    for fields in ([(b"a", b"1")], [(b"a", b"1"), (b"b", b"1")]):
        exchange(encoder, decoder, 0, fields, acknowledge=False)
    encoder.receive(b"\x80")
    assert encoder.known == 1
    encoder.receive(b"\x80")
    assert encoder.known == 2


def test_the_encoder_stream_has_room_for_so_much() -> None:
    """RFC 9204 §2.1.3: nothing is inserted that could not leave."""
    encoder, decoder = ready()
    encoder.room = 10
    exchange(encoder, decoder, 0, [(b"x-a", b"1"), (b"x-b", b"1")])
    assert encoder.entries == ((b"x-a", b"1"),)
    assert encoder.room == 4
    encoder.room = 100
    exchange(encoder, decoder, 0, [(b"x-b", b"1")])
    assert encoder.inserted == 2


def test_a_peer_that_acknowledges_nothing_costs_no_more() -> None:
    encoder, decoder = ready()
    exchange(encoder, decoder, 0, [(b"x-a", b"1")])
    for number in range(600):
        exchange(encoder, decoder, 4 * number, [(b"x-a", b"1")], acknowledge=False)
    assert encoder.encode(9999, [(b"x-a", b"1")])[0] == 0
    assert encoder._sections == 512
    encoder.receive(decoder.data_to_send())
    assert encoder.encode(9999, [(b"x-a", b"1")])[0] != 0


def test_a_section_can_be_repeated_while_the_table_allows_it() -> None:
    encoder, decoder = ready(capacity=120)
    fields = [(b":status", b"200"), (b"a", b"1")]
    first = encoder.encode_section(0, fields)
    assert not first.settled
    assert not encoder.repeat(4, first)
    decoder.receive(encoder.data_to_send())
    decoder.decode(0, first.octets)
    encoder.receive(decoder.data_to_send())
    second = encoder.encode_section(4, fields)
    assert second.settled
    assert encoder.repeat(8, second)
    assert decoder.decode(4, second.octets) == decoder.decode(8, second.octets) == fields
    encoder.receive(decoder.data_to_send())
    for name in (b"b", b"c", b"d", b"d"):
        exchange(encoder, decoder, 12, [(name, b"1")])
    assert not encoder.repeat(16, second)
    static = encoder.encode_section(20, [(b":status", b"200")])
    assert static.settled
    assert encoder.repeat(24, static)
    encoder.receive(b"")


def test_many_entries_have_long_indices() -> None:
    encoder, decoder = Encoder(1 << 16), Decoder(1 << 16, 9, 1 << 20)
    encoder.set_limits(1 << 16, 9)
    fields = [(b"a%d" % number, b"") for number in range(400)]
    for _ in range(2):
        exchange(encoder, decoder, 0, fields)
    again = [(name, b"new") for name, _ in fields[:80]]
    exchange(encoder, decoder, 0, again)
    fresh = [(b"b%d" % number, b"") for number in range(200)]
    exchange(encoder, decoder, 0, fresh + fresh)


@pytest.mark.parametrize(
    "field",
    [
        (b":status", b"200"),
        (b"etag", b'"x"'),
        (b"x-new", b""),
        (b"authorization", b"s"),
        (b"proxy-authorization", b"s"),
        (b"w", b"w" * 300),
    ],
)
def test_literals_are_good_on_any_connection(field: tuple[bytes, bytes]) -> None:
    decoder = Decoder()
    assert decoder.decode(0, b"\0\0" + encode_literal(field)) == [field]
    assert (decoder.never_indexed == [field]) is field[0].endswith(b"authorization")


def test_the_shared_memory_of_names_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(literals, "_names", {})
    encoder, decoder = ready()
    fields = [(b"n%d" % number, b"v%d" % number) for number in range(700)]
    exchange(encoder, decoder, 0, fields)
    assert len(literals._names) == literals._NAMES_MAXIMUM


# --- with lsqpack, in any order ------------------------------------------------------------------------------------

NAMES = st.sampled_from([b":path", b"etag", b"x-a", b"x-b", b"x-longer-name", b"cookie", b"authorization", b"content-type"])
VALUES = st.sampled_from([b"", b"1", b"2", b"text/css", b"a value", b"\xff\x00", b"y" * 70]) | st.binary(max_size=40)
LISTS = st.lists(
    st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=8),  # lsqpack takes no empty section
    max_size=25,
)


@given(LISTS, st.sampled_from([0, 64, 100, 200, 4096]), st.sampled_from([0, 1, 3, 100]), st.integers(0, 1 << 30))
def test_whatever_is_lost_or_late_lsqpack_reads_it(lists: list[Fields], capacity: int, blocked: int, seed: int) -> None:
    """Sections, encoder stream and acknowledgements arrive at random times, each stream in its order; no more streams block than may."""
    chance = random.Random(seed)
    pylsqpack = pytest.importorskip("pylsqpack", reason="peer missing: pylsqpack")
    encoder, ours, theirs = Encoder(), Decoder(capacity, blocked), pylsqpack.Decoder(capacity, blocked)
    encoder.set_limits(capacity, blocked)
    stream, answers = b"", b""
    waiting: list[tuple[int, bytes, Fields]] = []
    blocked_now: dict[int, Fields] = {}
    for number, fields in enumerate(lists):
        waiting.append((4 * number, encoder.encode(4 * number, fields), fields))
        stream += encoder.data_to_send()
        last = number == len(lists) - 1
        while waiting and (last or chance.random() < 0.5):
            if last or chance.random() < 0.5:
                cut = len(stream) if last else chance.randint(0, len(stream))
                freed = ours.receive(stream[:cut])
                assert sorted(freed) == sorted(theirs.feed_encoder(stream[:cut]))
                stream = stream[cut:]
                for one in freed:
                    expected = blocked_now.pop(one)
                    assert ours.resume(one) == expected == theirs.resume_header(one)[1]
            one, section, expected = waiting.pop(chance.randrange(len(waiting)))
            found = ours.decode(one, section)
            if found is None:
                blocked_now[one] = expected
                with pytest.raises(pylsqpack.StreamBlocked):
                    theirs.feed_header(one, section)
            else:
                assert found == expected == theirs.feed_header(one, section)[1]
            answers += ours.data_to_send()
            if chance.random() < 0.7:
                cut = chance.randint(0, len(answers))
                encoder.receive(answers[:cut])
                answers = answers[cut:]
    assert not blocked_now
    encoder.receive(answers)
    assert encoder.entries == ours.entries
    if lists:
        assert encoder.known == encoder.inserted
        assert encoder._pins == {}
        assert encoder._sections == 0


@given(LISTS, st.sampled_from([0, 100, 200, 4096]), st.sampled_from([0, 1, 100]))
def test_what_lsqpack_writes(lists: list[Fields], capacity: int, blocked: int) -> None:
    pylsqpack = pytest.importorskip("pylsqpack", reason="peer missing: pylsqpack")
    theirs, ours = pylsqpack.Encoder(), Decoder(capacity, blocked)
    ours.receive(theirs.apply_settings(capacity, blocked))
    for number, fields in enumerate(lists):
        stream, section = theirs.encode(4 * number, fields)
        ours.receive(stream)
        assert ours.decode(4 * number, section) == fields
        theirs.feed_decoder(ours.data_to_send())
