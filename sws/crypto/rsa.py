# SPDX-License-Identifier: Apache-2.0 OR MIT
"""RSA signatures: RSASSA-PSS and RSASSA-PKCS1-v1_5.  RFC 8017 §8 and §9.

    sign     EM = encoding of the message, m = EM as a number, signature = m^d mod n
    verify   EM = signature^e mod n, compared with the encoding (PKCS1) or taken apart (PSS)

- EMSA-PKCS1-v1_5 (§9.2) is a function of the hash, so that a verifier encodes anew and compares the octets whole: nothing is parsed, and
what
  Bleichenbacher's forgeries need does not exist.  The DigestInfo has its NULL parameters; a signature over a form without them is refused.
- EMSA-PSS (§9.1) masks a hash of salt and message's hash by MGF1.  Salt and MGF1 are those of TLS unless told otherwise: MGF1 over the
message's
  hash function, and a salt of the digest's length (RFC 9846 §4.3.3), which a verifier demands.

Keys are `RsaPrivateKey` and `RsaPublicKey` of `rsa_keys`, which says how private operations are protected.
"""

from __future__ import annotations

from typing import Final

from sws.base.errors import UsageError
from sws.crypto.hashes import HashFunction, find_hash
from sws.crypto.hmac import is_equal
from sws.crypto.octets import octets
from sws.crypto.rsa_keys import RsaPrivateKey, RsaPublicKey, generate, private_operation
from sws.crypto.system import Entropy, system_entropy

__all__ = ["RsaPrivateKey", "RsaPublicKey", "generate", "public", "sign_pkcs1", "sign_pss", "verify_pkcs1", "verify_pss"]

