# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Fields to field blocks.  RFC 7541 §2, §3, §4, §6, §7.1.

The encoder learns.  A field that is in a table leaves as its index.  Of the others

- secrets (`_SECRETS`, and cookies short enough to be guessed) are never indexed, here or by whoever sends them on (§6.2.3, §7.1.3);
- those whose values seldom come again (`_SELDOM`: paths, lengths, validators) go into the dynamic table when they are seen for the
  second time, so that they do not push out what does repeat;
- all others go into the table at once.

Entries are numbered as they are inserted, from 1, and the number of an entry never changes: its index on the wire is 62 + inserted -
number, the *base* less the number.  `_numbers` has the fields of both tables; a static one is there under its index with a minus sign.
A field is looked up there before it is inserted, so that each is in the table once.  `_names` has the numbers of names that no static
entry has; those up to inserted - entries are gone from the table, and are swept out when there are many.

All caches belong to one encoder, that is to one direction of one connection; only the codes of field names, which are no secret, are
shared.

`generation` changes whenever the table does.  As long as it has not, a block encoded before may be sent again for the same fields:
the engine does so with the heads of its responses.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from typing import Final, final

from sws.base.engine import Field
from sws.proto.hpack._tables import STATIC_TABLE
from sws.proto.hpack.decoder import DEFAULT_TABLE_SIZE, ENTRY_OVERHEAD
from sws.proto.hpack.huffman import encode_string
from sws.proto.hpack.integers import encode_integer

__all__ = ["Encoder", "encode_literal", "encode_string"]

_SECRETS: Final = frozenset((b"authorization", b"cookie", b"proxy-authorization"))
_GUESSABLE: Final = 20  # octets
_SELDOM: Final = frozenset((b"content-length", b"etag", b"set-cookie"))
_NAME_INDEX: Final[dict[bytes, int]] = {name: len(STATIC_TABLE) - at for at, (name, _) in enumerate(reversed(STATIC_TABLE))}
_STATIC_NUMBERS: Final[dict[Field, int]] = {field: -index for index, field in enumerate(STATIC_TABLE, 1)}
#: Index -> octets, as far as the largest table of any encoder reaches.
_indexed: Final[list[bytes]] = []
_indexed_name: Final[list[bytes]] = []
#: Static name -> first octets of a literal that is put into the table, and of one that is not.
_STATIC_NAME: Final = {name: encode_integer(index, 6, 0x40) for name, index in _NAME_INDEX.items()}
_STATIC_NAME_PLAIN: Final = {name: encode_integer(index, 4, 0) for name, index in _NAME_INDEX.items()}
#: Those of fields that go into the table whatever their value.
_ORDINARY: Final = {name: octets for name, octets in _STATIC_NAME.items() if name not in _SECRETS and name not in _SELDOM}
_SEEN_MAXIMUM: Final = 64
_NAMES_MAXIMUM: Final = 512
_STALE_NAMES: Final = 64  # beyond the number of entries
_names: dict[bytes, bytes] = {}


