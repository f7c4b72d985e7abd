# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Fields to field blocks.  RFC 7541 §2, §3, §4, §6, §7.1.

The encoder learns.  A field that is in a table leaves as its index.  Of the others

- secrets (`_SECRETS`, and cookies short enough to be guessed) are never indexed, here or by whoever sends them on (§6.2.3, §7.1.3);
- those whose values seldom come again (`_SELDOM`: paths, lengths, validators) go into the dynamic table when they are seen for the
  second time, so that they do not push out what does repeat;
- all others go into the table at once.

Entries are numbered as they are inserted, and the number of an entry never changes: its index on the wire is 61 + inserted - number.
`_numbers` has the fields of both tables; a static one is there under its index with a minus sign.  All caches belong to one encoder,
that is to one direction of one connection; only the codes of field names, which are no secret, are shared.

`generation` changes whenever the table does.  As long as it has not, a block encoded before may be sent again for the same fields:
the engine does so with the heads of its responses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final, final

from sws.base.engine import Field
from sws.proto.hpack._tables import STATIC_TABLE
from sws.proto.hpack.decoder import DEFAULT_TABLE_SIZE, ENTRY_OVERHEAD
from sws.proto.hpack.huffman import encode_huffman
from sws.proto.hpack.integers import encode_integer

__all__ = ["Encoder", "encode_literal", "encode_string"]

_SECRETS: Final = frozenset((b"authorization", b"cookie", b"proxy-authorization"))
_GUESSABLE: Final = 20  # octets
_SELDOM: Final = frozenset((b"content-length", b"etag", b"set-cookie"))
_NAME_INDEX: Final[dict[bytes, int]] = {name: len(STATIC_TABLE) - at for at, (name, _) in enumerate(reversed(STATIC_TABLE))}
_STATIC_NUMBERS: Final[dict[Field, int]] = {field: -index for index, field in enumerate(STATIC_TABLE, 1)}
_INDEXED: Final = tuple(encode_integer(index, 7, 0x80) for index in range(256))
_INDEXED_NAME: Final = tuple(encode_integer(index, 6, 0x40) for index in range(256))
_CODE_LENGTH: Final = tuple(bytes((0x80 | length,)) for length in range(127))
_SEEN_MAXIMUM: Final = 64
_MEMO_MAXIMUM: Final = 128
_MEMO_LENGTH: Final = 64
_NAMES_MAXIMUM: Final = 512
_names: dict[bytes, bytes] = {}


def encode_string(text: bytes) -> bytes:
    """A string literal, in whichever form is shorter.  RFC 7541 §5.2."""
    code = encode_huffman(text)
    length = len(code)
    if length >= len(text):
        return encode_integer(len(text), 7, 0) + text
    if length < 127:
        return _CODE_LENGTH[length] + code
    return encode_integer(length, 7, 0x80) + code


def _encode_name(name: bytes) -> bytes:
    code = _names.get(name)
    if code is None:
        code = encode_string(name)
        if len(_names) < _NAMES_MAXIMUM:
            _names[name] = code
    return code


def encode_literal(field: Field) -> bytes:
    """A field that touches no dynamic table, so that its octets are good on any connection.  RFC 7541 §6.2.2, §6.2.3, §6.1."""
    number = _STATIC_NUMBERS.get(field)
    if number is not None:
        return _INDEXED[-number]
    name, value = field
    first = 0x10 if name in _SECRETS else 0
    index = _NAME_INDEX.get(name)
    if index is None:
        return bytes((first,)) + _encode_name(name) + encode_string(value)
    return encode_integer(index, 4, first) + encode_string(value)


