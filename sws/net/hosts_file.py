# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What needs no DNS: addresses written as such, names for the machine itself, the hosts file.  RFC 4007 §11, RFC 6761 §6.3, hosts(5).

literal     "192.0.2.1", "2001:db8::1", "fe80::1%eth0" (a zone is a name or number of an interface, and only literals have one)
localhost   and all names below it: the loopback addresses, whatever a file or server says
hosts file  lines of an address and its names; read again when the file has changed, which is looked at every few seconds at most
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, replace
from typing import Final, final

__all__ = ["FAMILIES", "Address", "HostsFile", "literal_address", "parse_hosts", "special_addresses"]

FAMILIES: Final = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
CHECK_SECONDS: Final = 5.0
MAX_OCTETS: Final = 1 << 22
_NOWHERE: Final = ("invalid", "onion")  # RFC 6761 §6.4; RFC 7686 §2
_TTL: Final = 60


@final
@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect to.

    Attributes:
      host:      an IP address, without a zone.
      port:      of TCP or UDP.
      family:    AF_INET or AF_INET6.
      ttl:       seconds for which this holds.
      scope_id:  the interface of a link-local IPv6 address, else 0.
    """

    host: str
    port: int
    family: socket.AddressFamily
    ttl: int = _TTL
    scope_id: int = 0

    @property
    def sockaddr(self) -> tuple[str, int] | tuple[str, int, int, int]:
        """The form that sockets take."""
        if self.family == socket.AF_INET6:
            return self.host, self.port, 0, self.scope_id
        return self.host, self.port

    def __str__(self) -> str:
        zone = f"%{self.scope_id}" if self.scope_id else ""
        return f"[{self.host}{zone}]:{self.port}" if self.family == socket.AF_INET6 else f"{self.host}:{self.port}"


def literal_address(text: str, port: int = 0) -> Address | None:
    """The address that is written there, or None for a name; a zone that is no interface here makes it no address."""
    host, percent, zone = text.partition("%")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if "\0" in text:  # inet_pton of PyPy stops there
        return None
    try:
        plain = socket.inet_ntop(family, socket.inet_pton(family, host))
        if not percent:
            return Address(plain, port, family)
        if family == socket.AF_INET:
            return None
        scope_id = int(zone) if zone.isascii() and zone.isdecimal() else socket.if_nametoindex(zone)
    except (OSError, ValueError):
        return None
    return Address(plain, port, family, scope_id=scope_id) if 0 < scope_id < 1 << 32 else None


def special_addresses(name: str, port: int = 0) -> list[Address] | None:
    """The addresses of a name that is special by RFC: loopback ones, or none at all; None for other names."""
    top = name.lower().removesuffix(".").rpartition(".")[2]
    if top == "localhost":
        return [Address("::1", port, socket.AF_INET6), Address("127.0.0.1", port, socket.AF_INET)]
    return [] if top in _NOWHERE else None


def parse_hosts(text: str) -> dict[str, list[Address]]:
    """A hosts file's names, in lower case, with their addresses in the file's order; lines that make no sense are left out."""
    found: dict[str, list[Address]] = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        address = literal_address(words[0]) if len(words) > 1 else None
        if address is None:
            continue
        for word in words[1:]:
            known = found.setdefault(word.lower().removesuffix("."), [])
            if address not in known:
                known.append(address)
    return found


@final
class HostsFile:
    """The names of one hosts file.

    Args:
      path:  need not exist.
    """

    __slots__ = ("_looked", "_mark", "_names", "_path", "reloads")

    def __init__(self, path: str = "/etc/hosts") -> None:
        self._path = path
        self._names: dict[str, list[Address]] = {}
        self._mark: tuple[int, int, int] | None = None
        self._looked: float | None = None
        #: How often the file was read.
        self.reloads = 0

    def lookup(self, name: str, now: float, port: int = 0) -> list[Address]:
        """The addresses of a name; empty if it is not there.

        Args:
          now:  monotonic.
        """
        if self._looked is None or now - self._looked >= CHECK_SECONDS:
            self._looked = now
            self._refresh()
        return [replace(address, port=port) for address in self._names.get(name.lower().removesuffix("."), ())]

    def _refresh(self) -> None:
        try:
            facts = os.stat(self._path)
            mark = facts.st_mtime_ns, facts.st_size, facts.st_ino
            if mark == self._mark:
                return
            with open(self._path, encoding="utf-8", errors="replace") as file:
                text = file.read(MAX_OCTETS)
        except OSError:
            self._names, self._mark = {}, None
            return
        self._names, self._mark = parse_hosts(text), mark
        self.reloads += 1
