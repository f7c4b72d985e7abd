# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is not octets is refused by every public function, above all an integer, of which `bytes` would make zeros; what is octets in
another form counts as such."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import pkgutil
from array import array
from collections.abc import Callable
from typing import Any, Final

import pytest

import sws.crypto
from sws.base.errors import AuthenticationError, DecodeError, UsageError
from sws.crypto import (
    aead,
    aes,
    cbc,
    chacha20,
    chacha20poly1305,
    constant_time,
    ecdh,
    ecdsa,
    ed25519,
    ghash,
    hashbox,
    hashes,
    header_protection,
    hkdf,
    hmac,
    mlkem,
    octets,
    pbkdf2,
    pem,
    poly1305,
    rsa,
    sha1,
    sha2,
    sha3,
    weierstrass,
    x25519,
)
from sws.crypto.aead import AESGCM, ChaCha20Poly1305
from sws.crypto.kernels import hashes_stdlib
from tests.crypto.hash_kernels import SHA2_KERNELS, SHA3_KERNELS

BOTH = pytest.mark.parametrize(("kind", "size"), [(ChaCha20Poly1305, 32), (AESGCM, 16)])
NONCE = bytes(range(12))


@BOTH
@pytest.mark.parametrize("wrong", [5, [1, 2], "text", None, 1.5])
def test_what_is_not_octets_is_refused(kind: Any, size: int, wrong: Any) -> None:
    cipher = kind(bytes(size))
    for call in (
        lambda: kind(wrong),
        lambda: cipher.seal(wrong, b""),
        lambda: cipher.seal(NONCE, wrong),
        lambda: cipher.seal(NONCE, b"", wrong),
        lambda: cipher.open(NONCE, wrong),
        lambda: cipher.open_many([(NONCE, bytes(20), wrong)]),
        lambda: cipher.seal_many([(NONCE, wrong, b"")]),
    ):
        with pytest.raises(UsageError):
            call()


@BOTH
@pytest.mark.parametrize("form", [bytearray, memoryview, lambda data: array("I", data), lambda data: memoryview(array("I", data))])
def test_octets_in_other_forms_count_by_octets(kind: Any, size: int, form: Any) -> None:
    key, text, aad = bytes(range(size)), bytes(range(40)), bytes(range(8))
    sealed = kind(key).seal(NONCE, text, aad)
    other = kind(form(key))
    assert other.seal(form(NONCE), form(text), form(aad)) == sealed
    assert other.seal_many([(form(NONCE), form(text), form(aad))]) == [sealed]
    assert other.open(form(NONCE), form(sealed), form(aad)) == text
    with pytest.raises(UsageError):
        kind(array("I", range(size)))


@BOTH
def test_nothing_and_too_little(kind: Any, size: int) -> None:
    cipher = kind(bytes(size))
    assert cipher.seal_many([]) == cipher.open_many([]) == []
    for count in range(16):
        with pytest.raises(AuthenticationError):
            cipher.open(NONCE, bytes(count))


def _zeros(count: int) -> bytes:
    return bytes(count)


def _in_parts(data: bytes) -> bytes:
    mac = poly1305.Poly1305(_K32)
    mac.update(data)
    return mac.digest()


