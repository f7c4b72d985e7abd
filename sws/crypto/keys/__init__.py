# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Keys in files and messages: SubjectPublicKeyInfo, PKCS #8, SEC 1, PKCS #1; and signatures by the names that TLS has for them.

load_public_key(pem_or_der)              -> PublicKey
load_private_key(pem_or_der, password)   -> PrivateKey       .to_der() .to_pem()
SigningKey(private_key).sign("ecdsa_secp256r1_sha256", message)
pack_secret(signing_key) -> octets               sign_packed(public, octets, "ecdsa_secp256r1_sha256", message)
verify_signature(public, "ecdsa_secp256r1_sha256", message, signature)
"""

from __future__ import annotations

from sws.crypto.keys.algorithms import Algorithm, PssParameters
from sws.crypto.keys.packed import pack_secret, sign_packed
from sws.crypto.keys.private import PrivateKey, generate_private_key, load_private_key
from sws.crypto.keys.public import PublicKey, load_public_key
from sws.crypto.keys.schemes import SCHEMES, SigningKey, schemes_of, verify_signature

__all__ = [
    "SCHEMES",
    "Algorithm",
    "PrivateKey",
    "PssParameters",
    "PublicKey",
    "SigningKey",
    "generate_private_key",
    "load_private_key",
    "load_public_key",
    "pack_secret",
    "schemes_of",
    "sign_packed",
    "verify_signature",
]
