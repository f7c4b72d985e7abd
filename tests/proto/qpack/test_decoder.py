# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The decoder: representations by their bits, Required Insert Count and Base, blocked streams, the errors of RFC 9204 §6, bounds."""

from __future__ import annotations

import pytest

from sws.base.errors import LimitExceeded, QpackDecompressionFailed, QpackEncoderStreamError, UsageError
from sws.proto.hpack.huffman import encode_huffman
from sws.proto.qpack import Decoder
from sws.proto.qpack._tables import STATIC_TABLE
from tests.kit.incremental import assert_incremental

CAPACITY_220 = "3fbd01"
INSERT_AUTHORITY = "c00f7777772e6578616d706c652e636f6d"  # :authority www.example.com
INSERT_PATH = "c10c2f73616d706c652f70617468"  # :path /sample/path
AUTHORITY = (b":authority", b"www.example.com")
PATH = (b":path", b"/sample/path")


def ready(inserts: str = INSERT_AUTHORITY + INSERT_PATH, capacity: int = 220, blocked: int = 1) -> Decoder:
    """A decoder with a table of two entries."""
    decoder = Decoder(capacity, blocked)
    decoder.receive(bytes.fromhex(CAPACITY_220 + inserts))
    decoder.data_to_send()
    return decoder


def test_the_static_table() -> None:
    for index, field in enumerate(STATIC_TABLE):
        wire = bytes((0xC0 | index,)) if index < 63 else bytes((0xFF, index - 63))
        assert Decoder().decode(0, b"\0\0" + wire) == [field]
    assert len(STATIC_TABLE) == 99
    assert (STATIC_TABLE[17], STATIC_TABLE[98]) == ((b":method", b"GET"), (b"x-frame-options", b"sameorigin"))


@pytest.mark.parametrize(
    ("section", "fields"),
    [
        ("0000" + "510b2f696e6465782e68746d6c", [(b":path", b"/index.html")]),
        ("0000" + "5f070161", [(b":scheme", b"a")]),  # name 22
        ("0000" + "23612d6203313233", [(b"a-b", b"123")]),
        ("0000" + "2700" + "61" * 7 + "00", [(b"a" * 7, b"")]),
        ("0300" + "8180", [AUTHORITY, PATH]),  # Base 2: relative 1 and 0
        ("0301" + "8281", [AUTHORITY, PATH]),  # Base 3
        ("0381" + "1011", [AUTHORITY, PATH]),  # Base 0: post-base 0 and 1
        ("0380" + "8010", [AUTHORITY, PATH]),  # Base 1
        ("0300" + "410161", [(b":authority", b"a")]),  # the name of an entry
        ("0381" + "000161" + "010162", [(b":authority", b"a"), (b":path", b"b")]),  # names of entries, post-base
        ("0000", []),
        ("0300", []),  # RFC 9204 §2.1.2: larger than needed may be taken
    ],
)
def test_representations(section: str, fields: list[tuple[bytes, bytes]]) -> None:
    assert ready().decode(0, bytes.fromhex(section)) == fields


@pytest.mark.parametrize(
    ("section", "secret"),
    [
        ("0000" + "710161", (b":path", b"a")),
        ("0000" + "31620161", (b"b", b"a")),
        ("0300" + "600161", (b":path", b"a")),
        ("0381" + "080161", (b":authority", b"a")),
    ],
)
def test_never_indexed(section: str, secret: tuple[bytes, bytes]) -> None:
    decoder = ready()
    assert decoder.decode(0, bytes.fromhex(section)) == [secret]
    assert decoder.never_indexed == [secret]
    assert decoder.decode(0, b"\0\0\xd1") == [(b":method", b"GET")]
    assert decoder.never_indexed == []


