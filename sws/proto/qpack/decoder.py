# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The decoding end of one connection: field sections to fields, and the table that the peer's encoder stream builds.

RFC 9204 §2.2, §3.2, §4.3, §4.5.

    encoder stream ──▶ receive ──▶ the table; names of streams that can go on
    field section  ──▶ decode  ──▶ fields, or None: blocked
                       resume  ──▶ fields of a section that was blocked
    decoder stream ◀── data_to_send

Quantities.  `inserted` counts the insertions ever made.  An entry's *absolute index* is how many came before it; `_entries[0]` has
the absolute index `_dropped`.  A section has a *Required Insert Count*, how many insertions it needs, and a *Base* from which its
indices are counted: relative ones down from it, post-base ones up.  A section may use the absolute indices from `_dropped` up to its
Required Insert Count and no others, which is one comparison for each reference.

A section that needs more than was inserted is *blocked*: kept, as it came, until the encoder stream catches up; more than
`blocked_streams` at once is an error.  What decodes to more than `maximum_list` octets (RFC 9114 §4.2.2) raises LimitExceeded after
the section was acknowledged, so the decoder goes on.

The first bits of a representation (§4.5):

    1Txxxxxx   indexed field, T: static table
    01NTxxxx   literal with the name of an entry
    001Nhxxx   literal with its name, h: Huffman code
    0001xxxx   indexed field, post-base
    0000Nxxx   literal with the name of an entry, post-base
