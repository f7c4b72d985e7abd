# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Authenticated encryption with additional data: the two kinds in one place.  RFC 5116.

Both have the same four methods: `seal` and `open` for one message, `seal_many` and `open_many` for many under one key in one call.
`seal_groups` and `open_groups` take many under several keys: a handshake's messages are short, and what a call costs is most of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from sws.base.errors import AuthenticationError
from sws.crypto import chacha20poly1305
from sws.crypto.aesgcm import AESGCM
from sws.crypto.chacha20poly1305 import ChaCha20Poly1305, Item

__all__ = ["AEAD", "AESGCM", "AuthenticationError", "ChaCha20Poly1305", "Group", "open_groups", "seal_groups"]

AEAD: TypeAlias = AESGCM | ChaCha20Poly1305

Group: TypeAlias = tuple[AEAD, Sequence[Item]]
"""Messages under one key: (nonce, text, additional data) each."""


def seal_groups(groups: Sequence[Group]) -> list[list[bytes]]:
    """`seal_many` for each group, with as few calls as the ciphers can do with."""
    alike = _all_chacha(groups)
    return [cipher.seal_many(items) for cipher, items in groups] if alike is None else chacha20poly1305.seal_groups(alike)


def open_groups(groups: Sequence[Group]) -> list[list[bytes | None]]:
    """`open_many` for each group, likewise."""
    alike = _all_chacha(groups)
    return [cipher.open_many(items) for cipher, items in groups] if alike is None else chacha20poly1305.open_groups(alike)


def _all_chacha(groups: Sequence[Group]) -> list[tuple[ChaCha20Poly1305, Sequence[Item]]] | None:
    """The groups, if all are of ChaCha20-Poly1305."""
    alike = [(cipher, items) for cipher, items in groups if isinstance(cipher, ChaCha20Poly1305)]
    return alike if len(alike) == len(groups) else None