@pytest.mark.parametrize(
    "section",
    [
        "",  # §4.5.1: no prefix
        "00",
        "ff",
        "00ff",
        "0e00",  # §4.5.1.1: beyond twice the entries: 13 > 12
        "0400",  # §2.1.2: insertion 3 of 2, and no stream may be blocked
        "0000ff24",  # §3.1: static index 99
        "0000ffffffffffffffffffff7f",
        "00005f30",  # a name past the static table
        "0000d1ff",  # truncated integer
        "000080",  # a reference though the Required Insert Count is 0
        "000040",
        "000010",
        "000000",
        "020010",  # post-base 0 is entry 1, beyond Required Insert Count 1
        "0200000161",
        "030082",  # relative 2 of Base 2
        "0300420161",
        "0282d1",  # §4.5.1.2: Base 1 - 2 - 1
        "000051",  # truncated
        "00005105616263",
        "0000510361",
        "00002361",
        "0000236162",
        "00005181ff",  # padding of eight bits is none
        "000051840fffffff",  # EOS
        "000029ff00",
    ],
)
def test_what_cannot_be_interpreted(section: str) -> None:
    decoder = ready(blocked=0)
    with pytest.raises(QpackDecompressionFailed) as caught:
        decoder.decode(0, bytes.fromhex(section))
    assert caught.value.code == 0x200


def test_entries_that_were_dropped_are_gone() -> None:
    decoder = ready()
    decoder.receive(bytes.fromhex("4161" + "7f" + "0f" + "62" * 142))
    assert len(decoder.entries) == 1
    assert decoder.size == 32 + 1 + 142
    assert decoder.decode(0, bytes.fromhex("040080")) == [(b"a", b"b" * 142)]
    for section in ("040081", "04004161", "048211", "0482000161"):
        with pytest.raises(QpackDecompressionFailed):
            decoder.decode(0, bytes.fromhex(section))


@pytest.mark.parametrize(
    ("instructions", "why"),
    [
        ("3fbe01", "above the maximum"),  # §4.3.1: 221
        (CAPACITY_220 + "ff24", "past the static table"),  # §4.3.2
        (CAPACITY_220 + "80", "not there"),
        (CAPACITY_220 + "00", "not there"),  # §4.3.4
        (INSERT_AUTHORITY, "larger than the table"),  # §3.2.2: the capacity is 0 at first
        (CAPACITY_220 + "c07f5e", "larger than the table"),  # 221 octets, not waited for
        (CAPACITY_220 + "5fbe01", "larger than the table"),
        (CAPACITY_220 + "c07f3f" + "61" * 190, "larger than the table"),  # 190 octets and 42
        (CAPACITY_220 + "c0fff205", "larger than the table"),  # 881 octets of code
        (CAPACITY_220 + INSERT_AUTHORITY + "3f01" + "c000", "larger than the table"),
        (CAPACITY_220 + "c081ff", "padding"),
        (CAPACITY_220 + "3fffffffffffffffffffff7f", "62 bits"),
    ],
)
def test_instructions_that_cannot_be(instructions: str, why: str) -> None:
    decoder = Decoder(220, 0)
    with pytest.raises(QpackEncoderStreamError, match=why) as caught:
        decoder.receive(bytes.fromhex(instructions))
    assert caught.value.code == 0x201


def test_instructions_may_be_cut_anywhere() -> None:
    data = bytes.fromhex(
        CAPACITY_220 + INSERT_AUTHORITY + INSERT_PATH + "4a637573746f6d2d6b65790c637573746f6d2d76616c7565" + "02" + "800161"
    )

    def feed(segments: object) -> tuple[object, int, int]:
        decoder = Decoder(220, 0)
        for segment in segments:  # type: ignore[attr-defined]
            decoder.receive(segment)
        return decoder.entries, decoder.inserted, decoder.size

    entries, inserted, size = assert_incremental(feed, data)
    assert entries == ((b":authority", b"a"), AUTHORITY, (b"custom-key", b"custom-value"), PATH)
    assert (inserted, size) == (5, 43 + 57 + 54 + 49)


def test_the_capacity_may_be_lowered() -> None:
    decoder = ready()
    decoder.receive(bytes.fromhex("3f1a"))  # 57
    assert decoder.entries == (PATH,)
    decoder.receive(bytes.fromhex("20"))
    assert (decoder.entries, decoder.size, decoder.inserted) == ((), 0, 2)


