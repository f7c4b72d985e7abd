# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The encoding end of one connection: fields to field sections, and the encoder stream that fills the peer's table.

RFC 9204 §2.1, §3.2, §4.3, §4.4, §4.5, §7.1.

    fields ──▶ encode ──▶ field section
               data_to_send ──▶ encoder stream, which must leave before the section or with it
    decoder stream ──▶ receive

Quantities.  `inserted` counts the insertions ever made, and an entry's *absolute index* is how many came before it: `_entries[0]` has
`_dropped`.  `_known` of the insertions are acknowledged.  A section has a Base, which is `inserted` when it was begun, so that what
was there before is counted down from it and what is inserted on the way is counted up; and a Required Insert Count, one more than the
largest absolute index that it uses.

What may be done with an entry:

- *use* it, if it is acknowledged, or if the stream may be blocked: at most `blocked_streams` streams at once have sections that use
  more than `_known` (§2.1.2); and if it is not about to be dropped (below `_draining`): such a one is duplicated first (§2.1.1.1);
- *drop* it, if it is acknowledged and no section that is still to be acknowledged uses it or an older one (§2.1.1).  `_pins` counts
  the sections by the oldest entry they use.

What is put into the table is decided as in sws.proto.hpack.encoder: secrets never are, what seldom repeats is at the second sight, all
else at once.  An entry that cannot be used in this section still serves the next ones.

A peer that acknowledges nothing costs no more than `_SECTIONS_MAXIMUM` sections' worth of memory: then sections use no table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, final

from sws.base.engine import Field
from sws.base.errors import DecodeError, QpackDecoderStreamError, UsageError
from sws.proto.hpack.encoder import encode_string
from sws.proto.qpack._tables import ENTRY_OVERHEAD, NAME_INDEX
from sws.proto.qpack.integers import decode_integer, encode_integer
from sws.proto.qpack.literals import (
    INDEXED_STATIC,
    INSERT_STATIC_NAME,
    SECRETS,
    STATIC_NUMBERS,
    literal_name,
    name_literals,
)

__all__ = ["Encoder", "Section"]

_GUESSABLE: Final = 20  # octets
_SELDOM: Final = frozenset((b"content-length", b"etag", b"set-cookie"))
_INDEXED: Final = tuple(encode_integer(index, 6, 0x80) for index in range(256))
_POST_BASE: Final = tuple(encode_integer(index, 4, 0x10) for index in range(128))
_SEEN_MAXIMUM: Final = 64
_SECTIONS_MAXIMUM: Final = 512
_NO_LIMIT: Final = 1 << 62


@final
@dataclass(slots=True)
class Section:
    """A field section.

    Attributes:
      octets:    what leaves.
      required:  its Required Insert Count; 0 if it uses no dynamic table.
      lowest:    the oldest entry that it uses.
      settled:   encoding the same fields again would give nothing shorter.
    """

    octets: bytes
    required: int
    lowest: int
    settled: bool


