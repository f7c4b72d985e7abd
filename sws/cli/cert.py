# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`sws cert self-signed | ca | issue | csr | show | verify`: keys and certificates from the command line.

Private keys are written for their owner only, and no file that exists is written over without --force.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from sws.base.errors import SwsError

if TYPE_CHECKING:
    from sws.crypto.keys import PrivateKey, SigningKey
    from sws.crypto.x509 import Certificate, Roots

__all__ = ["cert"]

_KINDS: Final = click.Choice(("P-256", "P-384", "Ed25519", "RSA"))
_DAYS: Final = click.IntRange(1, 36500)
_MAXIMUM_OCTETS: Final = 16 << 20
_PRIVATE: Final = 0o600
_PUBLIC: Final = 0o644


def _fail(message: str) -> NoReturn:
    click.echo(f"sws: {message}", err=True)
    raise SystemExit(1)


def _options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Several options at once."""

    def decorate(command: Any) -> Any:
        """Apply the last first, as stacked decorators are."""
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_kind = click.option("--algorithm", type=_KINDS, default="P-256", show_default=True, help="Of a new key.")
_force = click.option("--force", is_flag=True, help="Write over files that exist.")
_password = click.option("--password-file", metavar="FILE", help="Its first line opens encrypted keys, and encrypts new ones.")


@click.group()
def cert() -> None:
    """Make, show and verify keys and certificates."""


@cert.command(name="self-signed")
@click.argument("names", nargs=-1)
@click.option("--cert", "cert_path", metavar="FILE", default="cert.pem", show_default=True, help="Where the certificate goes.")
@click.option("--key", "key_path", metavar="FILE", default="key.pem", show_default=True, help="Where the private key goes.")
@click.option("--days", type=_DAYS, default=397, show_default=True, metavar="N", help="How long it is valid.")
@_options(_kind, _password, _force)
def self_signed_command(
    names: tuple[str, ...], cert_path: str, key_path: str, days: int, algorithm: str, password_file: str | None, force: bool
) -> None:
    """Make a key, and a server's certificate signed by that same key.

    It carries NAMES, localhost, 127.0.0.1, ::1 and the name of this host.
    """
    from sws.crypto.x509 import self_signed
    from sws.server.selfsigned import machine_names

    with _guarded():
        key, signer = _new_key(algorithm)
        wanted = list(dict.fromkeys([*_ascii(names), *machine_names()]))
        made = self_signed(signer, wanted, now=int(time.time()), days=days)
        _write([(key_path, _key_pem(key, password_file), _PRIVATE), (cert_path, made.to_pem(), _PUBLIC)], force)


@cert.command()
@click.argument("name")
@click.option("--cert", "cert_path", metavar="FILE", default="ca.pem", show_default=True, help="Where the certificate goes.")
@click.option("--key", "key_path", metavar="FILE", default="ca-key.pem", show_default=True, help="Where the private key goes.")
@click.option("--days", type=_DAYS, default=3650, show_default=True, metavar="N", help="How long it is valid.")
@click.option("--path-length", type=click.IntRange(0, 16), metavar="N", help="How many intermediates may follow; else any number.")
@click.option("--permit", metavar="DOMAIN", multiple=True, help="The only domains that it may issue for; may be repeated.")
@click.option("--parent", metavar="FILE", help="Certificate of the CA that signs this one; else it signs itself.")
@click.option("--parent-key", metavar="FILE", help="That CA's private key.")
@_options(_kind, _password, _force)
def ca(
    name: str,
    cert_path: str,
    key_path: str,
    days: int,
    path_length: int | None,
    permit: tuple[str, ...],
    parent: str | None,
    parent_key: str | None,
    algorithm: str,
    password_file: str | None,
    force: bool,
) -> None:
    """Make a certificate authority called NAME: a root, or with --parent an intermediate."""
    from sws.crypto.x509 import encode, new_authority
    from sws.crypto.x509.general_names import dns

    if (parent is None) is not (parent_key is None):
        raise click.UsageError("--parent and --parent-key belong together")

    with _guarded():
        above = None if parent is None or parent_key is None else (_certificate(parent), _signing_key(parent_key, password_file))
        if above is not None and above[0].spki != above[1].public_spki:
            _fail(f"{parent_key} is not the key of {parent}")
        key, signer = _new_key(algorithm)
        further = [encode.name_constraints([dns(one) for one in _ascii(permit)])] if permit else []
        made = new_authority(signer, name, now=int(time.time()), days=days, path_length=path_length, parent=above, further=further)
        _write([(key_path, _key_pem(key, password_file), _PRIVATE), (cert_path, made.to_pem(), _PUBLIC)], force)


@cert.command()
@click.argument("names", nargs=-1)
@click.option("--ca", "ca_path", metavar="FILE", default="ca.pem", show_default=True, help="Certificate of the CA.")
@click.option("--ca-key", metavar="FILE", default="ca-key.pem", show_default=True, help="Its private key.")
@click.option("--csr", metavar="FILE", help="A request to be granted; else a new key is made.")
@click.option("--cert", "cert_path", metavar="FILE", default="cert.pem", show_default=True, help="Where certificate and chain go.")
@click.option("--key", "key_path", metavar="FILE", default="key.pem", show_default=True, help="Where a new private key goes.")
@click.option("--days", type=_DAYS, default=90, show_default=True, metavar="N", help="How long it is valid.")
@click.option("--client", is_flag=True, help="For a client, not for a server.")
@click.option("--ocsp", metavar="URL", help="Where the CA's OCSP responder is.")
@click.option("--must-staple", is_flag=True, help="Promise that an OCSP response is stapled (RFC 7633).")
@_options(_kind, _password, _force)
def issue(names: tuple[str, ...], ca_path: str, ca_key: str, csr: str | None, cert_path: str, key_path: str, **options: Any) -> None:
    """Make a certificate for NAMES, hosts or addresses, signed by a CA.

    With --csr it is for the key of a request, and without NAMES for the names that are asked for there.
    """
    from sws.crypto.x509 import encode
    from sws.crypto.x509 import issue as issue_certificate

    with _guarded():
        authority, signer = _certificate(ca_path), _signing_key(ca_key, options["password_file"])
        wanted, files = _ascii(names), []
        if csr is None:
            key, _ = _new_key(options["algorithm"])
            public = key.public
            files.append((key_path, _key_pem(key, options["password_file"]), _PRIVATE))
        else:
            public, asked = _request(csr)
            wanted = wanted or asked
        if not wanted:
            raise click.UsageError("a name, or a request that has some")
        further = [encode.authority_info_access(ocsp=[options["ocsp"]])] if options["ocsp"] else []
        further += [encode.must_staple()] if options["must_staple"] else []
        purposes = ("clientAuth",) if options["client"] else ("serverAuth",)
        made = issue_certificate(
            authority, signer, public, wanted, now=int(time.time()), days=options["days"], purposes=purposes, further=further
        )
        chain = made.to_pem() + ("" if authority.is_self_issued else authority.to_pem())
        _write([*files, (cert_path, chain, _PUBLIC)], options["force"])


@cert.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--key", "key_path", metavar="FILE", default="key.pem", show_default=True, help="The private key; made if there is none.")
@click.option("--out", metavar="FILE", default="request.pem", show_default=True, help="Where the request goes.")
@_options(_kind, _password, _force)
def csr(names: tuple[str, ...], key_path: str, out: str, algorithm: str, password_file: str | None, force: bool) -> None:
    """Make a request for a certificate for NAMES, to be signed by a CA elsewhere."""
    from sws.crypto.x509 import build_request

    with _guarded():
        files = []
        if os.path.exists(key_path):
            signer = _signing_key(key_path, password_file)
        else:
            key, signer = _new_key(algorithm)
            files.append((key_path, _key_pem(key, password_file), _PRIVATE))
        _write([*files, (out, build_request(signer, _ascii(names)).to_pem(), _PUBLIC)], force)


@cert.command()
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def show(file: str, as_json: bool) -> None:
    """Say what the certificates or the request in FILE hold; - for standard input."""
    import json

    from sws.cli.cert_show import describe, lines

    with _guarded():
        found = describe(_read(file), file)
        if as_json:
            click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        else:
            click.echo("\n\n".join("\n".join(lines(one)) for one in found))


@cert.command()
@click.argument("file")
@click.option("--ca", "ca_paths", metavar="FILE", multiple=True, help="Trusted certificates; else those of this system. May be repeated.")
@click.option("--untrusted", metavar="FILE", multiple=True, help="Intermediates beside those in FILE; may be repeated.")
@click.option("--name", metavar="HOST", help="The host or address that it must be for.")
@click.option("--purpose", default="serverAuth", show_default=True, metavar="NAME", help="serverAuth, clientAuth, an identifier, or any.")
@click.option("--crl", "crl_paths", metavar="FILE", multiple=True, help="Revocation lists to look into; may be repeated.")
@click.option("--at", "moment", type=click.FloatRange(0), metavar="SECONDS", help="Time, in seconds since 1970; else now.")
def verify(
    file: str,
    ca_paths: tuple[str, ...],
    untrusted: tuple[str, ...],
    name: str | None,
    purpose: str,
    crl_paths: tuple[str, ...],
    moment: float | None,
) -> None:
    """Say whether the first certificate of FILE leads to a trusted one, by which path, or why not."""
    from sws.crypto.x509 import verify_chain
    from sws.crypto.x509.crl import CertificateRevocationList

    with _guarded(file):
        offered = _certificates(file)
        further = [one for path in untrusted for one in _certificates(path)]
        path = verify_chain(
            offered[0],
            [*offered[1:], *further],
            _roots(ca_paths),
            now=time.time() if moment is None else moment,
            name=None if name is None else _ascii((name,))[0],
            purpose=None if purpose == "any" else purpose,
            crls=[CertificateRevocationList.load(_read(one)) for one in crl_paths],
        )
        for depth, one in enumerate(path):
            click.echo(f"{depth}: {one.subject or 'no subject'}")
        click.echo(f"{file}: good")


# --- shared ---------------------------------------------------------------------------------------------------------------


@contextmanager
def _guarded(file: str = "") -> Iterator[None]:
    """Whatever goes wrong is one line."""
    prefix = f"{file}: " if file else ""
    try:
        yield
    except FileExistsError as error:
        _fail(f"{error.filename} exists; --force writes over it")
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except SwsError as error:
        _fail(f"{prefix}{error}")


def _read(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read(_MAXIMUM_OCTETS)
    with open(path, "rb") as file:
        return file.read(_MAXIMUM_OCTETS)


def _certificates(path: str) -> list[Certificate]:
    from sws.crypto.pem import is_pem
    from sws.crypto.x509 import Certificate

    data = _read(path)
    try:
        found = Certificate.list_from_pem(data) if is_pem(data) else [Certificate.from_der(data)]
    except SwsError as error:
        _fail(f"{path} is no certificate: {error}")
    if not found:
        _fail(f"{path} has no certificate")
    return found


def _certificate(path: str) -> Certificate:
    return _certificates(path)[0]


def _roots(paths: tuple[str, ...]) -> Roots:
    from sws.crypto.x509 import Roots
    from sws.net.trust import system_roots

    if paths:
        return Roots(one for path in paths for one in _certificates(path))
    found = system_roots()
    if not len(found):
        _fail("no trusted certificates are found on this system: name them with --ca, or in SSL_CERT_FILE")
    return found


def _secret(password_file: str | None) -> bytes | None:
    return None if password_file is None else _read(password_file).partition(b"\n")[0].removesuffix(b"\r")


def _signing_key(path: str, password_file: str | None) -> SigningKey:
    from sws.crypto.keys import SigningKey

    data, password = _read(path), _secret(password_file)
    try:
        return SigningKey.load(data, password)
    except SwsError as error:
        _fail(f"{path} is no private key that can be used: {error}")


def _request(path: str) -> tuple[Any, list[str]]:
    """Key and names of a request, whose signature must be right."""
    from sws.crypto.x509 import CertificateRequest
    from sws.crypto.x509.general_names import Kind, address_text

    data = _read(path)
    try:
        request = CertificateRequest.load(data)
        signed = request.is_signed
        asked = request.subject_alt_names
    except SwsError as error:
        _fail(f"{path} is no request: {error}")
    if not signed:
        _fail(f"{path} is not signed by its own key")
    names = [str(value) for kind, value in asked if kind is Kind.DNS_NAME]
    return request.public_key, names + [address_text(value) for _, value in asked if isinstance(value, bytes)]


def _new_key(algorithm: str) -> tuple[PrivateKey, SigningKey]:
    from sws.crypto.keys import SigningKey, generate_private_key

    key = generate_private_key(algorithm)
    return key, SigningKey(key)


def _key_pem(key: PrivateKey, password_file: str | None) -> str:
    from sws.crypto.keys.pbes2 import encrypt_pem

    password = _secret(password_file)
    return key.to_pem() if password is None else encrypt_pem(key.to_der(), password)


def _ascii(names: tuple[str, ...]) -> list[str]:
    """Hosts in A-labels, addresses as they are."""
    from sws.proto.http.idna import domain_to_ascii

    found = []
    for name in names:
        star, dot, rest = name.partition("*.")
        found.append(name if name.isascii() else f"{dot}{domain_to_ascii(rest if dot else star).decode('ascii')}")
    return found


def _write(files: list[tuple[str, str, int]], force: bool) -> None:
    """All files or none; with `force` those before the first that fails stay, as what they replace is gone."""
    from sws.os.private_files import write_new, write_over

    for path, _, _ in files:
        if not force and os.path.lexists(path):
            raise FileExistsError(17, "File exists", path)
    made: list[str] = []
    try:
        for path, text, mode in files:
            (write_over if force else write_new)(path, text.encode("ascii"), mode)
            made.append(path)
    except OSError:
        for path in () if force else made:
            os.unlink(path)
        raise
    for path in made:
        click.echo(path)
