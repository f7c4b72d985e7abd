# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How names are to be resolved here: resolv.conf(5) of Linux, and which full names a short one may stand for.

    nameserver ADDRESS      the first three count; none means the machine itself
    search NAME …           what a name may be completed with; `domain NAME` is the same with one name; the last such line counts
    options WORD …          ndots:N  timeout:SECONDS  attempts:N  rotate  use-vc  edns0

Without `search` and `domain`, names are completed with the part of the machine's own name behind its first dot.  A keyword stands at the
beginning of its line, `;` or `#` there makes a comment.  What is not known, or makes no sense, is left out, as the C library does.

EDNS(0) is used anyway (RFC 6891; a server that refuses it is asked again without), so `edns0` changes nothing.
Known limitations: `sortlist`, the other options and the environment variables LOCALDOMAIN and RES_OPTIONS are not looked at.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final, final

from sws.base.errors import DecodeError
from sws.net.hosts_file import Address, literal_address
from sws.proto.dns import is_within, name_from_text
from sws.proto.dns.types import MAX_NAME

__all__ = ["DNS_PORT", "ResolverConfig", "candidate_names", "load_resolv_conf", "parse_resolv_conf"]

DNS_PORT: Final = 53
_SERVERS: Final = 3
_SEARCH: Final = 32
_MAX_OCTETS: Final = 1 << 16
#: Option -> its greatest value, as resolv.conf(5) caps them.
_NUMBERS: Final = {"ndots": 15, "timeout": 30, "attempts": 5}
_LOCALHOST: Final = name_from_text("localhost")
_HERE: Final = Address("127.0.0.1", DNS_PORT, socket.AF_INET)


@final
@dataclass(frozen=True, slots=True)
class ResolverConfig:
    """How to ask.

    Attributes:
      servers:   in order of preference.
      search:    what short names are completed with.
      ndots:     a name with at least so many dots is tried as it is first.
      timeout:   seconds to wait for one server, doubled with each round.
      attempts:  rounds through all servers.
      rotate:    begin with another server each time.
      use_vc:    ask over TCP only.
      edns0:     offer EDNS(0).
    """

    servers: tuple[Address, ...] = (_HERE,)
    search: tuple[str, ...] = ()
    ndots: int = 1
    timeout: float = 5.0
    attempts: int = 2
    rotate: bool = False
    use_vc: bool = False
    edns0: bool = True


def load_resolv_conf(path: str = "/etc/resolv.conf", hostname: str | None = None) -> ResolverConfig:
    """The file's settings; a file that cannot be read counts as empty.

    Args:
      hostname:  of this machine; None asks the system.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read(_MAX_OCTETS)
    except OSError:
        text = ""
    return parse_resolv_conf(text, socket.gethostname() if hostname is None else hostname)


def parse_resolv_conf(text: str, hostname: str = "") -> ResolverConfig:
    """The settings in a file's text."""
    servers: list[Address] = []
    own_domain = hostname.partition(".")[2]
    search = [own_domain] if own_domain else []
    numbers = {"ndots": 1, "timeout": 5, "attempts": 2}
    switches: set[str] = set()
    for line in text.splitlines():
        if not line or line[0] in ";#" or line[0].isspace():
            continue
        keyword, *values = line.split()
        if keyword == "nameserver" and values:
            server = literal_address(values[0], DNS_PORT)
            if server is not None:
                servers.append(server)
        elif keyword == "search" and values:
            search = values
        elif keyword == "domain" and values:
            search = values[:1]
        elif keyword == "options":
            _read_options(values, numbers, switches)
    return ResolverConfig(
        servers=tuple(servers[:_SERVERS]) or (_HERE,),
        search=tuple(search[:_SEARCH]),
        ndots=numbers["ndots"],
        timeout=float(max(1, numbers["timeout"])),
        attempts=max(1, numbers["attempts"]),
        rotate="rotate" in switches,
        use_vc="use-vc" in switches,
    )


def _read_options(words: list[str], numbers: dict[str, int], switches: set[str]) -> None:
    for word in words:
        option, colon, value = word.partition(":")
        if not colon:
            switches.add(option)
        elif option in _NUMBERS and value.isascii() and value.isdecimal() and len(value) < 10:
            numbers[option] = min(int(value), _NUMBERS[option])


def candidate_names(text: str, config: ResolverConfig) -> list[bytes]:
    """The full names, in wire form, that a name may stand for, in the order in which to try them.

    A final dot means that it is full.  Completions that are no names, too long ones, or below localhost (RFC 6761 §6.3) are left out.

    Raises: DecodeError if the name itself is none.
    """
    own = name_from_text(text)
    if text.endswith("."):
        return [own]
    completed: list[bytes] = []
    for suffix in config.search:
        try:
            name = own[:-1] + name_from_text(suffix)
        except DecodeError:
            continue
        if len(name) <= MAX_NAME and not is_within(name, _LOCALHOST):
            completed.append(name)
    return list(dict.fromkeys([own, *completed] if text.count(".") >= config.ndots else [*completed, own]))
