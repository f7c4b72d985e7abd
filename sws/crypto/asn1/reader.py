# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Reading DER: a cursor that accepts the one encoding there is.  X.690 §8, §10, §11.

An element is an identifier octet, length octets, and content.  Of the freedom of BER nothing is left in DER, and nothing is taken here:
lengths are definite and the shortest, integers and identifiers are the shortest, a BOOLEAN is 00 or FF, unused bits are zero, strings are
primitive, the elements of a SET OF ascend, a value that is the DEFAULT is left out.  (One exception: `named_bits`.)

A reader over the content of an element shares the octets of the outer one, so that every error says where in the whole it is.  Nothing
recurses in step with the input: the depth is bounded (`MAX_DEPTH`), as is the size (`MAX_OCTETS`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, final

from sws.base.errors import DecodeError, LimitExceeded
from sws.crypto.asn1 import tags
from sws.crypto.asn1.oids import decode_oid
from sws.crypto.asn1.strings import decode_string
from sws.crypto.asn1.times import decode_time

__all__ = ["MAX_DEPTH", "MAX_OCTETS", "BitString", "DerReader", "check_der"]

MAX_DEPTH: Final = 24
MAX_OCTETS: Final = 1 << 20
_INTEGER_OCTETS: Final = 2100
"""Enough for numbers of 16384 bits."""
_TIMES: Final = (tags.UTC_TIME, tags.GENERALIZED_TIME)


@final
class BitString:
    """A BIT STRING: octets, and how many bits of the last one are not used."""

    __slots__ = ("octets", "unused")

    def __init__(self, octets: bytes, unused: int) -> None:
        self.octets = octets
        self.unused = unused

    def bits(self) -> frozenset[int]:
        """Numbers of the bits that are set, the first being 0."""
        return frozenset(8 * at + bit for at, octet in enumerate(self.octets) for bit in range(8) if octet & 0x80 >> bit)


@final
class DerReader:
    """Reads the elements of `data[start:end]` one after the other.

    Attributes:
      data:   all octets, of which the reader sees a part.
      at:     where the next element begins.
      end:    where the last one ends.
      depth:  how many elements the reader stands in.
    """

    __slots__ = ("at", "data", "depth", "end")

    def __init__(self, data: bytes, start: int = 0, end: int | None = None, *, depth: int = 0, maximum: int = MAX_OCTETS) -> None:
        self.data = data
        self.at = start
        self.end = len(data) if end is None else end
        self.depth = depth
        if self.end - start > maximum:
            raise LimitExceeded("octets of DER", self.end - start, maximum)
        if depth > MAX_DEPTH:
            raise LimitExceeded("depth of DER", depth, MAX_DEPTH)

    # --- structure ----------------------------------------------------------------------------------------------------

    @property
    def tag(self) -> int:
        """The identifier octet of the next element, -1 at the end."""
        return self.data[self.at] if self.at < self.end else -1

    def header(self, what: str) -> tuple[int, int, int]:
        """Identifier of the next element, and where its content begins and ends; the cursor stays.

        Raises: DecodeError for identifiers of more octets, and lengths that are indefinite, not the shortest, or too long for what is left.
        """
        data, at, end = self.data, self.at, self.end
        if at + 2 > end:
            raise DecodeError(f"{what}: an element is missing", at)
        length = data[at + 1]
        start = at + 2
        if data[at] & 0x1F == 0x1F or not data[at]:
            raise DecodeError(f"{what}: an identifier that is not used here", at)
        if length > 0x7F:
            count = length & 0x7F
            if not 0 < count <= 4 or start + count > end:
                raise DecodeError(f"{what}: a length that is indefinite or too long", at + 1)
            length = int.from_bytes(data[start : start + count], "big")
            if length < 0x80 or length >> 8 * (count - 1) == 0:
                raise DecodeError(f"{what}: a length that is not the shortest", at + 1)
            start += count
        if start + length > end:
            raise DecodeError(f"{what}: {length} octets wanted, {end - start} left", at)
        return data[at], start, start + length

    def _expect(self, tag: int, what: str) -> tuple[int, int]:
        found, start, stop = self.header(what)
        if found != tag:
            raise DecodeError(f"{what}: identifier {found:02x}, {tag:02x} wanted", self.at)
        self.at = stop
        return start, stop

    def take(self, tag: int, what: str) -> bytes:
        """The content of the next element.  Raises: DecodeError if its identifier is not `tag`."""
        start, stop = self._expect(tag, what)
        return self.data[start:stop]

    def enter(self, tag: int, what: str) -> DerReader:
        """A reader over the content of the next element, which this one skips."""
        start, stop = self._expect(tag, what)
        return DerReader(self.data, start, stop, depth=self.depth + 1, maximum=stop)

    def sequence(self, what: str) -> DerReader:
        """`enter` for a SEQUENCE."""
        return self.enter(tags.SEQUENCE, what)

    def optional(self, tag: int, what: str) -> DerReader | None:
        """`enter` if that element comes next, else None."""
        return self.enter(tag, what) if self.tag == tag else None

    def raw(self, tag: int, what: str) -> bytes:
        """The next element whole, identifier and length included; its content is not looked at."""
        begin = self.at
        self._expect(tag, what)
        return self.data[begin : self.at]

    def any(self, what: str) -> bytes:
        """The next element whole, whatever it is; checked to be DER through and through."""
        begin = self.at
        _, _, stop = self.header(what)
        check_der(self.data, begin, stop, depth=self.depth)
        self.at = stop
        return self.data[begin:stop]

    def elements(self, what: str, minimum: int = 0) -> Iterator[DerReader]:
        """This reader again and again until nothing is left: for SEQUENCE OF.  Raises: DecodeError if there are less than `minimum`."""
        count = 0
        while self.at < self.end:
            before = self.at
            yield self
            assert self.at > before
            count += 1
        if count < minimum:
            raise DecodeError(f"{what}: empty", self.at)

    def set_of(self, what: str) -> DerReader:
        """`enter` for a SET OF with one element at least, whose elements must ascend.  X.690 §11.6."""
        inner = self.enter(tags.SET, what)
        probe = DerReader(self.data, inner.at, inner.end, depth=inner.depth, maximum=inner.end)
        previous = b""
        for element in probe.elements(what, 1):
            begin = element.at
            _, _, element.at = element.header(what)
            current = self.data[begin : element.at]
            if current < previous:
                raise DecodeError(f"{what}: a SET OF that is not in order", begin)
            previous = current
        return inner

    def finish(self, what: str) -> None:
        """Raises: DecodeError if something is left."""
        if self.at != self.end:
            raise DecodeError(f"{what}: {self.end - self.at} octets too many", self.at)

    # --- values -------------------------------------------------------------------------------------------------------

    def boolean(self, what: str) -> bool:
        """X.690 §8.2, §11.1."""
        at, content = self.at, self.take(tags.BOOLEAN, what)
        if content not in (b"\x00", b"\xff"):
            raise DecodeError(f"{what}: a BOOLEAN that is neither 00 nor FF", at)
        return content == b"\xff"

    def default_false(self, what: str) -> bool:
        """BOOLEAN DEFAULT FALSE: absent or true.  X.690 §11.5."""
        if self.tag != tags.BOOLEAN:
            return False
        at = self.at
        if not self.boolean(what):
            raise DecodeError(f"{what}: the default value is written out", at)
        return True

    def integer(self, what: str, tag: int = tags.INTEGER) -> int:
        """X.690 §8.3."""
        at, content = self.at, self.take(tag, what)
        if not content or (len(content) > 1 and (content[0] << 1 | content[1] >> 7) in (0, 0x1FF)):  # the first nine bits are alike
            raise DecodeError(f"{what}: an INTEGER that is empty or not the shortest", at)
        if len(content) > _INTEGER_OCTETS:
            raise LimitExceeded("octets of an INTEGER", len(content), _INTEGER_OCTETS)
        return int.from_bytes(content, "big", signed=True)

    def natural(self, what: str, tag: int = tags.INTEGER) -> int:
        """An INTEGER that is not negative."""
        at, value = self.at, self.integer(what, tag)
        if value < 0:
            raise DecodeError(f"{what}: a negative INTEGER", at)
        return value

    def null(self, what: str) -> None:
        """X.690 §8.8."""
        at = self.at
        if self.take(tags.NULL, what):
            raise DecodeError(f"{what}: a NULL with content", at)

    def oid(self, what: str) -> str:
        """X.690 §8.19, as dotted text."""
        at, content = self.at, self.take(tags.OID, what)
        try:
            return decode_oid(content)
        except DecodeError as error:
            raise DecodeError(f"{what}: {error.what}", at) from None

    def octet_string(self, what: str) -> bytes:
        """X.690 §8.7."""
        return self.take(tags.OCTET_STRING, what)

    def bit_string(self, what: str, tag: int = tags.BIT_STRING) -> BitString:
        """X.690 §8.6, §11.2.1."""
        at, content = self.at, self.take(tag, what)
        if not content or content[0] > 7 or (content[0] and (len(content) == 1 or content[-1] & (1 << content[0]) - 1)):
            raise DecodeError(f"{what}: a BIT STRING with wrong unused bits", at)
        return BitString(content[1:], content[0])

    def named_bits(self, what: str, tag: int = tags.BIT_STRING) -> frozenset[int]:
        """A BIT STRING with names for its bits.

        DEVIATES X.690 §11.2.2: zero bits at its end are taken, for roots of public stores have them, and nothing depends on it.
        """
        return self.bit_string(what, tag).bits()

    def whole_bits(self, what: str, tag: int = tags.BIT_STRING) -> bytes:
        """The octets of a BIT STRING that has no unused bits."""
        at, value = self.at, self.bit_string(what, tag)
        if value.unused:
            raise DecodeError(f"{what}: a BIT STRING that is not whole octets", at)
        return value.octets

    def time(self, what: str) -> int:
        """UTCTime or GeneralizedTime, as seconds since 1970."""
        at, tag = self.at, self.tag
        if tag not in _TIMES:
            raise DecodeError(f"{what}: not a time", at)
        return decode_time(tag, self.take(tag, what), at)

    def generalized_time(self, what: str) -> int:
        """GeneralizedTime, as seconds since 1970."""
        at = self.at
        return decode_time(tags.GENERALIZED_TIME, self.take(tags.GENERALIZED_TIME, what), at)

    def string(self, what: str) -> str:
        """A character string of any of the types, as text."""
        at, tag = self.at, self.tag
        return decode_string(tag, self.take(tag, what), at)


def check_der(data: bytes, start: int, end: int, depth: int = 0) -> None:
    """Whether the elements of `data[start:end]` are DER through and through: headers at every depth, and values of the universal types.

    Raises: DecodeError; LimitExceeded for what is nested too deep.
    """
    stack = [DerReader(data, start, end, depth=depth, maximum=end)]
    while stack:
        reader = stack[-1]
        tag = reader.tag
        if tag < 0:
            stack.pop()
        elif tag == tags.SET:
            stack.append(reader.set_of("SET") if reader.header("SET")[1] != reader.header("SET")[2] else reader.enter(tag, "SET"))
        elif tag & 0x20:
            if tag < 0x40 and tag != tags.SEQUENCE:
                raise DecodeError("a constructed form of a type that has none", reader.at)
            stack.append(reader.enter(tag, "element"))
        else:
            _check_primitive(reader, tag)


def _check_primitive(reader: DerReader, tag: int) -> None:
    if tag in (tags.INTEGER, tags.ENUMERATED):
        reader.integer("value", tag)
    elif tag == tags.BOOLEAN:
        reader.boolean("value")
    elif tag == tags.NULL:
        reader.null("value")
    elif tag == tags.OID:
        reader.oid("value")
    elif tag == tags.BIT_STRING:
        reader.bit_string("value")
    elif tag in (tags.SEQUENCE & ~0x20, tags.SET & ~0x20):
        raise DecodeError("a primitive SEQUENCE or SET", reader.at)
    else:
        reader.take(tag, "value")
