# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HKDF, and the form of it that TLS 1.3 and QUIC have.  RFC 5869 §2, RFC 9846 §7.1 (RFC 8446 §7.1).

    extract(salt, IKM)        = HMAC(salt, IKM)                                      a uniform key, PRK
    expand(PRK, info, L)      = the first L octets of T(1) | T(2) | …                T(i) = HMAC(PRK, T(i-1) | info | octet i),  T(0) empty
    expand_label(S, l, c, L)  = expand(S, L on 2 octets | length and "tls13 " l | length and c, L)

A handshake of TLS 1.3 derives about a dozen secrets with few different labels: the beginning of their info, which depends on no secret, is
remembered (at most 128 of them, at most 512 octets each).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from sws.base.errors import UsageError
from sws.crypto.hash_types import Octets
from sws.crypto.hashes import find_hash
from sws.crypto.hmac import Mac, find_keyed, find_mac
from sws.crypto.octets import octets

__all__ = ["Expander", "expand", "expand_label", "expander", "extract"]

_MAX_BLOCKS: Final = 255
_MAX_LABEL: Final = 249
_MAX_CONTEXT: Final = 255
_MAX_REMEMBERED: Final = 128

Expander: TypeAlias = Callable[[bytes, bytes, int], bytes]
"""Label, context and length to octets."""

_prefixes: dict[tuple[str, bytes | str, int, int], tuple[Mac, bytes, int]] = {}


def extract(hash_name: str, salt: Octets | None, ikm: Octets) -> bytes:
    """HKDF-Extract.  RFC 5869 §2.2.

    Args:
      salt:  None or nothing stands for as many zeros as a digest has octets.
      ikm:   input keying material; SECRET.
    Returns: PRK, as many octets as a digest; SECRET.
    Raises:  UsageError for an unknown hash function.
    Timing:  depends on lengths only, down to the Python-integer caveat.
    """
    return find_mac(hash_name)(b"" if salt is None else salt, ikm)


def expand(hash_name: str, prk: Octets, info: Octets, length: int) -> bytes:
    """HKDF-Expand.  RFC 5869 §2.3.

    Args:
      prk:     at least as many octets as a digest; SECRET.
      info:    public.
      length:  octets wanted, at most 255 * Hash.length.
    Returns: exactly `length` octets; SECRET.
    Raises:  UsageError if a bound is broken, or for an unknown hash function.
    Timing:  depends on lengths only, down to the Python-integer caveat.
    """
    mac, size = find_mac(hash_name), find_hash(hash_name).digest_size
    if not 0 <= length <= _MAX_BLOCKS * size:
        raise UsageError(f"HKDF gives 0 to {_MAX_BLOCKS * size} octets with {hash_name}, not {length}")
    prk, suffix = octets(prk), octets(info)
    if len(prk) < size:
        raise UsageError(f"a pseudorandom key of {len(prk)} octets, {hash_name} wants {size} at least")
    block = b""
    blocks = []
    for number in range(1, -(-length // size) + 1):
        block = mac(prk, block + suffix + number.to_bytes(1, "big"))
        blocks.append(block)
    return b"".join(blocks)[:length]


def expand_label(hash_name: str, secret: Octets, label: bytes | str, context: bytes, length: int) -> bytes:
    """HKDF-Expand-Label.  RFC 9846 §7.1.

    Args:
      secret:   at least Hash.length octets; SECRET.
      label:    1..249 ASCII octets, without the "tls13 " prefix.
      context:  0..255 octets: a transcript hash, or nothing; public.
      length:   octets wanted, at most 255 * Hash.length.
    Returns: exactly `length` octets; SECRET.
    Raises:  UsageError if a bound is broken, or for an unknown hash function.
    Timing:  depends on lengths only, down to the Python-integer caveat.
    """
    secret, context = octets(secret), octets(context)
    known = _prefixes.get((hash_name, label, len(context), length))
    if known is not None:
        mac, prefix, size = known
        if len(secret) < size:
            raise UsageError(f"a secret of {len(secret)} octets, {hash_name} wants {size} at least")
        return mac(secret, b"%b%b\x01" % (prefix, context))[:length]
    prefix = _label_prefix(label, len(context), length)
    result = expand(hash_name, secret, prefix + context, length)
    size = find_hash(hash_name).digest_size
    if 0 < length <= size:
        if len(_prefixes) >= _MAX_REMEMBERED:
            _prefixes.clear()
        _prefixes[(hash_name, label, len(context), length)] = (find_mac(hash_name), prefix, size)
    return result


def expander(hash_name: str, secret: Octets) -> Expander:
    """HKDF-Expand-Label for several labels under one secret: the secret is made ready once.

    Args:
      secret:  at least Hash.length octets; SECRET.
    Returns: what takes label, context and length as `expand_label` does, and gives, raises and costs the same.
    Raises:  UsageError for a secret that is too short, or an unknown hash function.
    """
    secret = octets(secret)
    size = find_hash(hash_name).digest_size
    if len(secret) < size:
        raise UsageError(f"a secret of {len(secret)} octets, {hash_name} wants {size} at least")
    mac = find_keyed(hash_name)(secret)

    def expand_one(label: bytes, context: bytes, length: int) -> bytes:
        """One label's octets; SECRET."""
        known = _prefixes.get((hash_name, label, len(context), length))
        if known is None:
            return expand_label(hash_name, secret, label, context, length)
        return mac(b"%b%b\x01" % (known[1], context))[:length]

    return expand_one


def _label_prefix(label: bytes | str, context_length: int, length: int) -> bytes:
    """The struct HkdfLabel up to the octets of the context."""
    name = label.encode() if isinstance(label, str) else octets(label)
    if not 1 <= len(name) <= _MAX_LABEL:
        raise UsageError(f"a label of {len(name)} octets, not of 1 to {_MAX_LABEL}")
    if context_length > _MAX_CONTEXT:
        raise UsageError(f"a context of {context_length} octets, more than {_MAX_CONTEXT}")
    if not 0 <= length <= 0xFFFF:
        raise UsageError(f"HKDF cannot give {length} octets")
    full = b"tls13 " + name
    return b"%b%c%b%c" % (length.to_bytes(2, "big"), len(full), full, context_length)