@final
class Encoder:
    """The encoding end of one connection's direction.  It uses no dynamic table before `set_limits`.

    Args:
      table_size:  octets of the dynamic table that we use at most, whatever more the peer would allow.
    Attributes:
      inserted:  how many insertions were made.
      room:      octets that the encoder stream may still take; beyond it nothing is inserted (RFC 9204 §2.1.3).
    """

    __slots__ = (
        "_at_risk",
        "_blocked_maximum",
        "_capacity",
        "_draining",
        "_dropped",
        "_entries",
        "_full",
        "_known",
        "_lowest",
        "_may_insert",
        "_names",
        "_numbers",
        "_out",
        "_own",
        "_pins",
        "_required",
        "_rest",
        "_sections",
        "_seen",
        "_settled",
        "_size",
        "_unacknowledged",
        "_values",
        "inserted",
        "room",
    )

    def __init__(self, table_size: int = 4096) -> None:
        self._own = table_size
        self._capacity = 0
        self._full = 0  # twice the most entries: what Required Insert Counts are counted modulo
        self._blocked_maximum = 0
        self._entries: list[Field] = []
        self._dropped = 0
        self._draining = 0
        self._size = 0
        self._known = 0
        self._numbers: dict[Field, int] = STATIC_NUMBERS.copy()
        self._names: dict[bytes, int] = {}
        self._unacknowledged: dict[int, list[tuple[int, int]]] = {}  # stream -> (required, lowest) of its sections, in order
        self._sections = 0  # how many those are
        self._pins: dict[int, int] = {}
        self._at_risk: dict[int, int] = {}  # stream -> what it needs; those of no more than _known are weeded out when a place is wanted
        self._out: list[bytes] = []
        self._rest = b""
        self._seen: dict[Field, None] = {}
        self._values: dict[bytes, bytes] = {}
        self._required = 0
        self._lowest = _NO_LIMIT
        self._may_insert = False
        self._settled = True
        self.inserted = 0
        self.room = _NO_LIMIT

    @property
    def entries(self) -> tuple[Field, ...]:
        """The dynamic table, newest first."""
        return tuple(reversed(self._entries))

    @property
    def size(self) -> int:
        """Octets in the dynamic table.  RFC 9204 §3.2.1."""
        return self._size

    @property
    def known(self) -> int:
        """How many insertions the peer acknowledged: the Known Received Count of RFC 9204 §2.1.4."""
        return self._known

    @property
    def at_risk(self) -> int:
        """How many streams may be blocked at the peer's end."""
        return sum(required > self._known for required in self._at_risk.values())

    def set_limits(self, maximum_capacity: int, blocked_streams: int) -> None:
        """The peer's SETTINGS_QPACK_MAX_TABLE_CAPACITY and SETTINGS_QPACK_BLOCKED_STREAMS.

        Raises: UsageError for a second capacity, beside one that was given first as a remembered setting (RFC 9204 §3.2.3).
        """
        full = 2 * (maximum_capacity // ENTRY_OVERHEAD)
        if self._full and full != self._full:
            raise UsageError("the maximum of the table's capacity does not change")
        self._full = full
        self._blocked_maximum = min(blocked_streams, _SECTIONS_MAXIMUM)
        capacity = min(self._own, maximum_capacity)
        if capacity != self._capacity and full:
            self._capacity = capacity
            self._out.append(encode_integer(capacity, 5, 0x20))

    # --- field sections ------------------------------------------------------------------------------------------

    def encode(self, stream: int, fields: Iterable[Field], never_indexed: Collection[Field] = ()) -> bytes:
        """A section.

        Args:
          stream:         the request stream that it leaves on.
          fields:         names in lower case, pseudo-fields first.
          never_indexed:  those of them that came to us never indexed.
        """
        number_of = self._numbers.get
        base = self.inserted
        draining = self._draining
        usable = 0
        if self._capacity and self._sections < _SECTIONS_MAXIMUM:
            self._may_insert = True
            usable = _NO_LIMIT if len(self._at_risk) < self._blocked_maximum or self._may_block(stream) else self._known
        else:
            self._may_insert = False
        self._required = required = 0
        self._lowest = lowest = _NO_LIMIT
        self._settled = True
        block = b""
        for field in fields:
            number = number_of(field)
            if number is None or (never_indexed and field in never_indexed):
                block += self._new_field(field, base, usable, never_indexed)
            elif number < 0:
                block += INDEXED_STATIC[~number]
            elif draining <= number < usable:
                if number < base:
                    index = base - 1 - number
                    block += _INDEXED[index] if index < 256 else encode_integer(index, 6, 0x80)
                else:
                    index = number - base
                    block += _POST_BASE[index] if index < 128 else encode_integer(index, 4, 0x10)
                if number >= required:
                    required = number + 1
                if number < lowest:
                    lowest = number
                    if number < self._lowest:
                        self._lowest = number
            else:
                block += self._unusable(field, number, base, usable)
        if self._required > required:
            required = self._required
        if not required:
            return b"\0\0" + block
        self._register(stream, required, self._lowest)
        self._required = required
        encoded = required % self._full + 1  # RFC 9204 §4.5.1.1
        delta = base - required
        if -128 < delta < 127 and encoded < 255:
            return bytes((encoded, delta if delta >= 0 else 127 - delta)) + block
        if delta >= 0:
            return encode_integer(encoded, 8, 0) + encode_integer(delta, 7, 0) + block
        return encode_integer(encoded, 8, 0) + encode_integer(-delta - 1, 7, 0x80) + block

    def encode_section(self, stream: int, fields: Iterable[Field], never_indexed: Collection[Field] = ()) -> Section:
        """`encode`, with what `repeat` needs."""
        octets = self.encode(stream, fields, never_indexed)
        return Section(octets, self._required, self._lowest, self._settled and self._required <= self._known)

    def _may_block(self, stream: int) -> bool:
        """Whether the stream is among those at risk, or there is a place among them."""
        known = self._known
        self._at_risk = risk = {one: required for one, required in self._at_risk.items() if required > known}
        return stream in risk or len(risk) < self._blocked_maximum

    def repeat(self, stream: int, section: Section) -> bool:
        """The same section leaves on another stream.  False: it has to be encoded anew, as the table has changed."""
        if section.required:
            if section.lowest < self._draining or section.required > self._known or self._sections >= _SECTIONS_MAXIMUM:
                return False
            self._register(stream, section.required, section.lowest)
        return True

    def _register(self, stream: int, required: int, lowest: int) -> None:
        """A section that the peer has to acknowledge."""
        sections = self._unacknowledged.get(stream)
        if sections is None:
            self._unacknowledged[stream] = [(required, lowest)]
        else:
            sections.append((required, lowest))
        self._sections += 1
        pins = self._pins
        pins[lowest] = pins.get(lowest, 0) + 1
        if required > self._known:
            self._at_risk[stream] = required

    def _new_field(self, field: Field, base: int, usable: int, never_indexed: Collection[Field]) -> bytes:
        """A field that is in no table, or must not be."""
        name, value = field
        if (name in SECRETS and (name != b"cookie" or len(value) < _GUESSABLE)) or (never_indexed and field in never_indexed):
            return self._literal(name, usable, base, True) + encode_string(value)
        size = len(name) + len(value) + ENTRY_OVERHEAD
        if self._may_insert and size <= self._capacity:
            self._settled = False
            if (name not in _SELDOM and self._size + size <= self._capacity) or self._is_seen(field):
                instruction = INSERT_STATIC_NAME.get(name) or self._insert_name(name)
                coded = self._values.get(value) or encode_string(value, self._values)
                instruction += coded
                if self._size + size <= self._capacity and len(instruction) <= self.room:
                    self.room -= len(instruction)
                elif not self._make_room(size, len(instruction)):
                    return self._literal(name, usable, base, False) + coded
                self._out.append(instruction)
                number = self.inserted
                self._entries.append(field)
                self._numbers[field] = self._names[name] = number
                self._size += size
                self.inserted = number + 1
                if usable > number:
                    self._required = number + 1
                    if number < self._lowest:
                        self._lowest = number
                    index = number - base
                    return _POST_BASE[index] if index < 128 else encode_integer(index, 4, 0x10)
        return self._literal(name, usable, base, False) + (self._values.get(value) or encode_string(value, self._values))

    def _unusable(self, field: Field, number: int, base: int, usable: int) -> bytes:
        """A field whose entry is not acknowledged yet, or about to be dropped: the latter is duplicated.  RFC 9204 §2.1.1.1."""
        self._settled = False
        name, value = field
        if self._may_insert and number < self._draining:
            size = len(name) + len(value) + ENTRY_OVERHEAD
            instruction = encode_integer(self.inserted - number - 1, 5, 0)
            if self._make_room(size, len(instruction)):
                self._out.append(instruction)
                number = self._insert(field, size)
        if self._draining <= number < usable:
            return self._use(number, base)
        return self._literal(name, usable, base, False) + (self._values.get(value) or encode_string(value, self._values))

    def _use(self, number: int, base: int) -> bytes:
        """A field by its entry."""
        self._required = max(self._required, number + 1)
        self._lowest = min(self._lowest, number)
        if number < base:
            return encode_integer(base - 1 - number, 6, 0x80)
        return encode_integer(number - base, 4, 0x10)

    def _literal(self, name: bytes, usable: int, base: int, secret: bool) -> bytes:
        """The part of a literal before its value, by an index of the name if there is one.  RFC 9204 §4.5.4, §4.5.5, §4.5.6."""
        if name not in NAME_INDEX:
            number = self._names.get(name, _NO_LIMIT)
            if self._draining <= number < usable:
                self._required = max(self._required, number + 1)
                self._lowest = min(self._lowest, number)
                if number < base:
                    return encode_integer(base - 1 - number, 4, 0x60 if secret else 0x40)
                return encode_integer(number - base, 3, 0x08 if secret else 0)
        return literal_name(name, secret)

    def _is_seen(self, field: Field) -> bool:
        seen = self._seen
        if field in seen:
            del seen[field]
            return True
        if len(seen) >= _SEEN_MAXIMUM:
            seen.clear()
        seen[field] = None
        return False

    # --- the table -----------------------------------------------------------------------------------------------

    def _insert_name(self, name: bytes) -> bytes:
        """The part of an insertion before its value, for a name that is not in the static table.  RFC 9204 §4.3.2, §4.3.3."""
        number = self._names.get(name)
        if number is None:
            return name_literals(name)[1]
        return encode_integer(self.inserted - 1 - number, 6, 0x80)

    def _make_room(self, size: int, octets: int) -> bool:
        """Drop entries until `size` more fit, and take `octets` of the encoder stream; False if either cannot be."""
        if octets > self.room:
            return False
        if self._size + size > self._capacity and not self._evict(self._capacity - size):
            return False
        self.room -= octets
        return True

    def _insert(self, field: Field, size: int) -> int:
        number = self.inserted
        self._entries.append(field)
        self._numbers[field] = number
        self._names[field[0]] = number
        self._size += size
        self.inserted = number + 1
        return number

    def _evict(self, maximum: int) -> bool:
        """Drop the oldest entries until no more than `maximum` octets are left; False, and nothing changed, if some must stay."""
        entries = self._entries
        limit = min(self._known, self._lowest, min(self._pins, default=_NO_LIMIT)) - self._dropped
        size = self._size
        count = 0
        while size > maximum:
            if count >= limit:
                return False
            name, value = entries[count]
            size -= len(name) + len(value) + ENTRY_OVERHEAD
            count += 1
        first = self._dropped
        for at in range(count):
            field = entries[at]
            if self._numbers.get(field) == first + at:
                del self._numbers[field]
            if self._names.get(field[0]) == first + at:
                del self._names[field[0]]
        del entries[:count]
        self._dropped = first + count
        self._size = size
        self._drain()
        return True

    def _drain(self) -> None:
        """An eighth of the table is on its way out: no new section uses it.  RFC 9204 §2.1.1.1."""
        left = self._capacity // 8
        count = 0
        for name, value in self._entries:
            left -= len(name) + len(value) + ENTRY_OVERHEAD
            if left < 0:
                break
            count += 1
        self._draining = self._dropped + count

    # --- the streams ---------------------------------------------------------------------------------------------

    def data_to_send(self) -> bytes:
        """Instructions for our encoder stream."""
        if not self._out:
            return b""
        out = b"".join(self._out)
        self._out.clear()
        return out

    def receive(self, data: bytes) -> None:
        """Octets of the peer's decoder stream.  RFC 9204 §4.4.

        Raises: QpackDecoderStreamError, after which the connection is lost.
        """
        if self._rest:
            data = self._rest + data
        offset = 0
        end = len(data)
        try:
            while offset < end:
                first = data[offset]
                if first >= 0x80:
                    if first < 0xFF:
                        stream = first & 127
                        offset += 1
                    else:
                        stream, offset = decode_integer(data, offset, 7)
                    self._acknowledge(stream)
                elif first >= 0x40:
                    stream, offset = decode_integer(data, offset, 6)
                    self._cancel(stream)
                else:
                    increment, offset = decode_integer(data, offset, 6)
                    if not increment or self._known + increment > self.inserted:
                        raise QpackDecoderStreamError("an increment of zero, or beyond what was inserted")
                    self._known += increment
            self._rest = b""
        except IndexError:
            self._rest = data[offset:]
        except DecodeError as error:
            raise QpackDecoderStreamError(error.what) from None

    def _acknowledge(self, stream: int) -> None:
        """RFC 9204 §4.4.1."""
        sections = self._unacknowledged.get(stream)
        if sections is None:
            raise QpackDecoderStreamError("an acknowledgement of a section that is not there")
        if len(sections) == 1:
            del self._unacknowledged[stream]
        required, lowest = sections.pop(0)
        self._unpin(lowest)
        if required > self._known:
            self._known = required

    def _cancel(self, stream: int) -> None:
        """RFC 9204 §4.4.2: the sections of the stream use nothing any more."""
        for _, lowest in self._unacknowledged.pop(stream, ()):
            self._unpin(lowest)
        self._at_risk.pop(stream, None)

    def _unpin(self, lowest: int) -> None:
        self._sections -= 1
        left = self._pins[lowest] - 1
        if left:
            self._pins[lowest] = left
        else:
            del self._pins[lowest]
