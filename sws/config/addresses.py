# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Listening addresses and host names: what the configuration may say.  RFC 3986 §3.2, RFC 1123 §2.1, RFC 6874.

    address = ( "http://" / "https://" ) host ":" port  /  "unix:" absolute-path
    host    = name  /  IPv4 address  /  "[" IPv6 address [ "%" zone ] "]"

Only text is looked at here; opening a socket is the listener's business.  Host names of virtual hosts follow the same rules, with a
leading `*.` in addition.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final, final

from sws.base.errors import ConfigError

__all__ = ["ListenAddress", "host_fault", "parse_listen"]

_SHAPE: Final = "write http://HOST:PORT, https://HOST:PORT or unix:/path"
_UNIX_OCTETS: Final = 104
_URL_RE: Final = re.compile(r"(https?)://(\[[^\]]*\]|[^\[\]:/?#@]*)(?::([0-9]*))?/?", re.IGNORECASE)
_LABEL_RE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_ZONE_RE: Final = re.compile(r"[A-Za-z0-9._~-]+")


@final
@dataclass(frozen=True, slots=True)
class ListenAddress:
    """One entry of `server.listen`.

    Attributes:
      url:     as written.
      scheme:  "http", "https" or "unix".
      host:    address or name, without brackets; the path for unix sockets.
      port:    0 picks a free one.
    """

    url: str
    scheme: str
    host: str
    port: int

    @property
    def is_unix(self) -> bool:
        """Whether it is a unix socket."""
        return self.scheme == "unix"

    @property
    def is_secure(self) -> bool:
        """Whether TLS is spoken there."""
        return self.scheme == "https"


def parse_listen(url: str, *, shown: str | None = None) -> ListenAddress:
    """A URL of `server.listen`.

    Args:
      url:    what to read.
      shown:  what an error says instead of the URL, as the URL may come from the environment.
    Raises: ConfigError.
    """
    named = repr(url) if shown is None else shown
    if url[:5].lower() == "unix:":
        return _parse_unix(url, named)
    match = _URL_RE.fullmatch(url)
    if match is None:
        raise ConfigError(f"{named} is not an address: {_SHAPE}", path="server.listen")
    scheme, host, digits = match.group(1).lower(), match.group(2), match.group(3)
    if not digits:
        raise ConfigError(f"{named} has no port: {_SHAPE}", path="server.listen")
    if len(digits) > 5 or int(digits) > 65535:
        raise ConfigError(f"{named} is not an address: the port must be 0 to 65535", path="server.listen")
    fault = _listen_host_fault(host)
    if fault is not None:
        raise ConfigError(f"{named} is not an address: {fault}", path="server.listen")
    return ListenAddress(url, scheme, _plain_host(host), int(digits))


def host_fault(name: str) -> str | None:
    """What is wrong with the name of a virtual host, or None.

    Args:
      name:  a name, `*.` and a name, an IPv4 address, or an IPv6 address in brackets.
    """
    if not name.isascii():
        return "host names are ASCII here: write the punycode form (xn--...)"
    if name.startswith("["):
        return _literal_fault(name)
    if ":" in name:
        literal = _ipv6(name)
        return "write it without a port" if literal is None else f"write it as [{literal}]"
    is_wildcard = name.startswith("*.")
    labels = (name[2:] if is_wildcard else name).removesuffix(".").split(".")
    if "*" in "".join(labels):
        return "a * stands only in front, as in *.example.org"
    if len(name) > 253 or not all(_LABEL_RE.fullmatch(label) for label in labels):
        return "a host name has labels of 1 to 63 letters, digits and inner hyphens, joined by dots"
    if labels[-1].isdigit() and (is_wildcard or not _is_ipv4(name)):
        return "a name that ends in digits must be an IPv4 address of four numbers"
    return None


def _parse_unix(url: str, named: str) -> ListenAddress:
    path = url[5:]
    try:
        octets = os.fsencode(path)
    except UnicodeEncodeError:
        octets = b""
    if not 1 <= len(octets) <= _UNIX_OCTETS or b"\0" in octets:
        raise ConfigError(f"{named}: a unix socket needs a path of at most {_UNIX_OCTETS} octets", path="server.listen")
    if not path.startswith("/"):
        raise ConfigError(f"{named}: the path of a unix socket begins with a slash, as in unix:/run/sws.sock", path="server.listen")
    return ListenAddress(url, "unix", path, 0)


def _listen_host_fault(host: str) -> str | None:
    if not host:
        return "the host is missing; [::] or 0.0.0.0 stands for every address"
    if host.startswith("["):
        address, mark, zone = host[1:-1].partition("%")
        if mark and not _ZONE_RE.fullmatch(zone):
            return "the zone after % is not an interface name"
        return None if _ipv6(address) is not None else "between [ and ] stands an IPv6 address"
    if host.startswith("*"):
        return "write [::] or 0.0.0.0 for every address"
    return host_fault(host)


def _plain_host(host: str) -> str:
    """Without brackets, and the zone without the escape of RFC 6874 (`%25eth0` is `%eth0`)."""
    if not host.startswith("["):
        return host.lower()
    address, mark, zone = host[1:-1].partition("%")
    return address.lower() + mark + (zone.removeprefix("25") or zone)


def _literal_fault(name: str) -> str | None:
    literal = _ipv6(name[1:].partition("]")[0])
    if literal is None:
        return "between [ and ] stands an IPv6 address"
    return None if name.lower() == f"[{literal}]" else f"write it as [{literal}]"


def _ipv6(text: str) -> str | None:
    """The shortest form of an IPv6 address without zone, or None."""
    import ipaddress  # here, as few configurations need it: start-up time

    try:
        return None if "%" in text else str(ipaddress.IPv6Address(text))
    except ValueError:
        return None


def _is_ipv4(text: str) -> bool:
    import ipaddress

    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