def _reach(table_size: int) -> None:
    """Have the octets of all indices of a table."""
    for index in range(len(_indexed), len(STATIC_TABLE) + 2 + table_size // ENTRY_OVERHEAD):
        _indexed.append(encode_integer(index, 7, 0x80))
        _indexed_name.append(encode_integer(index, 6, 0x40))


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
        return encode_integer(-number, 7, 0x80)
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
        "_costs",
        "_entries",
        "_inserted",
        "_lowest",
        "_maximum",
        "_names",
        "_numbers",
        "_own",
        "_seen",
        "_size",
        "_values",
        "generation",
    )

    def __init__(self, table_size: int = DEFAULT_TABLE_SIZE) -> None:
        _reach(table_size)
        self._own = table_size
        self._maximum = min(table_size, DEFAULT_TABLE_SIZE)
        # A size update is owed; the smallest size since the last block (§4.2).  A table smaller than all begin with is one, too.
        self._lowest: int | None = self._maximum if self._maximum < DEFAULT_TABLE_SIZE else None
        self._entries: deque[Field] = deque()  # oldest first
        self._costs: deque[int] = deque()  # octets that each counts for
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
        return tuple(reversed(self._entries))

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
        while self._size > maximum:
            del self._numbers[self._entries.popleft()]
            self._size -= self._costs.popleft()

    def encode(self, fields: Iterable[Field], never_indexed: Collection[Field] = ()) -> bytes:
        """A block.

        Args:
          fields:         names in lower case, pseudo-fields first.
          never_indexed:  those of them that came to us never indexed.
        """
        parts = [] if self._lowest is None else [self._size_updates()]
        if never_indexed:
            parts += [self._encode_never(field) if field in never_indexed else self.encode((field,)) for field in fields]
            return b"".join(parts)
        numbers = self._numbers
        number_of = numbers.get
        values = self._values
        coded = values.get
        entries = self._entries
        costs = self._costs
        size = self._size
        maximum = self._maximum
        base = before = self._inserted + 62
        for field in fields:
            number = number_of(field)
            if number is not None:
                parts.append(_indexed[base - number if number > 0 else -number])
                continue
            name, value = field
            prefix = _ORDINARY.get(name)
            if prefix is None:
                prefix = self._unusual(field, base, parts)
                if prefix is None:
                    continue
            parts.append(prefix)
            parts.append(coded(value) or encode_string(value, values))
            numbers[field] = base - 61
            base += 1
            entries.append(field)
            cost = len(name) + len(value) + ENTRY_OVERHEAD
            costs.append(cost)
            size += cost
            while size > maximum:  # an entry larger than the table empties it and is not kept: RFC 7541 §4.4
                del numbers[entries.popleft()]
                size -= costs.popleft()
        if base != before:
            self._inserted = base - 62
            self._size = size
            self.generation += 1
        return b"".join(parts)

    def _unusual(self, field: Field, base: int, parts: list[bytes]) -> bytes | None:
        """What a literal begins with if its name decides what becomes of it, or is in no static entry.

        Returns: None for one that is not put into the table; then `parts` has it.
        """
        name, value = field
        static = _STATIC_NAME.get(name)
        if static is None:
            names = self._names
            number = names.get(name, 0)
            names[name] = base - 61
            evicted = base - 62 - len(self._entries)
            if number > evicted:
                return _indexed_name[base - number]
            if len(names) > len(self._entries) + _STALE_NAMES:
                self._names = {name: number for name, number in names.items() if number > evicted}
            parts.append(b"\x40")
            return _names.get(name) or _encode_name(name)
        if name in _SELDOM:
            seen = self._seen
            if field in seen:
                del seen[field]
                return static
            if len(seen) >= _SEEN_MAXIMUM:
                seen.clear()
            seen[field] = None
            parts.append(_STATIC_NAME_PLAIN[name])
            parts.append(self._values.get(value) or encode_string(value, self._values))
            return None
        if name == b"cookie" and len(value) >= _GUESSABLE:
            return static
        parts.append(self._encode_never(field))
        return None

    def _encode_never(self, field: Field) -> bytes:
        """A literal that nobody may index; its value goes into no memo.  RFC 7541 §6.2.3."""
        name, value = field
        index = _NAME_INDEX.get(name)
        if index is None:
            number = self._names.get(name, 0)
            if number <= self._inserted - len(self._entries):
                return b"\x10" + _encode_name(name) + encode_string(value)
            index = 62 + self._inserted - number
        return encode_integer(index, 4, 0x10) + encode_string(value)

    def _size_updates(self) -> bytes:
        lowest = self._lowest
        self._lowest = None
        update = encode_integer(self._maximum, 5, 0x20)
        if lowest is not None and lowest < self._maximum:
            return encode_integer(lowest, 5, 0x20) + update
        return update
