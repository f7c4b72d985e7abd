# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The decoder: RFC 7541 Appendix C, third-party stories, the errors of §2.3.3, §4.2, §5.2, §6, and its bounds."""

from __future__ import annotations

import pathlib

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import DecodeError, LimitExceeded
from sws.proto.hpack import Decoder, Encoder
from tests.kit.vectors import extra_json, extra_vectors

FAMILIES = ("go-hpack", "haskell-http2-linear", "haskell-http2-naive", "nghttp2", "nghttp2-change-table-size", "swift-nio-hpack-huffman")


def pairs(headers: list[dict[str, str]] | list[list[str]]) -> list[tuple[bytes, bytes]]:
    """Fields as octets."""
    items = [item for entry in headers for item in (entry.items() if isinstance(entry, dict) else [entry])]
    return [(name.encode(), value.encode()) for name, value in items]


@pytest.mark.parametrize("family", FAMILIES)
def test_stories(family: str) -> None:
    stories = 0
    for path in sorted(pathlib.Path(extra_vectors("http2", "hpack", family)).glob("*.json")):
        decoder = Decoder()
        for case in extra_json("http2", "hpack", family, path.name)["cases"]:
            if case.get("header_table_size") is not None:
                decoder.set_limit(case["header_table_size"])
            assert decoder.decode(bytes.fromhex(case["wire"])) == pairs(case["headers"]), (path.name, case["seqno"])
        stories += 1
    assert stories


def test_appendix_c() -> None:
    document = extra_json("rfc", "rfc7541_appendix_c.json")
    for step in document["single"]:
        decoder = Decoder()
        assert decoder.decode(bytes.fromhex(step["wire"])) == pairs(step["headers"])
        assert list(decoder.entries) == pairs(step["dynamic_table_after"])
        assert decoder.size == step["table_size_after"]
    assert [sequence["id"] for sequence in document["sequences"]] == ["C.3", "C.4", "C.5"]
    for sequence in document["sequences"]:
        decoder = Decoder(sequence["table_size"])
        for step in sequence["steps"]:
            assert decoder.decode(bytes.fromhex(step["wire"])) == pairs(step["headers"])
            assert list(decoder.entries) == pairs(step["dynamic_table_after"])
            assert decoder.size == step["table_size_after"]


@pytest.mark.parametrize(
    "wire",
    [
        "80",  # §6.1: index 0
        "be",  # §2.3.3: 62, with an empty dynamic table
        "ff00",  # 127
        "ffffffffff0f",
        "7e0161",  # a name from nowhere
        "7f000161",
        "0f2f0161",
        "823f",  # §4.2: a size update behind a field
        "8220",
        "3fe21f",  # §6.3: 4097
        "41",  # truncated
        "4105616263",
        "0005616263",
        "00016105",
        "000161056162",
        "40",
        "ff",
        "7f",
        "0f",
        "3f",
        "3fffffffffff01",
        "00017f7f",
        "000161ff",
        "0081ff00",  # §5.2: eight bits of padding
        "008100",  # padding of zeros: "0", then 000
        "0084ffffffff00",  # EOS
        "000161811f"[:8] + "00",
    ],
)
def test_malformed_blocks(wire: str) -> None:
    with pytest.raises(DecodeError):
        Decoder().decode(bytes.fromhex(wire))


def test_table_sizes() -> None:
    decoder = Decoder()
    decoder.decode(bytes.fromhex("400161016240016301644001650166"))  # three entries of 34
    assert (decoder.size, decoder.entries) == (102, ((b"e", b"f"), (b"c", b"d"), (b"a", b"b")))
    decoder.decode(bytes.fromhex("3f25"))  # 68
    assert (decoder.size, decoder.entries) == (68, ((b"e", b"f"), (b"c", b"d")))
    assert decoder.decode(bytes.fromhex("bfbe")) == [(b"c", b"d"), (b"e", b"f")]
    decoder.decode(bytes.fromhex("400178" + "23" + "79" * 35))  # one that is just as large pushes all others out
    assert decoder.entries == ((b"x", b"y" * 35),)
    assert decoder.decode(bytes.fromhex("400178" + "24" + "79" * 36)) == [(b"x", b"y" * 36)]  # §4.4: one that is larger empties the table
    assert (decoder.size, decoder.entries) == (0, ())
    assert decoder.decode(bytes.fromhex("203fe11f82")) == [(b":method", b"GET")]  # two updates, 0 and 4096


def test_a_name_may_be_taken_from_an_entry_that_goes() -> None:
    decoder = Decoder(40)
    decoder.decode(bytes.fromhex("40046e616d650161"))
    assert decoder.decode(bytes.fromhex("7e0162")) == [(b"name", b"b")]
    assert decoder.entries == ((b"name", b"b"),)


