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
_STATIC_NAMES: Final = (b"", *(name for name, _ in STATIC_TABLE))
#: First octet -> field, for the indexed fields of the static table.
_STATIC_BY_OCTET: Final = ((b"", b""),) * 129 + STATIC_TABLE
#: First octet below 129 -> name of the static table; empty: it is spelled behind; None: `_unusual` looks at it.
_NAME_BY_OCTET: Final[tuple[bytes | None, ...]] = (
    *_STATIC_NAMES[:15],
    None,
    *_STATIC_NAMES[:15],
    *(None,) * 33,
    *_STATIC_NAMES,
    *(None,) * 3,
)
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
        if self._must_shrink and (not block or block[0] & 0xE0 != 0x20):
            raise DecodeError("HPACK: the table was to shrink, and the block does not say so", 0)
        try:
            fields = self._read_fields(block)
        except IndexError:
            raise DecodeError("HPACK: a truncated block, or an index past the tables", len(block)) from None
        if len(fields) * self._largest + 2 * len(block) > self.maximum_list:  # the shortest codes have five bits
            self._measure(fields)
        return fields

    def _read_fields(self, block: bytes) -> list[Field]:
        fields: list[Field] = []
        entries = self._entries
        strings = self._strings
        known = strings.get
        offset = 0
        end = len(block)
        while offset < end:
            first = block[offset]
            offset += 1
            if first > 128:
                if first < 190:
                    fields.append(_STATIC_BY_OCTET[first])
                elif first < 255:
                    fields.append(entries[189 - first])
                else:
                    index, offset = decode_integer(block, offset - 1, 7)
                    fields.append(entries[61 - index])
                continue
            name = _NAME_BY_OCTET[first]
            if not name:
                if name is None:
                    name, offset = self._unusual(block, offset - 1, fields)
                    if name is None:
                        continue
                else:
                    octet = block[offset]
                    start = offset + 1
                    length = octet & 127
                    if length == 127:
                        length, start = decode_integer(block, offset, 7)
                    offset = start + length
                    name = block[start:offset]
                    if octet >= 128:
                        name = known(name) or decode_huffman(name, strings)
            octet = block[offset]
            start = offset + 1
            if octet >= 128:
                if octet == 255:
                    length, start = decode_integer(block, offset, 7)
                    offset = start + length
                else:
                    offset += octet - 127
                value = block[start:offset]
                value = known(value) or decode_huffman(value, strings)
            else:
                if octet == 127:
                    octet, start = decode_integer(block, offset, 7)
                offset = start + octet
                value = block[start:offset]
            if offset > end:
                break
            field = (name, value)
            fields.append(field)
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

    def _unusual(self, block: bytes, offset: int, fields: list[Field]) -> tuple[bytes | None, int]:
        """A first octet that is not in the table of names: an index that is in the dynamic table or takes more octets, or a size update.

        Returns: the name of the literal, or None behind a size update; the offset of what comes next.
        """
        first = block[offset]
        if first == 128:
            raise DecodeError("HPACK: index 0", offset)
        if 32 <= first < 64:
            if fields:  # they stand at the beginning of a block: RFC 7541 §4.2
                raise DecodeError("HPACK: a size update within a block", offset)
            return None, self._read_size_update(block, offset)
        index, offset = decode_integer(block, offset, 6 if first >= 64 else 4)
        return _STATIC_NAMES[index] if index < 62 else self._entries[61 - index][0], offset

    def _read_size_update(self, block: bytes, offset: int) -> int:
        size, offset = decode_integer(block, offset, 5)
        if size > self._limit:
            raise DecodeError("HPACK: a table size above the limit", offset)
        self._maximum = size
        self._must_shrink = False
        if self._size > size:
            self._evict()
        return offset

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
