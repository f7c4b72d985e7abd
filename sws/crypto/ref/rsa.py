# SPDX-License-Identifier: Apache-2.0 OR MIT
"""RSA without anything but the formulae: RFC 8017 §5.2 with the key (n, d), and the encodings of §9 step by step."""

from __future__ import annotations

from sws.crypto.hashes import digest

__all__ = ["emsa_pkcs1_v1_5", "emsa_pss", "i2osp", "mgf1", "os2ip", "rsasp1", "rsavp1"]

_ALGORITHMS = {"sha224": 4, "sha256": 1, "sha384": 2, "sha512": 3}
"""The last arc of id-sha…: 2.16.840.1.101.3.4.2.x.  RFC 8017 §B.1."""


def os2ip(octets: bytes) -> int:
    """§4.2."""
    value = 0
    for octet in octets:
        value = 256 * value + octet
    return value


def i2osp(x: int, length: int) -> bytes:
    """§4.1."""
    return bytes(x // 256 ** (length - 1 - index) % 256 for index in range(length))


def rsasp1(n: int, d: int, m: int) -> int:
    """§5.2.1 with a key of the first form, by square and multiply."""
    s = 1
    for bit in bin(d)[2:]:
        s = s * s % n
        if bit == "1":
            s = s * m % n
    return s


def rsavp1(n: int, e: int, s: int) -> int:
    """§5.2.2."""
    return rsasp1(n, e, s)


def emsa_pkcs1_v1_5(message: bytes, hash_name: str, em_length: int) -> bytes:
    """§9.2: DigestInfo ::= SEQUENCE { SEQUENCE { OBJECT IDENTIFIER, NULL }, OCTET STRING }, built from its parts."""
    h = digest(hash_name, message)
    oid = bytes((6, 9, 2 * 40 + 16, 0x80 | 840 >> 7, 840 & 0x7F, 1, 101, 3, 4, 2, _ALGORITHMS[hash_name]))
    algorithm = bytes((0x30, len(oid) + 2)) + oid + bytes((5, 0))
    octet_string = bytes((4, len(h))) + h
    t = bytes((0x30, len(algorithm) + len(octet_string))) + algorithm + octet_string
    ps = b"\xff" * (em_length - len(t) - 3)
    return b"\x00\x01" + ps + b"\x00" + t


def mgf1(seed: bytes, length: int, hash_name: str) -> bytes:
    """§B.2.1."""
    t = b""
    counter = 0
    while len(t) < length:
        t += digest(hash_name, seed + i2osp(counter, 4))
        counter += 1
    return t[:length]


def emsa_pss(message: bytes, hash_name: str, em_bits: int, salt: bytes) -> bytes:
    """§9.1.1, steps 2 to 12."""
    em_length = -(-em_bits // 8)
    m_hash = digest(hash_name, message)
    m_prime = bytes(8) + m_hash + salt
    h = digest(hash_name, m_prime)
    ps = bytes(em_length - len(salt) - len(m_hash) - 2)
    db = ps + b"\x01" + salt
    db_mask = mgf1(h, em_length - len(m_hash) - 1, hash_name)
    masked_db = bytes(a ^ b for a, b in zip(db, db_mask, strict=True))
    zeros = 8 * em_length - em_bits
    masked_db = bytes((masked_db[0] % 2 ** (8 - zeros),)) + masked_db[1:]
    return masked_db + h + b"\xbc"
