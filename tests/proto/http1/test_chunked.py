# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The chunked coding by itself.  RFC 9112 §7.1."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.engine import Fields
from sws.base.errors import Http1Error, UsageError
from sws.proto.http1.chunked import LAST_CHUNK, ChunkedDecoder, encode_chunk_head, encode_trailers
from sws.proto.http1.limits import Http1Limits
from tests.kit.incremental import assert_incremental

_Result = tuple[bytes, Fields, bool, bytes]


def _feed(segments: Sequence[bytes], budget: int = 1 << 20, status: int = 400) -> _Result:
    """Content, trailers, whether it is done, and what was left."""
    decoder = ChunkedDecoder(Http1Limits(chunk_extensions=50, head=100), status)
    buffer = bytearray()
    content = b""
    for segment in segments:
        buffer += segment
        while data := decoder.decode(buffer, budget):
            assert len(data) <= budget
            content += data
        if budget == 1:
            decoder.decode(buffer, budget)
    return content, decoder.trailers, decoder.done, bytes(buffer)


def _extends(joined: _Result, whole: _Result) -> bool:
    return joined[:3] == whole[:3] and joined[3].startswith(whole[3])


@pytest.mark.parametrize(
    ("data", "content", "trailers"),
    [
        (b"4\r\nWiki\r\n6\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\n\r\n", b"Wikipedia in \r\n\r\nchunks.", []),
        (b"0\r\n\r\n", b"", []),
        (b"00001;a;b=c;d=\"e;\\\"\"\r\nx\r\n000;last\r\nA: b\r\nC:\r\n\r\n", b"x", [(b"a", b"b"), (b"c", b"")]),
    ],
)  # fmt: skip
def test_decoding(data: bytes, content: bytes, trailers: Fields) -> None:
    result = assert_incremental(_feed, data, trailing=(b"GET / HTTP/1.1\r\n", b"0\r\n\r\n", b"\x00"), extends=_extends)
    assert result == (content, trailers, True, b"")
    assert assert_incremental(lambda segments: _feed(segments, budget=1), data) == result


@given(
    st.lists(st.binary(min_size=1, max_size=40)),
    st.lists(st.tuples(st.from_regex(rb"\Ax[a-z]{0,5}\Z"), st.from_regex(rb"\A[!-~]{0,5}\Z")), max_size=3),
)
def test_what_is_encoded_is_decoded(chunks: list[bytes], trailers: Fields) -> None:
    data = b"".join(encode_chunk_head(len(chunk)) + chunk + b"\r\n" for chunk in chunks)
    data += encode_trailers(trailers) if trailers else LAST_CHUNK
    assert assert_incremental(_feed, data) == (b"".join(chunks), list(trailers), True, b"")


def test_decoding_goes_on_after_done() -> None:
    decoder = ChunkedDecoder(Http1Limits())
    buffer = bytearray(b"0\r\n\r\nrest")
    assert decoder.decode(buffer, 10) == b""
    assert decoder.decode(buffer, 10) == b""
    assert bytes(buffer) == b"rest"


@pytest.mark.parametrize(
    "data", [b"x", b"\r\n", b"\n", b"1\n", b"1;", b"1\r\nab", b"1\r\na\n", b"0\r\n\n", b"0\r\nx\r\n\r\n", b"0\r\n: x\r\n\r\n", b"f" * 16]
)
@pytest.mark.parametrize("status", [400, 502])
def test_errors_carry_the_status(data: bytes, status: int) -> None:
    for segments in ([data + b"\r\n" * 3], [data, b"\r\n" * 3]):
        with pytest.raises(Http1Error) as caught:
            _feed(segments, status=status)
        assert caught.value.status == status


@pytest.mark.parametrize("status", [400, 502])
def test_a_flood_of_trailers(status: int) -> None:
    with pytest.raises(Http1Error) as caught:
        _feed([b"0\r\nA: " + b"b" * 200], status=status)
    assert caught.value.status == (431 if status == 400 else status)


@pytest.mark.parametrize("name", [b"transfer-encoding", b"content-length", b"host", b"trailer", b"connection"])
def test_trailers_that_may_not_be(name: bytes) -> None:
    """RFC 9110 §6.5.1."""
    with pytest.raises(UsageError):
        encode_trailers(((name, b"1"),))
    with pytest.raises(Http1Error):
        _feed([b"0\r\n" + name.title() + b": 1\r\n\r\n"])


def test_reading_octet_by_octet_is_linear() -> None:
    """A trailer section that grows by single octets is not scanned from its start each time."""
    decoder = ChunkedDecoder(Http1Limits(head=1 << 20, fields=1 << 20))
    buffer = bytearray(b"0\r\n")
    for _ in range(1500):
        buffer += b"a: b\r\n"
        assert decoder.decode(buffer, 1) == b""
    buffer += b"\r\n"
    decoder.decode(buffer, 1)
    assert len(decoder.trailers) == 1500
