# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From the configuration to the TLS of a worker: credentials, hosts, tickets, policies.

    TlsShared    made by the master before it forks, the same in all workers and generations: the secret that ticket keys are made
                 from, and which tickets have brought 0-RTT data already
    TlsContext   made by each worker: reads keys and certificates anew, so that a reload takes new ones

Ticket keys follow from the secret and the time: every worker, and every machine with the same `ticket_key`, has the same without asking.
A key is used for one lifetime of tickets and opens for one more, so what is stolen later opens nothing older.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final, final

from sws.base.errors import ConfigError, DecodeError, UsageError
from sws.config.model import Config, HostConfig, TlsConfig
from sws.config.tls_names import GROUP_NAMES, SUITE_NAMES
from sws.crypto.hashes import digest
from sws.crypto.hkdf import expand
from sws.crypto.keys import SigningKey, load_private_key
from sws.crypto.system import system_entropy
from sws.crypto.x509 import Certificate, Roots
from sws.net.tls_keys import ChainPolicy, KeySigner
from sws.os.sharedset import SharedSet
from sws.proto.tls import (
    ClientAuth,
    ClientHelloFacts,
    Credential,
    Psk,
    ServerConfig,
    TicketBox,
    TicketKeys,
    TlsConnection,
    TlsHost,
)
from sws.proto.tls.config import KeyLog, Negotiated
from sws.proto.tls.constants import CipherSuite, NamedGroup
from sws.proto.tls.groups import GROUPS
from sws.server.hosts import HostTable
from sws.server.selfsigned import kept_pair

__all__ = ["TlsContext", "TlsShared", "policy_of", "shown_cipher", "shown_facts"]

#: Quickest first for what a server sends most: ChaCha20 leads on CPython and PyPy alike (bench.crypto).
_SUITES: Final = (
    CipherSuite.TLS_CHACHA20_POLY1305_SHA256,
    CipherSuite.TLS_AES_128_GCM_SHA256,
    CipherSuite.TLS_AES_256_GCM_SHA384,
)
_AUTH: Final = {"none": ClientAuth.NONE, "request": ClientAuth.REQUEST, "require": ClientAuth.REQUIRE}
_PERIOD_MINIMUM: Final = 3600
_PSK_MINIMUM: Final = 16


