# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from collections.abc import Callable

import pytest

from sws.base.errors import DecodeError
from sws.base.reader import Reader


def test_integers() -> None:
    reader = Reader(bytes(range(1, 16)))
    assert (reader.u8(), reader.u16(), reader.u24(), reader.u32(), reader.uint(5)) == (1, 0x0203, 0x040506, 0x0708090A, 0x0B0C0D0E0F)
    assert (reader.offset, reader.remaining, reader.uint(0)) == (15, 0, 0)
    reader.finish()


@pytest.mark.parametrize(
    ("data", "value"),
    [  # RFC 9000 §A.1
        ("c2197c5eff14e88c", 151288809941952652),
        ("9d7f3e7d", 494878333),
        ("7bbd", 15293),
        ("25", 37),
        ("4025", 37),
    ],
)
def test_variable_length_integers(data: str, value: int) -> None:
    reader = Reader(bytes.fromhex(data))
    assert reader.varint() == value
    reader.finish()
    with pytest.raises(DecodeError):
        Reader(bytes.fromhex(data)[:-1]).varint()


def test_parts() -> None:
    reader = Reader(b"xx\x03abc\x00\x02deFGHrest", 2)
    assert reader.vector(1) == b"abc"
    assert reader.vector(2, minimum=2) == b"de"
    part = reader.sub(3)
    assert part.take(2) == b"FG"
    with pytest.raises(DecodeError, match="at offset 12"):
        part.take(2)  # not beyond the part, though there is more behind it
    with pytest.raises(DecodeError, match="1 octets too many at offset 12"):
        part.finish()
    assert part.rest() == b"H"
    part.finish()
    assert reader.rest() == b"rest"
    assert reader.rest() == b""


def test_an_end_before_the_end() -> None:
    reader = Reader(b"abcdef", 1, 3)
    assert reader.remaining == 2
    assert reader.rest() == b"bc"


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (lambda reader: reader.take(4, "a name"), "a name: 4 octets wanted, 3 left at offset 0"),
        (lambda reader: reader.take(-1), "octets: -1 octets wanted"),
        (lambda reader: reader.u32("a number"), "a number: 4 octets wanted"),
        (lambda reader: reader.vector(1, "a list"), "a list: 5 octets wanted, 2 left at offset 1"),
        (lambda reader: reader.vector(2, "a list", minimum=2000), "a list: 1281 octets, at least 2000 wanted at offset 0"),
        (lambda reader: reader.sub(4, "a part"), "a part: 4 octets wanted, 3 left at offset 0"),
        (lambda reader: reader.sub(-1), "part: -1 octets wanted"),
        (lambda reader: reader.finish("a thing"), "a thing: 3 octets too many at offset 0"),
    ],
)
def test_running_over_the_end(read: Callable[[Reader], object], words: str) -> None:
    reader = Reader(b"\x05\x01\x02")
    with pytest.raises(DecodeError, match=words):
        read(reader)
