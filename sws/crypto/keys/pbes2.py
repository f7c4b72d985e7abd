# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Encrypted private keys: PBES2 with PBKDF2 and AES in CBC mode.  RFC 5958 §3, RFC 8018 §6.2 and Appendix A.

    EncryptedPrivateKeyInfo ::= SEQUENCE { encryptionAlgorithm AlgorithmIdentifier, encryptedData OCTET STRING }
    PBES2-params  ::= SEQUENCE { keyDerivationFunc AlgorithmIdentifier, encryptionScheme AlgorithmIdentifier }
    PBKDF2-params ::= SEQUENCE { salt OCTET STRING, iterationCount, keyLength OPTIONAL, prf DEFAULT HMAC with SHA-1 }

Written: HMAC with SHA-256 and AES-256.  Read: HMAC with SHA-1 and SHA-2, AES of all key lengths; PBES1 and DES are refused.
"""

from __future__ import annotations

from typing import Final

from sws.base.errors import DecodeError
from sws.crypto import cbc
from sws.crypto.asn1 import tags, writer
from sws.crypto.asn1.reader import DerReader
from sws.crypto.keys.algorithms import Algorithm, is_null_or_absent, read_algorithm
from sws.crypto.pbkdf2 import pbkdf2
from sws.crypto.pem import encode_pem
from sws.crypto.system import Entropy, system_entropy

__all__ = ["ITERATIONS", "decrypt", "encrypt", "encrypt_pem"]

ITERATIONS: Final = 600_000
"""Of a key that we write."""
_PBES2: Final = "1.2.840.113549.1.5.13"
_PBKDF2: Final = "1.2.840.113549.1.5.12"
_PRF: Final = {
    "1.2.840.113549.2.7": "sha1",
    "1.2.840.113549.2.8": "sha224",
    "1.2.840.113549.2.9": "sha256",
    "1.2.840.113549.2.10": "sha384",
    "1.2.840.113549.2.11": "sha512",
}
_HMAC_SHA256: Final = "1.2.840.113549.2.9"
_AES_OCTETS: Final = {"2.16.840.1.101.3.4.1.2": 16, "2.16.840.1.101.3.4.1.22": 24, "2.16.840.1.101.3.4.1.42": 32}
_AES256: Final = "2.16.840.1.101.3.4.1.42"
_SALT_OCTETS: Final = 16
_IV_OCTETS: Final = 16
_WHAT: Final = "EncryptedPrivateKeyInfo"


def decrypt(der: bytes, password: bytes) -> bytes:
    """The PrivateKeyInfo; SECRET.

    Args:
      der:       EncryptedPrivateKeyInfo.
      password:  in UTF-8; SECRET.
    Raises: DecodeError for other algorithms, for what is malformed, and for a wrong password; LimitExceeded for too many iterations.
    Timing: that of PBKDF2 and AES; whether the padding is right shows.
    """
    outer = DerReader(der)
    reader = outer.sequence(_WHAT)
    outer.finish(_WHAT)
    algorithm = read_algorithm(reader, _WHAT)
    data = reader.octet_string(_WHAT)
    reader.finish(_WHAT)
    if algorithm.oid != _PBES2:
        raise DecodeError(f"an encrypted private key by {algorithm.oid}, not by PBES2")
    parameters = DerReader(algorithm.parameters or b"")
    inner = parameters.sequence("PBES2")
    derivation, cipher = read_algorithm(inner, "PBES2"), read_algorithm(inner, "PBES2")
    inner.finish("PBES2")
    octets = _AES_OCTETS.get(cipher.oid)
    if octets is None:
        raise DecodeError(f"PBES2: a cipher that is not AES in CBC mode, {cipher.oid}")
    iv_reader = DerReader(cipher.parameters or b"")
    iv = iv_reader.octet_string("AES-CBC")
    if len(iv) != _IV_OCTETS:
        raise DecodeError("PBES2: the initialization vector's length")
    key = _derive(derivation, octets, password)
    try:
        return cbc.decrypt(key, iv, data)
    except DecodeError:
        raise DecodeError("an encrypted private key: the password is wrong, or the data are damaged") from None


def _derive(algorithm: Algorithm, octets: int, password: bytes) -> bytes:
    """PBKDF2 with the parameters of the file."""
    what = "PBKDF2"
    if algorithm.oid != _PBKDF2:
        raise DecodeError(f"PBES2: a key derivation that is not PBKDF2, {algorithm.oid}")
    reader = DerReader(algorithm.parameters or b"").sequence(what)
    salt = reader.octet_string(what)
    iterations_at, iterations = reader.at, reader.natural(what)
    length = reader.natural(what) if reader.tag == tags.INTEGER else octets
    prf = "sha1"
    if reader.tag == tags.SEQUENCE:
        found = read_algorithm(reader, what)
        if found.oid not in _PRF or not is_null_or_absent(found):
            raise DecodeError(f"{what}: a function that is not HMAC with SHA-1 or SHA-2, {found.oid}")
        prf = _PRF[found.oid]
    reader.finish(what)
    if length != octets or not iterations:
        raise DecodeError(f"{what}: no iterations, or a key length that is not the cipher's", iterations_at)
    return pbkdf2(prf, password, salt, iterations, length)


def encrypt(der: bytes, password: bytes, *, iterations: int = ITERATIONS, entropy: Entropy = system_entropy) -> bytes:
    """EncryptedPrivateKeyInfo of a PrivateKeyInfo.

    Args:
      der:         PKCS #8; SECRET.
      password:    in UTF-8; SECRET.
      iterations:  what a guess of the password costs.
      entropy:     of salt and initialization vector.
    Timing: that of PBKDF2 and AES.
    """
    salt, iv = entropy(_SALT_OCTETS), entropy(_IV_OCTETS)
    data = cbc.encrypt(pbkdf2("sha256", password, salt, iterations, 32), iv, der)
    prf = Algorithm(_HMAC_SHA256, writer.NULL).encode()
    derivation = Algorithm(_PBKDF2, writer.sequence(writer.octet_string(salt), writer.integer(iterations), prf)).encode()
    parameters = writer.sequence(derivation, Algorithm(_AES256, writer.octet_string(iv)).encode())
    return writer.sequence(Algorithm(_PBES2, parameters).encode(), writer.octet_string(data))


def encrypt_pem(der: bytes, password: bytes, *, iterations: int = ITERATIONS, entropy: Entropy = system_entropy) -> str:
    """The same in PEM."""
    return encode_pem("ENCRYPTED PRIVATE KEY", encrypt(der, password, iterations=iterations, entropy=entropy))