def test_a_smaller_limit_must_be_taken_notice_of() -> None:
    decoder = Decoder()
    decoder.set_limit(100)
    with pytest.raises(DecodeError):
        decoder.decode(b"\x82")
    decoder = Decoder()
    decoder.set_limit(100)
    assert decoder.decode(bytes.fromhex("3f4582")) == [(b":method", b"GET")]
    assert decoder.decode(b"\x82") == [(b":method", b"GET")]
    decoder.set_limit(1 << 16)
    assert decoder.decode(b"\x82") == [(b":method", b"GET")]
    assert decoder.decode(bytes.fromhex("3fe1ff0382")) == [(b":method", b"GET")]  # 65536
    decoder.set_limit(100)
    with pytest.raises(DecodeError):
        decoder.decode(b"")


def test_never_indexed_fields_are_told() -> None:
    decoder = Decoder()
    assert decoder.decode(bytes.fromhex("1001610162" + "0001630164" + "1f080173")) == [(b"a", b"b"), (b"c", b"d"), (b"authorization", b"s")]
    assert decoder.never_indexed == [(b"a", b"b"), (b"authorization", b"s")]
    decoder.decode(b"\x82")
    assert decoder.never_indexed == []
    assert decoder.size == 0


def test_a_list_that_is_too_long_leaves_the_decoder_in_step() -> None:
    decoder = Decoder(maximum_list=200)
    wire = bytes.fromhex("400161" + "1e" + "62" * 30)  # 63 octets by the measure
    decoder.decode(wire)
    with pytest.raises(LimitExceeded):
        decoder.decode(b"\xbe" * 4)  # 252
    assert decoder.decode(b"\xbe" * 3) == [(b"a", b"b" * 30)] * 3
    with pytest.raises(LimitExceeded):
        decoder.decode(bytes.fromhex("400163016440016501663f"[:20]) + b"\xbf\xbf\xbf\xc0\xc0")
    assert decoder.entries[:2] == ((b"e", b"f"), (b"c", b"d"))
    assert decoder.decode(b"\x82" * 4) == [(b":method", b"GET")] * 4  # 4 * 42


def test_the_bomb_is_measured_before_it_grows() -> None:
    decoder = Decoder(maximum_list=65536)
    decoder.decode(b"\x40\x01a\x7f" + b"\xdd\x1e" + b"x" * (127 + 0x5D + (0x1E << 7)))  # an entry of 4060 octets or so
    assert decoder.size > 4000
    with pytest.raises(LimitExceeded):
        decoder.decode(b"\xbe" * 16000)


FIELDS = st.lists(
    st.tuples(
        st.sampled_from([b":path", b"cookie", b"authorization", b"etag", b"x-a", b"x-b", b"content-length"]),
        st.binary(max_size=40) | st.sampled_from([b"1", b"/", b"gzip"]),
    ),
    max_size=8,
)


@given(st.lists(st.tuples(FIELDS, st.none() | st.sampled_from([0, 40, 100, 4096, 10000])), max_size=6))
def test_their_encoder_and_our_decoder(blocks: list[tuple[list[tuple[bytes, bytes]], int | None]]) -> None:
    encoder = hpack.Encoder()
    decoder = Decoder()
    for fields, size in blocks:
        if size is not None:
            encoder.header_table_size = size
            decoder.set_limit(size)
        assert decoder.decode(encoder.encode(fields)) == fields
        assert [(bytes(n), bytes(v)) for n, v in encoder.header_table.dynamic_entries] == list(decoder.entries)


@given(st.lists(st.tuples(FIELDS, st.none() | st.sampled_from([0, 40, 100, 4096, 10000]), st.sets(st.integers(0, 7))), max_size=6))
def test_our_encoder_and_both_decoders(blocks: list[tuple[list[tuple[bytes, bytes]], int | None, set[int]]]) -> None:
    encoder = Encoder()
    ours, theirs = Decoder(), hpack.Decoder()
    for fields, size, secret in blocks:
        if size is not None:
            encoder.set_limit(size)
            ours.set_limit(size)
            theirs.max_allowed_table_size = size
        never = {field for at, field in enumerate(fields) if at in secret}
        wire = encoder.encode(fields, never)
        assert ours.decode(wire) == fields
        assert [tuple(field) for field in theirs.decode(wire, raw=True)] == fields
        assert never <= set(ours.never_indexed)
        assert ours.entries == encoder.entries
        assert ours.size == encoder.size


@pytest.mark.parametrize("huffman", [False, True])
def test_long_strings(huffman: bool) -> None:
    fields = [(b"n" * 300, b"v" * 300), (b"n" * 127, b"0" * 203), (b"n" * 126, b"0" * 126)]
    assert Decoder().decode(hpack.Encoder().encode(fields, huffman=huffman)) == fields
