# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The key schedule and the transcript.  RFC 9846 §4.1, §4.4.4, §7.

                0
                |
      PSK ▸ HKDF-Extract = early ──────────┬▸ binder key ("res binder" | "ext binder")
                |                          ├▸ client_early_traffic_secret    (ClientHello)
           Derive-Secret(., "derived", "") └▸ early_exporter_secret
                |
    (EC)DHE ▸ HKDF-Extract = handshake ────┬▸ client_handshake_traffic_secret (ClientHello...ServerHello)
                |                          └▸ server_handshake_traffic_secret
           Derive-Secret(., "derived", "")
                |
          0 ▸ HKDF-Extract = main ─────────┬▸ client_application_traffic_secret_0 (ClientHello...server Finished)
                                           ├▸ server_application_traffic_secret_0
                                           ├▸ exporter_secret
                                           └▸ resumption_secret               (ClientHello...client Finished)

Every value here is SECRET but the transcript hashes.  `KeySchedule` goes down the middle of the picture; what it passed is forgotten.
"""

from __future__ import annotations

from typing import Final, final

from sws.base.errors import UsageError
from sws.crypto import hashes
from sws.crypto.hash_types import Hash
from sws.crypto.hkdf import Expander, expand_label, expander, extract
from sws.crypto.hmac import hmac
from sws.proto.tls.constants import MESSAGE_HASH

__all__ = ["KeySchedule", "Transcript", "finished_data", "next_secret", "psk_from_ticket", "traffic_keys"]


@final
class Transcript:
    """The hash over all handshake messages.  §4.1

    Messages that come before the hash is known (the ClientHello) are kept until `choose`.
    """

    __slots__ = ("_hash", "_name", "_waiting")

    def __init__(self) -> None:
        self._name = ""
        self._hash: Hash | None = None
        self._waiting: list[bytes] = []

    def choose(self, hash_name: str) -> None:
        """The cipher suite is known."""
        if self._hash is None:
            self._name = hash_name
            self._hash = hashes.new(hash_name)
            for message in self._waiting:
                self._hash.update(message)
            self._waiting.clear()

    def add(self, message: bytes) -> None:
        """A message, its header included."""
        if self._hash is None:
            self._waiting.append(message)
        else:
            self._hash.update(message)

    def retry(self) -> None:
        """Replace the first ClientHello by its hash: what a HelloRetryRequest does.  Call it before the request is added."""
        digest = self.digest()
        self._hash = hashes.new(self._name)
        self._hash.update(bytes((MESSAGE_HASH, 0, 0, len(digest))) + digest)

    def fork(self) -> Transcript:
        """A copy that goes its own way."""
        if self._hash is None:
            raise UsageError("the hash of the transcript is not chosen yet")
        copy = Transcript()
        copy._name = self._name
        copy._hash = self._hash.copy()
        return copy

    def digest(self) -> bytes:
        """The hash so far."""
        if self._hash is None:
            raise UsageError("the hash of the transcript is not chosen yet")
        return self._hash.copy().digest()

    def digest_with(self, part: bytes) -> bytes:
        """The hash so far and of one more part, which is not kept: for binders."""
        if self._hash is None:
            raise UsageError("the hash of the transcript is not chosen yet")
        copy = self._hash.copy()
        copy.update(part)
        return copy.digest()


_EMPTY: Final[dict[str, tuple[bytes, Expander]]] = {}


def _constants(hash_name: str) -> tuple[bytes, Expander]:
    """Hash of nothing, and what expands the early secret without a PSK: the same for every connection."""
    known = _EMPTY.get(hash_name)
    if known is None:
        empty = hashes.new(hash_name).digest()
        zeros = bytes(len(empty))
        known = _EMPTY[hash_name] = (empty, expander(hash_name, extract(hash_name, zeros, zeros)))
    return known


@final
class KeySchedule:
    """From the PSK, or none, down to the main secret.

    Args:
      hash_name:  of the cipher suite.
      psk:        SECRET; None for none.
    """

    __slots__ = ("_empty", "_expand", "hash_name", "length")

    def __init__(self, hash_name: str, psk: bytes | None = None) -> None:
        self.hash_name = hash_name
        self._empty, early = _constants(hash_name)
        self.length = len(self._empty)
        self._expand = early if psk is None else expander(hash_name, extract(hash_name, bytes(self.length), psk))

    def derive(self, label: bytes, transcript_hash: bytes) -> bytes:
        """Derive-Secret from the secret that the schedule stands at.  §7.1; SECRET."""
        return self._expand(label, transcript_hash, self.length)

    def derive_empty(self, label: bytes) -> bytes:
        """Derive-Secret over no messages: binder keys."""
        return self.derive(label, self._empty)

    def advance(self, input_secret: bytes | None) -> None:
        """One step down: mix in the shared secret (or zeros) and forget what was above."""
        salt = self.derive(b"derived", self._empty)
        secret = extract(self.hash_name, salt, bytes(self.length) if input_secret is None else input_secret)
        self._expand = expander(self.hash_name, secret)


def traffic_keys(hash_name: str, secret: bytes, key_length: int) -> tuple[bytes, bytes]:
    """Key and IV of a traffic secret.  §7.3; SECRET."""
    expand = expander(hash_name, secret)
    return expand(b"key", b"", key_length), expand(b"iv", b"", 12)


def next_secret(hash_name: str, secret: bytes) -> bytes:
    """The traffic secret after a KeyUpdate.  §7.2; SECRET."""
    return expand_label(hash_name, secret, b"traffic upd", b"", len(secret))


def finished_data(hash_name: str, base: bytes, transcript_hash: bytes) -> bytes:
    """verify_data of Finished, or a binder.  §4.4.4, §4.2.11.2."""
    key = expand_label(hash_name, base, b"finished", b"", len(base))
    return hmac(hash_name, key, transcript_hash)


def psk_from_ticket(hash_name: str, resumption_secret: bytes, nonce: bytes) -> bytes:
    """The PSK that belongs to a ticket.  §4.6.1; SECRET."""
    return expand_label(hash_name, resumption_secret, b"resumption", nonce, len(resumption_secret))