@final
class TlsShared:
    """What all workers have in common.

    Args:
      config:  of the first generation.
    Raises: ConfigError for a ticket key that cannot be read or is too short.
    """

    def __init__(self, config: Config) -> None:
        tls = config.server.tls
        self.secret = system_entropy(32) if tls.ticket_key is None else _read_secret(tls.ticket_key)
        self.used = SharedSet()

    def ticket_keys(self, now: float, lifetime: float) -> TicketKeys:
        """The keys in force, newest first; one of the future for clocks that are ahead of ours."""
        epoch = int(now // max(lifetime, _PERIOD_MINIMUM))
        return TicketKeys(tuple(self._pair(number) for number in (epoch, epoch - 1, epoch + 1)))

    def _pair(self, epoch: int) -> tuple[bytes, bytes]:
        derived = expand("sha256", self.secret, b"sws ticket key " + epoch.to_bytes(8, "big", signed=True), 48)
        return derived[:16], derived[16:]


def _read_secret(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            secret = file.read(4096)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", path="server.tls.ticket_key") from None
    if len(secret) < 32:
        raise ConfigError(f"{path} has fewer than 32 octets", path="server.tls.ticket_key")
    return digest("sha256", secret)


def _read_psks(path: str) -> dict[bytes, Psk]:
    """External PSKs by identity.  RFC 9846 §4.2.11: their hash is SHA-256 unless something else is agreed on."""
    found: dict[bytes, Psk] = {}
    try:
        with open(path, "rb") as file:
            lines = file.read(1 << 20).splitlines()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", path="server.tls.psk") from None
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith(b"#"):
            continue
        identity, _, text = line.rpartition(b":")
        try:
            key = bytes.fromhex(text.decode("ascii"))
        except ValueError:
            key = b""
        if not identity or len(key) < _PSK_MINIMUM:
            raise ConfigError(f"{path}:{number} is not identity:key with a key of at least 32 hex digits", path="server.tls.psk")
        found[identity] = Psk(key, "sha256", None)
    return found


@final
class TlsContext:
    """TLS of one worker.

    Args:
      config:  checked.
      shared:  of the master.
      wall:    seconds since 1970.
    Raises: ConfigError for keys and certificates that cannot be used.
    """

    def __init__(self, config: Config, shared: TlsShared, wall: Callable[[], float]) -> None:
        tls = config.server.tls
        self._shared = shared
        self._wall = wall
        self._lifetime = tls.ticket_lifetime
        self._keys: tuple[int, TicketKeys] = (-1, TicketKeys(()))
        default = _server_credentials(tls)
        http2 = config.server.http2.enabled
        hosts = [(host.names, _host(tls, default, host, number, wall, http2)) for number, host in enumerate(config.server.hosts)]
        self._hosts = HostTable(hosts, _host(tls, default, None, -1, wall, http2))
        self._every = [*(host for _, host in hosts), self._hosts[b""]]
        #: Whether hosts ask for different client certificates: then a request must be for a host with the policy that the handshake met.
        self.has_policies = len({policy_of(host) for _, host in hosts} | {policy_of(self._hosts[b""])}) > 1
        self._key_log = None if tls.key_log is None else _key_log(tls.key_log)
        self.config = ServerConfig(
            choose_host=self._choose,
            wall=wall,
            suites=tuple(SUITE_NAMES[name] for name in tls.suites) or _SUITES,
            groups=tuple(GROUP_NAMES[name] for name in tls.groups) or GROUPS,
            tickets=TicketBox(self._ticket_keys, system_entropy) if tls.tickets else None,
            ticket_lifetime=int(tls.ticket_lifetime),
            external_psk=({} if tls.psk is None else _read_psks(tls.psk)).get,
            first_use=lambda ticket, until: shared.used.add(ticket, until, wall()),
            keylog=self._key_log,
        )

    def _choose(self, facts: ClientHelloFacts) -> TlsHost:
        return self._hosts[facts.server_name or b""]

    @property
    def credentials(self) -> list[Credential]:
        """Every certificate in use, once."""
        return list({id(credential): credential for host in self._every for credential in host.credentials}.values())

    @property
    def key_memory(self) -> str:
        """The kinds of memory that hold the private keys: one as a rule, two where the limit of locked memory was reached."""
        return ", ".join(sorted({signer.kind for signer in self._signers()}))

    def close(self) -> None:
        """Wipe the private keys: for who only wanted to know whether they can be used."""
        for signer in self._signers():
            signer.close()

    def _signers(self) -> list[KeySigner]:
        return [credential.signer for credential in self.credentials if isinstance(credential.signer, KeySigner)]

    def policy_for(self, authority: bytes) -> bytes:
        """What client authentication the host of an authority asks for, as something to compare."""
        return policy_of(self._hosts[authority])

    def _ticket_keys(self) -> TicketKeys:
        minute = int(self._wall() // 60)
        if self._keys[0] != minute:
            self._keys = minute, self._shared.ticket_keys(self._wall(), self._lifetime)
        return self._keys[1]


def policy_of(host: TlsHost) -> bytes:
    """A host's client authentication: the tail of its binding."""
    return host.binding[-32:]


def _server_credentials(tls: TlsConfig) -> tuple[Credential, ...]:
    if tls.self_signed:
        key, certificate = kept_pair()
        return (Credential((certificate.der,), KeySigner(key)),)
    if tls.cert is None or tls.key is None:
        return ()
    return (load_credential(tls.cert, tls.key, "server.tls"),)


def load_credential(cert: str, key: str, path: str) -> Credential:
    """A chain and its key from files.  Raises: ConfigError that names the file."""
    try:
        with open(cert, "rb") as file:
            chain = Certificate.list_from_pem(file.read())
    except (OSError, DecodeError) as error:
        raise ConfigError(f"{cert} is no certificate that can be used: {_reason(error)}", path=f"{path}.cert") from None
    try:
        with open(key, "rb") as file:
            signer = SigningKey(load_private_key(file.read()))
    except (OSError, DecodeError, UsageError) as error:
        raise ConfigError(f"{key} is no private key that can be used: {_reason(error)}", path=f"{path}.key") from None
    if not chain:
        raise ConfigError(f"{cert} has no certificate", path=f"{path}.cert")
    if chain[0].public_key.spki != signer.public_spki:
        raise ConfigError(f"{key} is not the key of the certificate in {cert}", path=f"{path}.key")
    return Credential(tuple(certificate.der for certificate in chain), KeySigner(signer))


def _reason(error: Exception) -> str:
    return error.strerror or "unreadable" if isinstance(error, OSError) else str(error)


def _host(
    tls: TlsConfig, default: tuple[Credential, ...], host: HostConfig | None, number: int, wall: Callable[[], float], http2: bool
) -> TlsHost:
    own = None if host is None else host.tls
    path = f"server.hosts[{number}].tls"
    credentials = default
    if own is not None and own.cert is not None and own.key is not None:
        credentials = (load_credential(own.cert, own.key, path),)
    auth = tls.client_auth if own is None or own.client_auth is None else own.client_auth
    ca = tls.client_ca if own is None or own.client_ca is None else own.client_ca
    policy = None
    trusted = b""
    if auth != "none" and ca is not None:
        roots = _load_roots(ca, path if own is not None else "server.tls")
        policy = ChainPolicy(roots, "clientAuth", wall)
        trusted = b"".join(sorted(root.der for root in roots))
    names = "" if host is None else "\0".join(host.names)
    binding = digest("sha256", names.encode()) + digest("sha256", auth.encode() + b"\0" + trusted)
    return TlsHost(
        credentials,
        (b"h2", b"http/1.1") if http2 else (b"http/1.1",),
        binding,
        client_auth=_AUTH[auth],
        policy=policy,
        early_data=tls.early_data,
        ticket_count=tls.tickets,
    )


def _load_roots(path: str, where: str) -> Roots:
    try:
        with open(path, "rb") as file:
            roots = Roots(Certificate.list_from_pem(file.read()))
    except (OSError, DecodeError) as error:
        raise ConfigError(f"{path} has no certificates that can be used: {_reason(error)}", path=f"{where}.client_ca") from None
    if not len(roots):
        raise ConfigError(f"{path} has no certificate", path=f"{where}.client_ca")
    return roots


def _key_log(path: str) -> KeyLog:
    """Lines of an SSLKEYLOGFILE.  RFC 9850 §2; the file is for its owner only."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(label: str, client_random: bytes, secret: bytes) -> None:
        os.write(descriptor, f"{label} {client_random.hex()} {secret.hex()}\n".encode("ascii"))

    return write


def shown_cipher(tls: TlsConnection) -> str:
    """Suite and group as text, for the start page and the log."""
    return shown_facts(tls.facts)


def shown_facts(facts: Negotiated) -> str:
    """The same from a handshake's facts."""
    return f"{CipherSuite(facts.suite).name} {NamedGroup(facts.group).name}{' resumed' if facts.resumed else ''}"
