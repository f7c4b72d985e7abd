# SPDX-License-Identifier: Apache-2.0 OR MIT
"""QUIC's header-protection masks.  RFC 9001 §5.4.

    AES        mask = AES-ECB(key, sample)                                     §5.4.3
    ChaCha20   mask = ChaCha20(key, counter = sample[0..3], nonce = the rest)  §5.4.4

of which five octets are used.  The masks of all packets of a batch are made in one call; `mask_groups` makes those of several levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sws.base.errors import UsageError
from sws.crypto import aes, chacha20
from sws.crypto.octets import octets

__all__ = ["mask_groups", "masks"]

_SUITES: Final = {
    "aes-128-gcm": (16, aes.mask_many),
    "aes-256-gcm": (32, aes.mask_many),
    "chacha20-poly1305": (32, chacha20.mask_many),
}


def masks(suite: str, key: bytes, samples: Sequence[bytes]) -> list[bytes]:
    """Five octets for each sample.

    Args:
      suite:    "aes-128-gcm", "aes-256-gcm" or "chacha20-poly1305".
      key:      the header-protection key, 16 or 32 octets; SECRET.
      samples:  16 octets each.
    Raises: UsageError for another suite or a wrong length.
    Timing: that of the cipher.
    """
    known = _SUITES.get(suite)
    if known is None:
        raise UsageError(f"no header protection for {suite}")
    size, mask_many = known
    key = octets(key)
    if len(key) != size:
        raise UsageError(f"a header-protection key of {suite} has {size} octets")
    return mask_many(key, samples)


def mask_groups(groups: Sequence[tuple[str, bytes, Sequence[bytes]]]) -> list[list[bytes]]:
    """`masks` for each (suite, key, samples), with as few calls as the ciphers can do with."""
    if all(suite == "chacha20-poly1305" for suite, _, _ in groups):
        return chacha20.mask_groups([(key, samples) for _, key, samples in groups])
    return [masks(suite, key, samples) for suite, key, samples in groups]