"""

from __future__ import annotations

from typing import Final, final

from sws.base.engine import Field
from sws.base.errors import DecodeError, LimitExceeded, QpackDecompressionFailed, QpackEncoderStreamError, UsageError
from sws.proto.hpack.huffman import decode_huffman
from sws.proto.qpack._tables import ENTRY_OVERHEAD, STATIC_TABLE
from sws.proto.qpack.integers import decode_integer, encode_integer

__all__ = ["Decoder"]

_STATIC_LARGEST: Final = max(len(name) + len(value) + ENTRY_OVERHEAD for name, value in STATIC_TABLE)
#: First octet -> field, for the indexed fields of the static table that take one octet.
_STATIC_BY_OCTET: Final = (None,) * 0xC0 + STATIC_TABLE[:63]
_STATIC_COUNT: Final = len(STATIC_TABLE)
_ACKNOWLEDGEMENT: Final = tuple(bytes((0x80 | stream,)) for stream in range(127))
_NOTHING: Final[list[Field]] = []


@final
class Decoder:
    """The decoding end of one connection's direction.

    Args:
      maximum_capacity:  octets that the dynamic table may have: our SETTINGS_QPACK_MAX_TABLE_CAPACITY.
      blocked_streams:   how many streams may be blocked at once: our SETTINGS_QPACK_BLOCKED_STREAMS.
      maximum_list:      octets of a decoded section, each field counting 32 more than it has.
    Attributes:
      never_indexed:  fields of the last section that may never be put into a table by whoever sends them on.  RFC 9204 §7.1.3.
    """

    __slots__ = (
        "_blocked",
        "_blocked_maximum",
        "_capacity",
        "_dropped",
        "_entries",
        "_known",
        "_largest",
        "_maximum_capacity",
        "_maximum_entries",
        "_out",
        "_rest",
        "_size",
        "_strings",
        "inserted",
        "maximum_list",
        "never_indexed",
    )

    def __init__(self, maximum_capacity: int = 4096, blocked_streams: int = 100, maximum_list: int = 65536) -> None:
        self._maximum_capacity = maximum_capacity
        self._maximum_entries = maximum_capacity // ENTRY_OVERHEAD
        self._blocked_maximum = blocked_streams
        self._capacity = 0
        self._entries: list[Field] = []
        self._dropped = 0
        self._size = 0
        self._known = 0  # insertions that the encoder knows we have
        self._rest = b""
        self._out: list[bytes] = []
        self._blocked: dict[int, tuple[int, int, int, bytes]] = {}  # stream -> Required Insert Count, Base, offset behind them, section
        self._largest = _STATIC_LARGEST
        self._strings: dict[bytes, bytes] = {}
        self.inserted = 0
        self.maximum_list = maximum_list
        self.never_indexed: list[Field] = _NOTHING

    @property
    def entries(self) -> tuple[Field, ...]:
        """The dynamic table, newest first."""
        return tuple(reversed(self._entries))

    @property
    def size(self) -> int:
        """Octets in the dynamic table.  RFC 9204 §3.2.1."""
        return self._size

    @property
    def capacity(self) -> int:
        """What the encoder has set.  RFC 9204 §3.2.2."""
        return self._capacity

    @property
    def blocked(self) -> int:
        """How many streams are blocked."""
        return len(self._blocked)

    # --- field sections ------------------------------------------------------------------------------------------

    def decode(self, stream: int, section: bytes) -> list[Field] | None:
        """The fields of a whole section, or None if it has to wait for the encoder stream: `receive` names the stream later.

        Args:
          stream:  the request stream it came on; one section of a stream can be blocked.
        Raises: QpackDecompressionFailed, after which the connection is lost; LimitExceeded for a section that decodes to more than
          `maximum_list`.
        """
        self.never_indexed = _NOTHING
        if section[:2] == b"\0\0":
            return self._finish(stream, section, 2, 0, 0)
        try:
            required, base, offset = self._read_prefix(section)
        except IndexError:
            raise QpackDecompressionFailed("a truncated section prefix") from None
        except DecodeError as error:
            raise QpackDecompressionFailed(error.what) from None
        if required <= self.inserted:
            return self._finish(stream, section, offset, required, base)
        if stream in self._blocked:
            raise UsageError("a section of this stream is blocked already")
        if len(self._blocked) >= self._blocked_maximum:
            raise QpackDecompressionFailed("more blocked streams than were allowed")
        self._blocked[stream] = required, base, offset, section
        return None

    def resume(self, stream: int) -> list[Field]:
        """The fields of a section that was blocked, once `receive` has named its stream.  Raises: as `decode`."""
        required, base, offset, section = self._blocked[stream]
        if required > self.inserted:
            raise UsageError("the section is still blocked")
        del self._blocked[stream]
        self.never_indexed = _NOTHING
        return self._finish(stream, section, offset, required, base)

    def cancel(self, stream: int) -> None:
        """No more is read from the stream: the encoder need not wait for its acknowledgements.  RFC 9204 §4.4.2."""
        self._blocked.pop(stream, None)
        if self._maximum_capacity:
            self._out.append(encode_integer(stream, 6, 0x40))

    def _read_prefix(self, section: bytes) -> tuple[int, int, int]:
        """Required Insert Count, Base, and the offset behind them.  RFC 9204 §4.5.1."""
        encoded = section[0]
        delta = section[1]
        sign = delta & 0x80
        delta &= 0x7F
        offset = 2
        if encoded == 255 or delta == 127:
            encoded, offset = decode_integer(section, 0, 8)
            sign = section[offset] & 0x80
            delta, offset = decode_integer(section, offset, 7)
        required = 0
        if encoded:
            full = 2 * self._maximum_entries
            if encoded > full:
                raise QpackDecompressionFailed("a Required Insert Count that cannot be")
            largest = self.inserted + self._maximum_entries
            required = largest // full * full + encoded - 1
            if required > largest:
                required -= full
            if required <= 0:
                raise QpackDecompressionFailed("a Required Insert Count that cannot be")
        base = required - delta - 1 if sign else required + delta
        if base < 0:
            raise QpackDecompressionFailed("a Base below zero")
        return required, base, offset

    def _finish(self, stream: int, section: bytes, offset: int, required: int, base: int) -> list[Field]:
        """Decode, acknowledge, measure."""
        try:
            fields = self._read_fields(section, offset, required - self._dropped, base - self._dropped)
        except IndexError:
            raise QpackDecompressionFailed("a truncated section, or an index past the static table") from None
        except DecodeError as error:
            raise QpackDecompressionFailed(error.what) from None
        if required:
            self._out.append(encode_integer(stream, 7, 0x80) if stream > 126 else _ACKNOWLEDGEMENT[stream])
            if required > self._known:
                self._known = required
        if len(fields) * self._largest + 2 * len(section) > self.maximum_list:  # the shortest codes have five bits
            self._measure(fields)
        return fields

    def _read_fields(self, section: bytes, offset: int, limit: int, base: int) -> list[Field]:
        """`limit` and `base` are places in `_entries`: those below `limit` may be used."""
        fields: list[Field] = []
        add = fields.append
        entries = self._entries
        by_octet = _STATIC_BY_OCTET
        strings = self._strings
        known = strings.get
        end = len(section)
        while offset < end:
            first = section[offset]
            if first >= 0xC0:
                if first < 0xFF:
                    add(by_octet[first])  # type: ignore[arg-type]
                    offset += 1
                else:
                    index, offset = decode_integer(section, offset, 6)
                    add(STATIC_TABLE[index])
                continue
            if first >= 0x80:
                index = first & 63
                if index == 63:
                    index, offset = decode_integer(section, offset, 6)
                else:
                    offset += 1
                index = base - 1 - index
                if not 0 <= index < limit:
                    raise QpackDecompressionFailed("a reference to an entry that is not there")
                add(entries[index])
                continue
            if first >= 0x40:
                index = first & 15
                if index == 15:
                    index, offset = decode_integer(section, offset, 4)
                else:
                    offset += 1
                if first & 0x10:
                    name = STATIC_TABLE[index][0]
                else:
                    index = base - 1 - index
                    if not 0 <= index < limit:
                        raise QpackDecompressionFailed("a reference to a name that is not there")
                    name = entries[index][0]
                secret = first & 0x20
            elif first >= 0x20:
                length, offset = decode_integer(section, offset, 3)
                name = section[offset : offset + length]
                offset += length
                if first & 8:
                    name = known(name) or decode_huffman(name, self._strings)
                secret = first & 0x10
            elif first >= 0x10:
                index, offset = decode_integer(section, offset, 4)
                index += base
                if not 0 <= index < limit:
                    raise QpackDecompressionFailed("a reference to an entry that is not there")
                add(entries[index])
                continue
            else:
                index, offset = decode_integer(section, offset, 3)
                index += base
                if not 0 <= index < limit:
                    raise QpackDecompressionFailed("a reference to a name that is not there")
                name = entries[index][0]
                secret = first & 8
            octet = section[offset]
            length = octet & 127
            if length == 127:
                length, offset = decode_integer(section, offset, 7)
            else:
                offset += 1
            value = section[offset : offset + length]
            offset += length
            if octet >= 128:
                value = known(value) or decode_huffman(value, self._strings)
            field = (name, value)
            add(field)
            if secret:
                self._note_never_indexed(field)
        if offset != end:
            raise QpackDecompressionFailed("a truncated string")
        return fields

    def _note_never_indexed(self, field: Field) -> None:
        if self.never_indexed is _NOTHING:
            self.never_indexed = []
        self.never_indexed.append(field)

    def _measure(self, fields: list[Field]) -> None:
        total = 0
        for name, value in fields:
            total += len(name) + len(value) + ENTRY_OVERHEAD
            if total > self.maximum_list:
                raise LimitExceeded("field section", total, self.maximum_list)

    # --- the encoder stream --------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> list[int]:
        """Octets of the peer's encoder stream.

        Returns: the streams that are blocked no longer, oldest first; `resume` has their fields.
        Raises: QpackEncoderStreamError, after which the connection is lost.
        """
        if self._rest:
            data = self._rest + data
        before = self.inserted
        begin = 0
        end = len(data)
        try:
            while begin < end:
                begin = self._insertion(data, begin, end) if data[begin] >= 0x40 else self._instruction(data, begin)
            self._rest = b""
        except IndexError:
            self._rest = data[begin:]
        except DecodeError as error:
            raise QpackEncoderStreamError(error.what) from None
        if self.inserted == before or not self._blocked:
            return []
        return [stream for stream, waiting in self._blocked.items() if waiting[0] <= self.inserted]

    def _insertion(self, data: bytes, offset: int, end: int) -> int:
        """An entry by name and value (RFC 9204 §4.3.2, §4.3.3); the offset behind it.  Raises: IndexError if it is cut."""
        first = data[offset]
        if first < 0x80:
            name, offset = self._string(data, offset, 5)
        else:
            index = first & 63
            if index < 63:
                offset += 1
            else:
                index, offset = decode_integer(data, offset, 6)
            if first < 0xC0:
                name = self._entry(index)[0]
            elif index < _STATIC_COUNT:
                name = STATIC_TABLE[index][0]
            else:
                raise QpackEncoderStreamError("an index past the static table")
        octet = data[offset]
        length = octet & 127
        if length < 127:
            offset += 1
        else:
            length, offset = decode_integer(data, offset, 7)
        capacity = self._capacity
        if length > capacity and (octet < 128 or length > 4 * capacity):  # see _string
            raise QpackEncoderStreamError("a string larger than the table")
        stop = offset + length
        if stop > end:
            raise IndexError
        value = data[offset:stop]
        if octet >= 128:
            value = self._strings.get(value) or decode_huffman(value, self._strings)
        size = len(name) + len(value) + ENTRY_OVERHEAD
        if size > self._largest or size > capacity - self._size:
            self._make_room(size)
        self._entries.append((name, value))
        self._size += size
        self.inserted += 1
        return stop

    def _instruction(self, data: bytes, offset: int) -> int:
        """Capacity or duplicate (RFC 9204 §4.3.1, §4.3.4); the offset behind it.  Raises: IndexError if it is cut."""
        is_capacity = data[offset] & 0x20
        number, offset = decode_integer(data, offset, 5)
        if is_capacity:
            if number > self._maximum_capacity:
                raise QpackEncoderStreamError("a table capacity above the maximum")
            self._capacity = number
            self._evict(number)
            return offset
        field = self._entry(number)
        size = len(field[0]) + len(field[1]) + ENTRY_OVERHEAD
        self._make_room(size)
        self._entries.append(field)
        self._size += size
        self.inserted += 1
        return offset

    def _entry(self, relative: int) -> Field:
        """By its index relative to the newest.  RFC 9204 §3.2.5."""
        if relative >= len(self._entries):
            raise QpackEncoderStreamError("a reference to an entry that is not there")
        return self._entries[-1 - relative]

    def _string(self, data: bytes, offset: int, prefix_bits: int) -> tuple[bytes, int]:
        coded = data[offset] & 1 << prefix_bits
        length, offset = decode_integer(data, offset, prefix_bits)
        # No symbol of the code has more than 30 bits: what is longer than this fits into no table, and is not waited for.
        if length > (self._capacity * 4 if coded else self._capacity):
            raise QpackEncoderStreamError("a string larger than the table")
        end = offset + length
        if end > len(data):
            raise IndexError
        text = data[offset:end]
        if coded:
            text = self._strings.get(text) or decode_huffman(text, self._strings)
        return text, end

    def _make_room(self, size: int) -> None:
        """For an entry.  RFC 9204 §3.2.2: one that does not fit is an error, here."""
        if size > self._capacity:
            raise QpackEncoderStreamError("an entry larger than the table")
        if size > self._largest:
            self._largest = size
        if self._size + size > self._capacity:
            self._evict(self._capacity - size)

    def _evict(self, maximum: int) -> None:
        """Drop the oldest entries until no more than `maximum` octets are left."""
        entries = self._entries
        size = self._size
        count = 0
        while size > maximum:
            name, value = entries[count]
            size -= len(name) + len(value) + ENTRY_OVERHEAD
            count += 1
        del entries[:count]
        self._dropped += count
        self._size = size

    # --- the decoder stream --------------------------------------------------------------------------------------

    def data_to_send(self) -> bytes:
        """Instructions for our decoder stream: acknowledgements, cancellations, and the insertions that no acknowledgement tells."""
        if self.inserted > self._known:
            self._out.append(encode_integer(self.inserted - self._known, 6, 0))
            self._known = self.inserted
        if not self._out:
            return b""
        out = b"".join(self._out)
        self._out.clear()
        return out
