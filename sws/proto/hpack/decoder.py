# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Field blocks to fields.  RFC 7541 §2, §3, §4, §6.

The dynamic table is a list with the newest entry last, so index 62 is `entries[-1]` and an index past its end is an IndexError, which
is the DecodeError that §2.3.3 asks for.  A block is decoded in one loop over its octets, by their first bits:

    1xxxxxxx   indexed field                               §6.1
    01xxxxxx   literal, put into the dynamic table         §6.2.1
    001xxxxx   dynamic table size update                   §6.3
    0001xxxx   literal, never indexed                      §6.2.3
    0000xxxx   literal, not indexed                        §6.2.2

Invariants: `size` is the sum of the entries' sizes and at most `maximum`, which is at most the limit we announced.
Bounds: what a block decodes to is measured against `maximum_list` as RFC 9113 §6.5.2 counts it.  One octet may stand for a field of
4 KiB, so the fields are references to the table's own strings and nothing is copied before the measure is taken.
"""

from __future__ import annotations

from typing import Final, final

from sws.base.engine import Field
from sws.base.errors import DecodeError, LimitExceeded
from sws.proto.hpack._tables import STATIC_TABLE
from sws.proto.hpack.huffman import decode_huffman
from sws.proto.hpack.integers import decode_integer

__all__ = ["DEFAULT_TABLE_SIZE", "Decoder"]

DEFAULT_TABLE_SIZE: Final = 4096
ENTRY_OVERHEAD: Final = 32
"""What an entry counts for beside its octets.  RFC 7541 §4.1."""

_STATIC_LARGEST: Final = max(len(name) + len(value) + ENTRY_OVERHEAD for name, value in STATIC_TABLE)
#: First octet -> field, for the indexed fields of the static table.
_STATIC_BY_OCTET: Final = (None,) * 129 + STATIC_TABLE
_FIRST_DYNAMIC: Final = 128 + len(STATIC_TABLE) + 1
_MEMO_MAXIMUM: Final = 256
_NOTHING: Final[list[Field]] = []


@final
class Decoder:
    """The decoding end of one connection's direction.

    Args:
      table_size:    octets of the dynamic table that the encoder may use: what SETTINGS_HEADER_TABLE_SIZE says at first.
      maximum_list:  octets of a decoded block, each field counting 32 more than it has.
    Attributes:
      never_indexed:  fields of the last block that may never be put into a table by whoever sends them on.  RFC 7541 §6.2.3.
    """

    __slots__ = ("_entries", "_largest", "_limit", "_maximum", "_must_shrink", "_size", "_strings", "maximum_list", "never_indexed")

    def __init__(self, table_size: int = DEFAULT_TABLE_SIZE, maximum_list: int = 65536) -> None:
        self._entries: list[Field] = []
        self._size = 0
        self._maximum = table_size
        self._limit = table_size
        self._must_shrink = False
        self._largest = _STATIC_LARGEST
        self._strings: dict[bytes, bytes] = {}
        self.maximum_list = maximum_list
        self.never_indexed: list[Field] = _NOTHING

    @property
    def entries(self) -> tuple[Field, ...]:
        """The dynamic table, newest first."""
        return tuple(reversed(self._entries))

    @property
    def size(self) -> int:
        """Octets in the dynamic table.  RFC 7541 §4.1."""
        return self._size

    def set_limit(self, octets: int) -> None:
        """The encoder has acknowledged this SETTINGS_HEADER_TABLE_SIZE; if it means less, its next block must say so (§4.2)."""
        self._limit = octets
        self._must_shrink = self._maximum > octets

    def decode(self, block: bytes) -> list[Field]:
        """The fields of a whole block.

        Raises: DecodeError for a malformed block, after which the connection is lost; LimitExceeded for one that decodes to more than
          `maximum_list`, which leaves the decoder ready for the next block.
        """
        self.never_indexed = _NOTHING
        offset = 0
        if self._must_shrink or (block and block[0] & 0xE0 == 0x20):
            offset = self._read_size_updates(block)
        try:
            fields = self._read_fields(block, offset)
        except IndexError:
            raise DecodeError("HPACK: a truncated block, or an index past the tables", len(block)) from None
        if len(fields) * self._largest + 2 * len(block) > self.maximum_list:  # the shortest codes have five bits
            self._measure(fields)
        return fields

    def _read_size_updates(self, block: bytes) -> int:
        """Size updates stand at the beginning of a block.  RFC 7541 §4.2."""
        offset = 0
        while offset < len(block) and block[offset] & 0xE0 == 0x20:
            size, offset = decode_integer(block, offset, 5)
            if size > self._limit:
                raise DecodeError("HPACK: a table size above the limit", offset)
            self._maximum = size
            self._must_shrink = False
            if self._size > size:
                self._evict()
        if self._must_shrink:
            raise DecodeError("HPACK: the table was to shrink, and the block does not say so", offset)
        return offset

    def _read_fields(self, block: bytes, offset: int) -> list[Field]:
        fields: list[Field] = []
        add = fields.append
        entries = self._entries
        static = STATIC_TABLE
        by_octet = _STATIC_BY_OCTET
        strings = self._strings
        known = strings.get
        end = len(block)
        while offset < end:
            first = block[offset]
            if first >= 128:
                if 128 < first < 190:
                    add(by_octet[first])  # type: ignore[arg-type]
                    offset += 1
                elif 190 <= first < 255:
                    add(entries[189 - first])
                    offset += 1
                elif first == 255:
                    index, offset = decode_integer(block, offset, 7)
                    add(entries[61 - index])
                else:
                    raise DecodeError("HPACK: index 0", offset)
                continue
            if first >= 64:
                index = first & 63
                if index == 63:
                    index, offset = decode_integer(block, offset, 6)
                else:
                    offset += 1
            elif first >= 32:
                raise DecodeError("HPACK: a size update within a block", offset)
            else:
                index = first & 15
                if index == 15:
                    index, offset = decode_integer(block, offset, 4)
                else:
                    offset += 1
            if index:
                name = static[index - 1][0] if index < 62 else entries[61 - index][0]
            else:
                octet = block[offset]
                length = octet & 127
                if length == 127:
                    length, offset = decode_integer(block, offset, 7)
                else:
                    offset += 1
                name = block[offset : offset + length]
                offset += length
                if octet >= 128:
                    name = known(name) or self._remember(name)
            octet = block[offset]
            length = octet & 127
            if length == 127:
                length, offset = decode_integer(block, offset, 7)
            else:
                offset += 1
            value = block[offset : offset + length]
            offset += length
            if octet >= 128:
                value = known(value) or self._remember(value)
            if offset > end:
                break
            field = (name, value)
            add(field)
            if first >= 64:
                size = len(name) + len(value) + 32
                if size > self._largest:
                    self._largest = size
                entries.append(field)
                self._size = size = self._size + size
                if size > self._maximum:
                    self._evict()
            elif first >= 16:
                self._note_never_indexed(field)
        if offset != end:
            raise DecodeError("HPACK string: truncated", end)
        return fields

    def _remember(self, code: bytes) -> bytes:
        """Decode a string; the next one with the same code is looked up."""
        text = decode_huffman(code)
        if len(self._strings) >= _MEMO_MAXIMUM:
            self._strings.clear()
        if len(code) <= 64:
            self._strings[code] = text
        return text

    def _note_never_indexed(self, field: Field) -> None:
        if self.never_indexed is _NOTHING:
            self.never_indexed = []
        self.never_indexed.append(field)

    def _evict(self) -> None:
        """Drop the oldest entries until the table fits; an entry larger than the table empties it (§4.4)."""
        entries = self._entries
        size = self._size
        maximum = self._maximum
        count = 0
        while size > maximum:
            name, value = entries[count]
            size -= len(name) + len(value) + ENTRY_OVERHEAD
            count += 1
        del entries[:count]
        self._size = size

    def _measure(self, fields: list[Field]) -> None:
        total = 0
        for name, value in fields:
            total += len(name) + len(value) + ENTRY_OVERHEAD
            if total > self.maximum_list:
                raise LimitExceeded("field section", total, self.maximum_list)