_DIGEST_INFO: Final = {
    "sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
    "sha224": bytes.fromhex("302d300d06096086480165030402040500041c"),
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
"""What stands before the digest.  RFC 8017 §9.2, note 1.  Whether an old hash is good enough is for the protocols to say."""


def public(key: RsaPrivateKey) -> RsaPublicKey:
    """The public key of a private one."""
    return key.public


def sign_pkcs1(key: RsaPrivateKey, message: bytes, hash_name: str, entropy: Entropy = system_entropy) -> bytes:
    """A signature by RSASSA-PKCS1-v1_5.  RFC 8017 §8.2.1.

    Args:
      key:        SECRET.
      message:    what is signed, whole.
      hash_name:  of SHA-1 or SHA-2, as `hashes` spells it.
      entropy:    for the blinding; the signature does not depend on it.
    Returns: as many octets as the modulus has.
    Raises:  UsageError for another hash; SwsError if the result does not verify.
    Timing:  as `rsa_keys.private_operation`.
    """
    encoded = _encode_pkcs1(message, hash_name, key.octets)
    return private_operation(key, int.from_bytes(encoded, "big"), entropy).to_bytes(key.octets, "big")


def verify_pkcs1(public: RsaPublicKey, message: bytes, signature: bytes, hash_name: str) -> bool:
    """Whether a signature by RSASSA-PKCS1-v1_5 is the key's for the message.  RFC 8017 §8.2.2.

    Raises: UsageError for a hash other than those of `sign_pkcs1`.
    Timing: variable, all arguments are public.
    """
    expected = _encode_pkcs1(message, hash_name, public.octets)
    found = _open(public, signature)
    return found is not None and is_equal(found.to_bytes(public.octets, "big"), expected)


def sign_pss(
    key: RsaPrivateKey,
    message: bytes,
    hash_name: str,
    salt_octets: int | None = None,
    entropy: Entropy = system_entropy,
    mgf_hash_name: str | None = None,
) -> bytes:
    """A signature by RSASSA-PSS.  RFC 8017 §8.1.1.

    Args:
      key:            SECRET.
      message:        what is signed, whole.
      hash_name:      as `hashes` knows them.
      salt_octets:    None: as many as the digest has.
      entropy:        of the salt and the blinding.
      mgf_hash_name:  of MGF1; None: the message's.
    Returns: as many octets as the modulus has.
    Raises:  UsageError for an unknown hash, or a modulus too short for digest and salt; SwsError if the result does not verify.
    Timing:  as `rsa_keys.private_operation`.
    """
    hash_function, mgf = find_hash(hash_name), find_hash(mgf_hash_name or hash_name)
    salt = entropy(hash_function.digest_size if salt_octets is None else salt_octets)
    encoded = _encode_pss(hash_function.new(message).digest(), key.n.bit_length() - 1, salt, hash_function, mgf)
    return private_operation(key, int.from_bytes(encoded, "big"), entropy).to_bytes(key.octets, "big")


def verify_pss(
    public: RsaPublicKey,
    message: bytes,
    signature: bytes,
    hash_name: str,
    salt_octets: int | None = None,
    mgf_hash_name: str | None = None,
) -> bool:
    """Whether a signature by RSASSA-PSS is the key's for the message, with a salt of exactly that length.  RFC 8017 §8.1.2.

    Args:
      hash_name, salt_octets, mgf_hash_name:  as in `sign_pss`.
    Raises: UsageError for an unknown hash.
    Timing: variable, all arguments are public.
    """
    hash_function, mgf = find_hash(hash_name), find_hash(mgf_hash_name or hash_name)
    found = _open(public, signature)
    bits = public.n.bit_length() - 1
    if found is None or found >> bits:
        return False
    salt_length = hash_function.digest_size if salt_octets is None else salt_octets
    encoded = found.to_bytes((bits + 7) // 8, "big")
    return _verify_pss(hash_function.new(message).digest(), encoded, bits, salt_length, hash_function, mgf)


def _open(public: RsaPublicKey, signature: bytes) -> int | None:
    """signature^e mod n, RSAVP1 of RFC 8017 §5.2.2; None for another length or a value of n or more."""
    signature = octets(signature)
    value = int.from_bytes(signature, "big")
    if len(signature) != public.octets or value >= public.n:
        return None
    return pow(value, public.e, public.n)


def _encode_pkcs1(message: bytes, hash_name: str, octets: int) -> bytes:
    """00 01 FF … FF 00 DigestInfo.  RFC 8017 §9.2."""
    prefix = _DIGEST_INFO.get(hash_name)
    if prefix is None:
        raise UsageError(f"RSASSA-PKCS1-v1_5 with {hash_name!r}: {', '.join(_DIGEST_INFO)} wanted")
    info = prefix + find_hash(hash_name).new(message).digest()
    return b"\x00\x01" + b"\xff" * (octets - len(info) - 3) + b"\x00" + info


def _mgf1(seed: bytes, length: int, function: HashFunction) -> bytes:
    """The mask of a seed.  RFC 8017 §B.2.1."""
    blocks = -(-length // function.digest_size)
    return b"".join(function.new(seed + counter.to_bytes(4, "big")).digest() for counter in range(blocks))[:length]


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(len(one), "big")


def _encode_pss(hashed: bytes, bits: int, salt: bytes, function: HashFunction, mgf: HashFunction) -> bytes:
    """maskedDB ‖ H ‖ BC.  RFC 8017 §9.1.1."""
    octets = (bits + 7) // 8
    padding = octets - len(hashed) - len(salt) - 2
    if padding < 0:
        raise UsageError("RSASSA-PSS: the modulus is too short for this digest and salt")
    h = function.new(bytes(8) + hashed + salt).digest()
    masked = _xor(bytes(padding) + b"\x01" + salt, _mgf1(h, octets - len(h) - 1, mgf))
    return bytes((masked[0] & 0xFF >> (8 * octets - bits),)) + masked[1:] + h + b"\xbc"


def _verify_pss(hashed: bytes, encoded: bytes, bits: int, salt_length: int, function: HashFunction, mgf: HashFunction) -> bool:
    """RFC 8017 §9.1.2."""
    octets, size = len(encoded), len(hashed)
    padding = octets - size - salt_length - 2
    if padding < 0 or encoded[-1] != 0xBC:
        return False
    masked, h = encoded[: octets - size - 1], encoded[octets - size - 1 : -1]
    if masked[0] & ~(0xFF >> (8 * octets - bits)):
        return False
    block = _xor(masked, _mgf1(h, len(masked), mgf))
    block = bytes((block[0] & 0xFF >> (8 * octets - bits),)) + block[1:]
    if block[: padding + 1] != bytes(padding) + b"\x01":
        return False
    return is_equal(function.new(bytes(8) + hashed + block[padding + 1 :]).digest(), h)