@final
class Encoder:
    """The encoding end of one connection's direction.

    Args:
      table_size:  octets of the dynamic table that we use at most, whatever more the peer would allow.
    Attributes:
      generation:  counts the changes of the dynamic table.
    """

    __slots__ = (
        "_entries",
        "_inserted",
        "_lowest",
        "_maximum",
        "_names",
        "_numbers",
        "_own",
        "_seen",
        "_size",
        "_start",
        "_values",
        "generation",
    )

    def __init__(self, table_size: int = DEFAULT_TABLE_SIZE) -> None:
        self._own = table_size
        self._maximum = min(table_size, DEFAULT_TABLE_SIZE)
        # A size update is owed; the smallest size since the last block (§4.2).  A table smaller than all begin with is one, too.
        self._lowest: int | None = self._maximum if self._maximum < DEFAULT_TABLE_SIZE else None
        self._entries: list[Field] = []  # entries[_start:] is the table, oldest first
        self._start = 0
        self._size = 0
        self._inserted = 0
        self._numbers: dict[Field, int] = _STATIC_NUMBERS.copy()
        self._names: dict[bytes, int] = {}
        self._seen: dict[Field, None] = {}
        self._values: dict[bytes, bytes] = {}  # what their codes are
        self.generation = 0

    @property
    def entries(self) -> tuple[Field, ...]:
        """The dynamic table, newest first."""
        return tuple(reversed(self._entries[self._start :]))

    @property
    def size(self) -> int:
        """Octets in the dynamic table.  RFC 7541 §4.1."""
        return self._size

    def set_limit(self, octets: int) -> None:
        """The peer's SETTINGS_HEADER_TABLE_SIZE: how large the table may be.  The next block says what is made of it (§4.2)."""
        maximum = min(octets, self._own)
        if maximum == self._maximum and self._lowest is None:
            return
        self._lowest = maximum if self._lowest is None else min(self._lowest, maximum)
        self._maximum = maximum
        self.generation += 1
        self._evict()

    def encode(self, fields: Iterable[Field], never_indexed: Collection[Field] = ()) -> bytes:
        """A block.

        Args:
          fields:         names in lower case, pseudo-fields first.
          never_indexed:  those of them that came to us never indexed.
        """
        block = b"" if self._lowest is None else self._size_updates()
        numbers = self._numbers
        names = self._names
        entries = self._entries
        number_of = numbers.get
        coded = self._values.get
        before = inserted = self._inserted
        for field in fields:
            number = number_of(field)
            if number is not None and not (never_indexed and field in never_indexed):
                if number < 0:
                    block += _INDEXED[-number]
                else:
                    index = 61 + inserted - number
                    block += _INDEXED[index] if index < 256 else encode_integer(index, 7, 0x80)
                continue
            name, value = field
            if (name in _SECRETS and (name != b"cookie" or len(value) < _GUESSABLE)) or (never_indexed and field in never_indexed):
                block += self._not_indexed(field, 0x10)
                continue
            if name in _SELDOM and not self._is_seen(field):
                block += self._not_indexed(field, 0)
                continue
            static = _NAME_INDEX.get(name)
            if static is not None:
                block += _INDEXED_NAME[static]
            else:
                at = names.get(name)
                if at is None:
                    block += b"\x40" + (_names.get(name) or _encode_name(name))
                else:
                    index = 61 + inserted - at
                    block += _INDEXED_NAME[index] if index < 256 else encode_integer(index, 6, 0x40)
            block += coded(value) or self._encode_value(value)
            numbers[field] = inserted
            names[name] = inserted
            entries.append(field)
            self._inserted = inserted = inserted + 1
            self._size = size = self._size + len(name) + len(value) + 32
            if size > self._maximum:  # an entry larger than the table empties it and is not kept: RFC 7541 §4.4
                self._evict()
        if inserted != before:
            self.generation += 1
        return block

    def _is_seen(self, field: Field) -> bool:
        seen = self._seen
        if field in seen:
            del seen[field]
            return True
        if len(seen) >= _SEEN_MAXIMUM:
            seen.clear()
        seen[field] = None
        return False

    def _encode_value(self, value: bytes) -> bytes:
        """A string that is not in the memo."""
        code = encode_string(value)
        if len(value) <= _MEMO_LENGTH:
            values = self._values
            if len(values) >= _MEMO_MAXIMUM:
                values.clear()
            values[value] = code
        return code

    def _not_indexed(self, field: Field, first: int) -> bytes:
        name, value = field
        index = _NAME_INDEX.get(name)
        if index is None:
            at = self._names.get(name)
            if at is None:
                return bytes((first,)) + _encode_name(name) + self._value(value, first)
            index = 61 + self._inserted - at
        return encode_integer(index, 4, first) + self._value(value, first)

    def _value(self, value: bytes, first: int) -> bytes:
        """A value's code, from the memo if it is there; secrets do not go into it."""
        if first:
            return encode_string(value)
        return self._values.get(value) or self._encode_value(value)

    def _size_updates(self) -> bytes:
        lowest = self._lowest
        self._lowest = None
        update = encode_integer(self._maximum, 5, 0x20)
        if lowest is not None and lowest < self._maximum:
            return encode_integer(lowest, 5, 0x20) + update
        return update

    def _evict(self) -> None:
        entries = self._entries
        start = self._start
        first = self._inserted - len(entries)  # the number of entries[0]
        while self._size > self._maximum:
            field = entries[start]
            name, value = field
            number = first + start
            self._size -= len(name) + len(value) + ENTRY_OVERHEAD
            start += 1
            if self._numbers.get(field) == number:
                del self._numbers[field]
            if self._names.get(name) == number:
                del self._names[name]
        if start > 64:
            del entries[:start]
            start = 0
        self._start = start