def _in_groups(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Under two keys, the second of which is given."""

    def call(key: bytes, nonce: bytes, text: bytes, aad: bytes) -> Any:
        return function([(ChaCha20Poly1305(_K32), [(NONCE, _TEXT, b"")]), (ChaCha20Poly1305(key), [(nonce, text, aad)])])

    return call


def _masks_of_groups(key: bytes, sample: bytes) -> Any:
    suite = "chacha20-poly1305"
    return header_protection.mask_groups([(suite, _K32, [_K16]), (suite, key, [sample])])


_Case = tuple[Callable[..., object], tuple[Any, ...], tuple[int, ...]]

_K16, _K32, _TEXT = bytes(range(16)), bytes(range(32)), bytes(range(64))
_EC: Final = ecdsa.EcPrivateKey("P-256", bytes(31) + b"\7")
_EC_PUBLIC: Final = ecdsa.public(_EC)
_EC_SIGNATURE: Final = ecdsa.sign(_EC, _TEXT, "sha256", None)
_ED_PUBLIC: Final = ed25519.public(_K32)
_ED_SIGNATURE: Final = ed25519.sign(_K32, _TEXT)
_RSA: Final = rsa.generate(2048)
_PKCS1: Final = rsa.sign_pkcs1(_RSA, _TEXT, "sha256")
_PSS: Final = rsa.sign_pss(_RSA, _TEXT, "sha256")
_KEM_PUBLIC, _KEM_PRIVATE = mlkem.from_seed(_TEXT)
_CIPHERTEXT: Final = mlkem.encapsulate(_KEM_PUBLIC, _zeros)[1]
_PEM: Final = pem.encode_pem("CERTIFICATE", _TEXT)
_AES: Final = aes.AES(_K16)
_SEALED: Final = ChaCha20Poly1305(_K32).seal(NONCE, _TEXT, _TEXT)

#: A function, arguments that are right, and which of them are octets.
_CASES: Final[dict[str, _Case]] = {
    "aead.AESGCM": (lambda key: AESGCM(key).seal(NONCE, _TEXT), (_K16,), (0,)),
    "aead.ChaCha20Poly1305": (lambda key: ChaCha20Poly1305(key).seal(NONCE, _TEXT), (_K32,), (0,)),
    "aead.seal_groups": (_in_groups(aead.seal_groups), (_K32, NONCE, _TEXT, _TEXT), (0, 1, 2, 3)),
    "aead.open_groups": (_in_groups(aead.open_groups), (_K32, NONCE, _SEALED, _TEXT), (0, 1, 2, 3)),
    "chacha20poly1305.seal_groups": (_in_groups(chacha20poly1305.seal_groups), (_K32, NONCE, _TEXT, _TEXT), (0, 1, 2, 3)),
    "chacha20poly1305.open_groups": (_in_groups(chacha20poly1305.open_groups), (_K32, NONCE, _SEALED, _TEXT), (0, 1, 2, 3)),
    "aes.AES": (lambda key: aes.AES(key).encrypt_block(_K16), (_K16,), (0,)),
    "aes.AES.encrypt_block": (_AES.encrypt_block, (_K16,), (0,)),
    "aes.AES.decrypt_block": (_AES.decrypt_block, (_K16,), (0,)),
    "aes.AES.encrypt_blocks": (_AES.encrypt_blocks, (_TEXT,), (0,)),
    "aes.AES.decrypt_blocks": (_AES.decrypt_blocks, (_TEXT,), (0,)),
    "aes.AES.ctr": (_AES.ctr, (_K16, _TEXT), (0, 1)),
    "aes.mask_many": (lambda key, sample: aes.mask_many(key, [sample]), (_K16, _K16), (0, 1)),
    "cbc.encrypt": (cbc.encrypt, (_K16, _K16, _TEXT), (0, 1, 2)),
    "cbc.decrypt": (cbc.decrypt, (_K16, _K16, cbc.encrypt(_K16, _K16, _TEXT)), (0, 1, 2)),
    "chacha20.block": (chacha20.block, (_K32, 1, NONCE), (0, 2)),
    "chacha20.crypt": (chacha20.crypt, (_K32, 1, NONCE, _TEXT), (0, 2, 3)),
    "chacha20.mask_many": (lambda key, sample: chacha20.mask_many(key, [sample]), (_K32, _K16), (0, 1)),
    "chacha20.mask_groups": (lambda key, sample: chacha20.mask_groups([(_K32, [_K16]), (key, [sample])]), (_K32, _K16), (0, 1)),
    "constant_time.equal": (constant_time.equal, (_TEXT, _TEXT), (0, 1)),
    "ecdh.exchange": (ecdh.exchange, (_EC, _EC_PUBLIC), (1,)),
    "weierstrass.EcPrivateKey": (lambda scalar: ecdsa.public(ecdsa.EcPrivateKey("P-256", scalar)), (_EC.scalar,), (0,)),
    "weierstrass.decode_point": (weierstrass.decode_point, (_EC_PUBLIC,), (0,)),
    "ecdsa.sign": (lambda message: ecdsa.sign(_EC, message, "sha256", None), (_TEXT,), (0,)),
    "ecdsa.verify": (ecdsa.verify, (_EC_PUBLIC, _TEXT, _EC_SIGNATURE, "sha256"), (0, 1, 2)),
    "ecdsa.decode_signature": (ecdsa.decode_signature, (_EC_SIGNATURE,), (0,)),
    "ed25519.expand": (ed25519.expand, (_K32,), (0,)),
    "ed25519.public": (ed25519.public, (_K32,), (0,)),
    "ed25519.sign": (ed25519.sign, (_K32, _TEXT), (0, 1)),
    "ed25519.verify": (ed25519.verify, (_ED_PUBLIC, _TEXT, _ED_SIGNATURE), (0, 1, 2)),
    "ghash.ghash": (ghash.ghash, (_K16, _TEXT), (0, 1)),
    "hashes.new": (lambda data: hashes.new("sha256", data).digest(), (_TEXT,), (0,)),
    "hashes.digest": (hashes.digest, ("sha256", _TEXT), (1,)),
    "header_protection.masks": (lambda key, sample: header_protection.masks("aes-128-gcm", key, [sample]), (_K16, _K16), (0, 1)),
    "header_protection.mask_groups": (_masks_of_groups, (_K32, _K16), (0, 1)),
    "hashbox.HashBox": (lambda *given: hashbox.HashBox(given[0]).seal(*given[1:]), (_K32, _K16, _TEXT, _TEXT), (0, 1, 2, 3)),
    "hkdf.extract": (hkdf.extract, ("sha256", _K16, _TEXT), (1, 2)),
    "hkdf.expand": (hkdf.expand, ("sha256", _K32, _TEXT, 40), (1, 2)),
    "hkdf.expand_label": (hkdf.expand_label, ("sha256", _K32, b"key", _TEXT, 16), (1, 2, 3)),
    "hkdf.expander": (lambda secret: hkdf.expander("sha256", secret)(b"key", b"", 16), (_K32,), (0,)),
    "hmac.find_keyed": (lambda key: hmac.find_keyed("sha256")(key)(_TEXT), (_K32,), (0,)),
    "hmac.HMAC": (lambda key, data: hmac.HMAC("sha256", key, data).digest(), (_K32, _TEXT), (0, 1)),
    "hmac.hmac": (hmac.hmac, ("sha256", _K32, _TEXT), (1, 2)),
    "hmac.is_equal": (hmac.is_equal, (_TEXT, _TEXT), (0, 1)),
    "hmac.verify": (hmac.verify, ("sha256", _K32, _TEXT, hmac.hmac("sha256", _K32, _TEXT)), (1, 2, 3)),
    "mlkem.from_seed": (mlkem.from_seed, (_TEXT,), (0,)),
    "mlkem.encapsulate": (lambda public: mlkem.encapsulate(public, _zeros), (_KEM_PUBLIC,), (0,)),
    "mlkem.decapsulate": (mlkem.decapsulate, (_KEM_PRIVATE, _CIPHERTEXT), (0, 1)),
    "octets.octets": (octets.octets, (_TEXT,), (0,)),
    "pbkdf2.pbkdf2": (pbkdf2.pbkdf2, ("sha256", _K16, _K32, 2, 20), (1, 2)),
    "pem.decode_pem": (pem.decode_pem, (_PEM.encode(),), (0,)),
    "pem.encode_pem": (pem.encode_pem, ("CERTIFICATE", _TEXT), (1,)),
    "pem.is_pem": (pem.is_pem, (_PEM.encode(),), (0,)),
    "poly1305.Poly1305": (lambda key: poly1305.Poly1305(key).digest(), (_K32,), (0,)),
    "poly1305.Poly1305.update": (_in_parts, (_TEXT,), (0,)),
    "poly1305.mac": (poly1305.mac, (_K32, _TEXT), (0, 1)),
    "poly1305.verify": (poly1305.verify, (_K32, _TEXT, poly1305.mac(_K32, _TEXT)), (0, 1, 2)),
    "rsa.sign_pkcs1": (lambda message: rsa.sign_pkcs1(_RSA, message, "sha256"), (_TEXT,), (0,)),
    "rsa.sign_pss": (lambda message: rsa.sign_pss(_RSA, message, "sha256", 0), (_TEXT,), (0,)),
    "rsa.verify_pkcs1": (rsa.verify_pkcs1, (_RSA.public, _TEXT, _PKCS1, "sha256"), (1, 2)),
    "rsa.verify_pss": (rsa.verify_pss, (_RSA.public, _TEXT, _PSS, "sha256"), (1, 2)),
    "sha1.SHA1": (lambda data: sha1.SHA1(data).digest(), (_TEXT,), (0,)),
    "sha1.sha1": (sha1.sha1, (_TEXT,), (0,)),
    **{f"sha2.{name}": (getattr(sha2, name), (_TEXT,), (0,)) for name in sha2.__all__ if name.islower()},
    **{f"sha3.{name}": (getattr(sha3, name), (_TEXT,), (0,)) for name in sha3.__all__ if name.startswith("sha3_")},
    "sha3.shake128": (sha3.shake128, (_TEXT, 9), (0,)),
    "sha3.shake256": (sha3.shake256, (_TEXT, 9), (0,)),
    "x25519.public": (x25519.public, (_K32,), (0,)),
    "x25519.exchange": (x25519.exchange, (_K32, x25519.public(_TEXT[32:])), (0, 1)),
    **{
        f"sha256 {name}": (lambda data, kernel=kernel: kernel.sha256(data).digest(), (_TEXT,), (0,))
        for name, kernel in SHA2_KERNELS.items()
    },
    **{
        f"sha512 {name}": (lambda data, kernel=kernel: kernel.sha512(data).digest(), (_TEXT,), (0,))
        for name, kernel in SHA2_KERNELS.items()
    },
    **{
        f"sha3 {name}": (lambda data, kernel=kernel: kernel.sha3_256(data).digest(), (_TEXT,), (0,))
        for name, kernel in SHA3_KERNELS.items()
    },
}

#: Public, and octets are no argument of theirs, or they are types or another module's, or say that they check nothing.
_WITHOUT: Final = {
    *(
        "curves.Curve",
        "curves.curve_named",
        "ecdsa.encode_signature",
        "ecdsa.EcPrivateKey",
        "ecdh.EcPrivateKey",
        "weierstrass.encode_point",
    ),
    *(
        "ecdsa.generate",
        "ecdsa.public",
        "ecdh.generate",
        "ecdh.public",
        "weierstrass.generate",
        "weierstrass.public",
        "weierstrass.random_below",
    ),
    *("ed25519.generate", "ed25519.SigningKey", "x25519.generate", "mlkem.generate", "rsa.generate", "rsa.public", "rsa_keys.generate"),
    *("rsa_keys.private_operation", "rsa.RsaPrivateKey", "rsa.RsaPublicKey", "rsa_keys.RsaPrivateKey", "rsa_keys.RsaPublicKey"),
    *("aead.AuthenticationError", "aesgcm.AESGCM", "chacha20poly1305.ChaCha20Poly1305", "pem.PemBlock", "primality.is_probable_prime"),
    *("hashes.HashFunction", "hashes.find_hash", "hmac.find_mac", "system.system_entropy", "system.wanted_kernels"),
    *("selection.Kernel", "selection.check_mode", "selection.choose", "selection.is_compiled", "selection.kernels_in_use"),
    *("selection.together", "system.allow_long_loops"),
    *("chacha20.crypt_many", "chacha20.crypt_under", "chacha20.key_streams", "poly1305.one_time_mac"),
}


def test_every_public_function_has_its_case() -> None:
    missing = []
    for found in pkgutil.iter_modules(sws.crypto.__path__):
        if found.ispkg or found.name == "hash_types":
            continue
        module = importlib.import_module(f"sws.crypto.{found.name}")
        for name in module.__all__:
            thing = getattr(module, name)
            path = f"{found.name}.{name}"
            is_known = path in _CASES or path in _WITHOUT or name.startswith(("SHA", "shake"))
            if not is_known and (inspect.isroutine(thing) or (inspect.isclass(thing) and not getattr(thing, "_is_protocol", False))):
                missing.append(path)
    assert missing == []


@pytest.mark.parametrize("name", _CASES)
def test_no_argument_is_read_as_zeros(name: str) -> None:
    """Integers of the length that is wanted, other lengths, and what only looks like octets."""
    call, good, places = _CASES[name]
    call(*good)
    for place in places:
        for wrong in (5, 0, len(good[place]), True, 1.5, "é", list(good[place]), object()):
            arguments = [*good]
            if isinstance(wrong, str) and name in ("hkdf.expand_label", "pem.decode_pem"):
                continue  # they say that text will do
            arguments[place] = wrong
            with pytest.raises((UsageError, TypeError)):
                call(*arguments)


@pytest.mark.parametrize("name", _CASES)
@pytest.mark.parametrize("form", [bytearray, memoryview, lambda data: array("H", data), lambda data: memoryview(array("H", data))])
def test_other_forms_of_octets_count_by_octets(name: str, form: Any) -> None:
    """Where the octets are no whole number of words, only the forms of single octets are tried."""
    call, good, places = _CASES[name]
    expected = call(*good)
    for place in places:
        if len(good[place]) % 2:
            continue
        arguments = [*good]
        arguments[place] = form(good[place])
        assert call(*arguments) == expected, place
        if not isinstance(arguments[place], bytearray | memoryview):
            arguments[place] = array("H", [1] * len(good[place]))  # as long as is wanted, by items; twice as long in truth
            try:
                result = call(*arguments)
            except (UsageError, TypeError, DecodeError):
                continue
            assert result != expected, place


def test_what_pypys_library_would_accept_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """On CPython too, where these are not in use: what is false is not nothing, and arrays are compared by octets."""
    monkeypatch.setattr(hashes_stdlib, "IS_PYPY", True)
    monkeypatch.setattr(constant_time, "IS_PYPY", True)
    new = hashes_stdlib._strict(hashlib.shake_128)
    assert new(array("H", _TEXT)).digest(9) == new(_TEXT).digest(9) == sha3.shake128(_TEXT, 9)  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        new(0)  # type: ignore[arg-type]
    equal = constant_time._load_stdlib()
    assert equal(array("H", _TEXT), _TEXT)  # type: ignore[arg-type]
    assert not equal(_TEXT, _TEXT[::-1])
