# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Private keys of the server: signed with from guarded memory, shown nowhere."""

from __future__ import annotations

import gc

import pytest

from sws.base.errors import UsageError
from sws.crypto.keys import SigningKey, generate_private_key, pack_secret, verify_signature
from sws.net import tls_keys
from sws.net.tls_keys import KeySigner
from sws.os.secretmem import SecretBuffer, available_kind
from sws.proto.tls.constants import SignatureScheme


@pytest.mark.parametrize("algorithm", ["P-256", "P-384", "Ed25519", pytest.param("RSA", marks=pytest.mark.slow)])
def test_signs_as_the_key_does(algorithm: str) -> None:
    key = SigningKey(generate_private_key(algorithm))
    signer = KeySigner(key)
    assert signer.kind == available_kind()
    assert signer.schemes
    for number in signer.schemes:
        for message in (b"one", b"two"):
            signature = signer.sign(number, message)
            assert verify_signature(key.public, SignatureScheme(number).name.lower(), message, signature)


def test_what_it_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """No secret octets in any object that it leads to, nor in what was handed to the buffer, nor in `repr`."""
    given: list[bytearray] = []
    monkeypatch.setattr(tls_keys, "SecretBuffer", lambda octets: (given.append(octets), SecretBuffer(octets))[1])
    key = SigningKey(generate_private_key("Ed25519"))
    signer = KeySigner(key)
    signer.sign(signer.schemes[0], b"message")
    secret = bytes(pack_secret(key))
    assert given == [bytearray(64)]
    if signer.kind != "plain":
        seen: list[object] = [signer]
        for found in seen:
            seen += [one for one in gc.get_referents(found) if not isinstance(one, type) and not any(one is old for old in seen)][:100]
            if len(seen) > 300:
                break
        assert not any(isinstance(one, bytes | bytearray) and one in (secret, secret[:32], secret[32:]) for one in seen)
        assert not any(isinstance(one, int) and one == key.prepared.scalar for one in seen)  # type: ignore[union-attr]
    assert repr(signer) == f"KeySigner(Ed25519, {signer.kind})"


def test_a_signer_that_was_closed_does_not_sign() -> None:
    signer = KeySigner(SigningKey(generate_private_key("Ed25519")))
    signer.close()
    with pytest.raises(UsageError, match="wiped"):
        signer.sign(signer.schemes[0], b"message")
    signer.close()
