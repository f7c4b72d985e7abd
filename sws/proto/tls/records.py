# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Records: cutting the stream into them, and their protection in batches.  RFC 9846 §5.

    TLSCiphertext = 23 0303 length | AEAD(content | type | zeros),  nonce = IV xor sequence,  additional data = the five octets in front

`Protection` is one direction under one key.  What depends on the state of the connection (which records may come when) is `connection`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from sws.base.errors import TlsAlert
from sws.proto.tls.constants import AlertDescription, ContentType
from sws.proto.tls.schedule import traffic_keys
from sws.proto.tls.suites import SUITES

__all__ = ["CIPHERTEXT_MAXIMUM", "INNER_MAXIMUM", "PLAINTEXT_MAXIMUM", "Protection", "RecordBuffer", "plain_records", "split_inner"]

PLAINTEXT_MAXIMUM: Final = 1 << 14
INNER_MAXIMUM: Final = PLAINTEXT_MAXIMUM + 1
CIPHERTEXT_MAXIMUM: Final = PLAINTEXT_MAXIMUM + 256
_TYPES: Final = frozenset(ContentType)
_APPLICATION_HEADER: Final = b"\x17\x03\x03"


@final
class RecordBuffer:
    """What arrived and is not a whole record yet: at most one record, since the caller takes all whole ones out."""

    __slots__ = ("_data",)

    def __init__(self) -> None:
        self._data = b""

    def __len__(self) -> int:
        return len(self._data)

    def take(self, data: bytes) -> list[tuple[int, bytes, bytes]]:
        """The whole records up to the end of `data`: type, header, fragment.

        A header that cannot be one is refused when its five octets are there, but after the records before it: the last entry then has
        an empty header and says which alert by its type.
        """
        if self._data:
            data = self._data + data
        position, size = 0, len(data)
        records: list[tuple[int, bytes, bytes]] = []
        while size - position >= 5:
            kind = data[position]
            length = data[position + 3] << 8 | data[position + 4]
            if kind not in _TYPES:
                records.append((-AlertDescription.UNEXPECTED_MESSAGE, b"", b""))
                break
            if length > CIPHERTEXT_MAXIMUM or (length > PLAINTEXT_MAXIMUM and kind != ContentType.APPLICATION_DATA):
                records.append((-AlertDescription.RECORD_OVERFLOW, b"", b""))
                break
            end = position + 5 + length
            if end > size:
                break
            records.append((kind, data[position : position + 5], data[position + 5 : end]))
            position = end
        self._data = data[position:] if position else data
        return records

    def clear(self) -> None:
        """Forget what is left."""
        self._data = b""


def plain_records(kind: int, data: bytes, version: bytes = b"\x03\x03") -> list[bytes]:
    """Records without protection."""
    return [
        bytes((kind,)) + version + len(part).to_bytes(2, "big") + part
        for part in (data[start : start + PLAINTEXT_MAXIMUM] for start in range(0, len(data), PLAINTEXT_MAXIMUM))
    ]


@final
class Protection:
    """One direction under one traffic secret.

    Args:
      suite:   number of the cipher suite.
      secret:  SECRET.
    Attributes:
      sequence:  of the next record.
    """

    __slots__ = ("_aead", "_iv", "sequence")

    def __init__(self, suite: int, secret: bytes) -> None:
        facts = SUITES[suite]
        key, iv = traffic_keys(facts.hash_name, secret, facts.key_length)
        self._aead = facts.aead(key)
        self._iv = int.from_bytes(iv, "big")
        self.sequence = 0

    def seal(self, kind: int, contents: Sequence[bytes], padding: int = 0) -> bytes:
        """Records of one type, one for each content.

        Args:
          padding:  zeros are added up to a multiple of this many octets, as far as a record goes; 0 adds none.
        """
        ending = bytes((kind,))
        items = []
        headers = []
        iv, sequence = self._iv, self.sequence
        for content in contents:
            inner = content + ending
            if padding:
                inner += bytes(min(-len(content) % padding, INNER_MAXIMUM - len(inner)))
            header = _APPLICATION_HEADER + (len(inner) + 16).to_bytes(2, "big")
            headers.append(header)
            items.append(((iv ^ sequence).to_bytes(12, "big"), inner, header))
            sequence += 1
        self.sequence = sequence
        parts: list[bytes] = []
        for header, sealed in zip(headers, self._aead.seal_many(items), strict=True):
            parts.append(header)
            parts.append(sealed)
        return b"".join(parts)

    def open(self, records: Sequence[tuple[int, bytes, bytes]]) -> list[bytes | None]:
        """Inner plaintexts of records; None where one does not open.  `sequence` is the caller's to move on."""
        iv, sequence = self._iv, self.sequence
        items = []
        for _, header, fragment in records:
            items.append(((iv ^ sequence).to_bytes(12, "big"), fragment, header))
            sequence += 1
        return self._aead.open_many(items)


def split_inner(inner: bytes, limit: int) -> tuple[int, bytes]:
    """Type and content of an inner plaintext.  §5.2, §5.4.  Raises: TlsAlert."""
    if len(inner) > limit:
        raise TlsAlert(AlertDescription.RECORD_OVERFLOW, "a record larger than allowed")
    if inner and inner[-1]:
        return inner[-1], inner[:-1]
    stripped = inner.rstrip(b"\0")
    if not stripped:
        raise TlsAlert(AlertDescription.UNEXPECTED_MESSAGE, "a record of nothing but zeros")
    return stripped[-1], stripped[:-1]