def test_blocked_streams_go_on_when_what_they_need_has_come() -> None:
    decoder = Decoder(220, 3)
    assert decoder.decode(0, bytes.fromhex("0381" + "1011")) is None
    assert decoder.decode(4, bytes.fromhex("0200" + "80")) is None
    assert decoder.decode(8, bytes.fromhex("0381" + "11")) is None
    assert decoder.blocked == 3
    with pytest.raises(QpackDecompressionFailed, match="more blocked streams"):
        decoder.decode(12, bytes.fromhex("020080"))
    assert decoder.data_to_send() == b""
    assert decoder.receive(bytes.fromhex(CAPACITY_220)) == []
    assert decoder.receive(bytes.fromhex(INSERT_AUTHORITY)) == [4]
    with pytest.raises(UsageError):
        decoder.resume(0)
    assert decoder.resume(4) == [AUTHORITY]
    assert decoder.data_to_send() == b"\x84"  # its acknowledgement tells of the insertion as well
    decoder.cancel(8)
    assert decoder.receive(bytes.fromhex(INSERT_PATH)) == [0]
    assert decoder.data_to_send() == b"\x48\x01"  # cancelled 8; one insertion more
    assert decoder.resume(0) == [AUTHORITY, PATH]
    assert decoder.data_to_send() == b"\x80"
    assert decoder.blocked == 0


def test_one_section_of_a_stream_is_blocked_at_a_time() -> None:
    decoder = Decoder(220, 3)
    decoder.decode(0, bytes.fromhex("020080"))
    with pytest.raises(UsageError):
        decoder.decode(0, bytes.fromhex("020080"))


def test_a_section_that_was_blocked_can_still_be_wrong() -> None:
    decoder = Decoder(220, 1)
    assert decoder.decode(0, bytes.fromhex("0200" + "81")) is None
    assert decoder.receive(bytes.fromhex(CAPACITY_220 + INSERT_AUTHORITY)) == [0]
    with pytest.raises(QpackDecompressionFailed):
        decoder.resume(0)


def test_without_a_table_nothing_is_said() -> None:
    decoder = Decoder(0, 0)
    decoder.cancel(4)
    assert decoder.decode(4, b"\0\0\xd1") == [(b":method", b"GET")]
    assert decoder.data_to_send() == b""
    with pytest.raises(QpackDecompressionFailed):
        decoder.decode(4, b"\x01\0")


def test_insert_counts_wrap() -> None:
    """RFC 9204 §4.5.1.1: 100 octets have three entries, so the count is sent modulo 6."""
    decoder = Decoder(100, 1)
    decoder.receive(bytes.fromhex("3f45"))
    for number in range(1, 50):
        decoder.receive(b"\x41a\x01" + bytes((64 + number,)))
        section = bytes((number % 6 + 1, 0, 0x80))
        assert decoder.decode(0, section) == [(b"a", bytes((64 + number,)))]
    # Three insertions ahead can be meant; behind that it is what was before.
    assert decoder.decode(4, bytes(((49 + 3) % 6 + 1, 0, 0x80))) is None
    decoder.cancel(4)
    assert decoder.decode(4, bytes((48 % 6 + 1, 0, 0x80))) == [(b"a", b"p")]


def test_a_required_count_of_the_first_round_before_zero() -> None:
    with pytest.raises(QpackDecompressionFailed, match="Required Insert Count"):
        Decoder(100, 1).decode(0, bytes((5, 0, 0x80)))  # 4 of 6, with none inserted: would be -2


def test_bombs_are_measured() -> None:
    decoder = Decoder(4096, 0, maximum_list=65536)
    decoder.receive(bytes.fromhex("3fe11f") + b"\x41a\x7f\x81\x1e" + b"x" * 4000)
    section = b"\x02\x00" + b"\x80" * 16
    fields = decoder.decode(0, section)
    assert fields is not None
    assert len(fields) == 16
    with pytest.raises(LimitExceeded) as caught:
        decoder.decode(4, section + b"\x80")
    assert caught.value.maximum == 65536
    assert decoder.data_to_send() == b"\x80\x84"  # acknowledged in any case, so the encoder's table stays in step
    many = b"\0\0" + b"\xc1" * 1724
    assert len(decoder.decode(8, many) or ()) == 1724  # 38 octets each
    with pytest.raises(LimitExceeded):
        decoder.decode(8, many + b"\xc1")


def test_the_memory_of_strings_is_bounded() -> None:
    decoder = Decoder(0, 0)
    for number in range(600):
        text = b"%03d" % number
        code = encode_huffman(text)
        assert decoder.decode(0, b"\0\0\x51" + bytes((0x80 | len(code),)) + code) == [(b":path", text)]
    assert len(decoder._strings) <= 256
