# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What one key alone cannot show: rules between keys, names, addresses; and whether the named folders can be used.

`check` looks at the configuration only; `check_paths` looks at the file system.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Final, NoReturn

from sws.base.errors import ConfigError, DecodeError
from sws.config.addresses import ListenAddress, host_fault, parse_listen
from sws.config.model import Config, StaticConfig
from sws.config.nodes import Scalar, Value
from sws.config.tls_names import GROUP_NAMES, SUITE_NAMES
from sws.proto.http.media_type import parse_media_type
from sws.proto.http.target import path_segments

__all__ = ["check", "check_paths"]

_EXTENSION_RE: Final = re.compile(r"[\w+~-]+")
_ERROR_STATUS_RE: Final = re.compile(r"[45][0-9][0-9]")
_CODINGS: Final = ("br", "zstd", "gzip")
_PARENT_RE: Final = re.compile(r"\.[^.\[\]]*$|\[\d+\]$")


def check(config: Config, nodes: Mapping[str, Value]) -> None:
    """The rules between keys.

    Args:
      nodes:  path -> the value written there, for the lines of errors.
    Raises: ConfigError.
    """
    places = _Places(nodes)
    _check_listen(config, places)
    _check_numbers(config, places)
    _check_static(config.server.static, "server.static", places)
    _check_tls(config, places)
    names: dict[str, str] = {}
    for number, host in enumerate(config.server.hosts):
        path = f"server.hosts[{number}]"
        _check_names(host.names, f"{path}.names", names, places)
        if host.static is not None:
            _check_static(host.static, f"{path}.static", places)


def check_paths(config: Config) -> list[ConfigError]:
    """What is wrong with the folders and files that a configuration names; touches nothing but looks."""
    server = config.server
    faults = [_folder_fault(path, root) for path, root in _roots(config)]
    if server.log.file is not None:
        faults.append(_file_fault("server.log.file", server.log.file))
    if server.pid_file is not None:
        faults.append(_file_fault("server.pid_file", server.pid_file))
    for path, file in _tls_files(config):
        faults.append(None if os.access(file, os.R_OK) else ConfigError(f"the file {file} cannot be read", path=path))
    return [fault for fault in faults if fault is not None]


def _tls_files(config: Config) -> Iterator[tuple[str, str]]:
    """The files of keys and certificates that have to be there."""
    tls = config.server.tls
    sections: list[tuple[str, str | None]] = [
        (f"server.tls.{name}", getattr(tls, name)) for name in ("cert", "key", "client_ca", "ticket_key", "psk")
    ]
    for number, host in enumerate(config.server.hosts):
        sections += [(f"server.hosts[{number}].tls.{name}", getattr(host.tls, name)) for name in ("cert", "key", "client_ca")]
    return ((path, file) for path, file in sections if file is not None)


class _Places:
    """Errors with the line of the nearest written key."""

    def __init__(self, nodes: Mapping[str, Value]) -> None:
        self._nodes = nodes

    def is_written(self, path: str) -> bool:
        """Whether the key stands in the file, rather than having its default."""
        return path in self._nodes

    def fail(self, path: str, message: str) -> NoReturn:
        nearest = path
        while nearest not in self._nodes:
            nearest, count = _PARENT_RE.subn("", nearest)
            if not count:
                raise ConfigError(message, path=path)
        raise self._nodes[nearest].place.error(message, path)

    def shown(self, path: str, value: str) -> str:
        """A value for an error; as it was written, if it was."""
        node = self._nodes.get(path)
        return node.shown if isinstance(node, Scalar) else repr(value)


def _check_listen(config: Config, places: _Places) -> None:
    listen = config.server.listen
    if not listen:
        places.fail("server.listen", "at least one address is needed")
    seen: dict[tuple[str, str, int], str] = {}
    for number, url in enumerate(listen):
        path = f"server.listen[{number}]"
        try:
            address = parse_listen(url, shown=places.shown(path, url))
        except ConfigError as error:
            places.fail(path, error.message)
        first = seen.setdefault(_socket_key(address), path)
        if first != path:
            places.fail(path, f"{places.shown(path, url)} is the same address as {first}")


def _socket_key(address: ListenAddress) -> tuple[str, str, int]:
    """Equal for addresses that cannot both be bound; [::] is dual-stack.  Port 0 is a free one for each scheme."""
    host = "::" if address.host == "0.0.0.0" else address.host  # noqa: S104
    return ("tcp" if address.port else address.scheme, host, address.port)


def _check_numbers(config: Config, places: _Places) -> None:
    timeouts = config.server.timeouts
    path = "server.timeouts.idle_minimum"
    if timeouts.idle_minimum > timeouts.idle and places.is_written(path):
        places.fail(path, f"must be at most server.timeouts.idle, {timeouts.idle:g} seconds")
    most = config.server.limits.body
    for number, host in enumerate(config.server.hosts):
        if host.limits.body is not None and host.limits.body > most:
            places.fail(f"server.hosts[{number}].limits.body", f"must be at most server.limits.body, {most} octets")


def _check_names(names: tuple[str, ...], path: str, seen: dict[str, str], places: _Places) -> None:
    if not names:
        places.fail(path, "a host needs at least one name")
    for number, name in enumerate(names):
        here = f"{path}[{number}]"
        fault = host_fault(name)
        if fault is not None:
            places.fail(here, f"{places.shown(here, name)} is not a host name: {fault}")
        first = seen.setdefault(name.lower().removesuffix("."), here)
        if first != here:
            places.fail(here, f"{places.shown(here, name)} is the same name as {first}")


def _check_tls(config: Config, places: _Places) -> None:
    tls = config.server.tls
    secure = [parse_listen(url).is_secure for url in config.server.listen]
    _check_pair(tls.cert, tls.key, "server.tls", places)
    if any(secure) and tls.cert is None and tls.key is None and not tls.self_signed:
        places.fail("server.listen", "an https address needs server.tls: cert and key, or self_signed: true")
    if tls.self_signed and tls.cert is not None:
        places.fail("server.tls.self_signed", "either a certificate of its own or a self-signed one")
    for name, known in (("suites", SUITE_NAMES), ("groups", GROUP_NAMES)):
        for number, value in enumerate(getattr(tls, name)):
            if value not in known:
                places.fail(f"server.tls.{name}[{number}]", f"{value!r} is none of {', '.join(known)}")
    if tls.client_auth != "none" and tls.client_ca is None:
        places.fail("server.tls.client_auth", "client certificates need server.tls.client_ca")
    if tls.redirect and not any(secure):
        places.fail("server.tls.redirect", "there is no https address to lead to")
    elif tls.redirect and 0 in [address.port for address in map(parse_listen, config.server.listen) if address.is_secure][:1]:
        places.fail("server.tls.redirect", "the first https address needs a port of its own")
    for number, host in enumerate(config.server.hosts):
        path = f"server.hosts[{number}].tls"
        _check_pair(host.tls.cert, host.tls.key, path, places)
        if host.tls.client_auth in ("request", "require") and host.tls.client_ca is None and tls.client_ca is None:
            places.fail(f"{path}.client_auth", "client certificates need client_ca here or in server.tls")


def _check_pair(cert: str | None, key: str | None, path: str, places: _Places) -> None:
    if (cert is None) != (key is None):
        given, missing = ("cert", "key") if key is None else ("key", "cert")
        places.fail(f"{path}.{given}", f"{path}.{missing} is missing")


def _check_static(static: StaticConfig, path: str, places: _Places) -> None:
    for number, name in enumerate(static.index):
        if "/" in name or "\\" in name or name in (".", ".."):
            here = f"{path}.index[{number}]"
            places.fail(here, f"{places.shown(here, name)} must be the name of a file, without a folder")
    seen: set[str] = set()
    for extension, media_type in static.types.items():
        here = f"{path}.types.{extension}"
        if not _EXTENSION_RE.fullmatch(extension):
            places.fail(here, "a file name extension is written without dots, slashes or blanks")
        if extension.lower() in seen:
            places.fail(here, "the same extension is there twice, in other letters")
        seen.add(extension.lower())
        if not _is_media_type(media_type):
            places.fail(here, f"{places.shown(here, media_type)} is not a media type such as text/plain; charset=utf-8")
    _check_alternatives(static, path, places)


def _check_alternatives(static: StaticConfig, path: str, places: _Places) -> None:
    """What is served in place of something else."""
    for number, suffix in enumerate(static.suffixes):
        if "/" in suffix or "\\" in suffix:
            here = f"{path}.suffixes[{number}]"
            places.fail(here, f"{places.shown(here, suffix)} must be the end of a file name, such as .html")
    for number, coding in enumerate(static.precompressed):
        if coding not in _CODINGS:
            here = f"{path}.precompressed[{number}]"
            places.fail(here, f"{places.shown(here, coding)} must be one of {', '.join(_CODINGS)}")
    if static.fallback is not None and not _is_path(static.fallback):
        places.fail(
            f"{path}.fallback", f"{places.shown(f'{path}.fallback', static.fallback)} must be a path below the root, such as /index.html"
        )
    for status, page in static.errors.items():
        here = f"{path}.errors.{status}"
        if not _ERROR_STATUS_RE.fullmatch(status):
            places.fail(here, "an error status is a number from 400 to 599")
        if not _is_path(page):
            places.fail(here, f"{places.shown(here, page)} must be a path below the root, such as /404.html")


def _is_path(text: str) -> bool:
    """A path that a request for a file could have."""
    try:
        path = path_segments(text.encode())
    except (DecodeError, UnicodeEncodeError):
        return False
    return not path.trailing_slash and "" not in path.segments


def _is_media_type(text: str) -> bool:
    try:
        parse_media_type(text.encode("ascii"))
    except (DecodeError, UnicodeEncodeError):
        return False
    return True


# --- the file system -----------------------------------------------------------------------------------------------------


def _roots(config: Config) -> Iterator[tuple[str, str]]:
    """The roots that will be served from, with their paths in the configuration."""
    server = config.server
    if server.unknown_host == "serve" or any(host.root is None for host in server.hosts):
        yield "server.root", server.root
    for number, host in enumerate(server.hosts):
        if host.root is not None:
            yield f"server.hosts[{number}].root", host.root


def _folder_fault(path: str, folder: str) -> ConfigError | None:
    return _fault(path, folder, os.R_OK | os.X_OK, "cannot be read")


def _file_fault(path: str, file: str) -> ConfigError | None:
    """A file that will be written: itself if it is there, else its folder."""
    if os.path.isdir(file):
        return ConfigError(f"{file} is a folder, not a file", path=path)
    if os.path.exists(file):
        return None if os.access(file, os.W_OK) else ConfigError(f"{file} cannot be written", path=path)
    return _fault(path, os.path.dirname(file) or ".", os.W_OK | os.X_OK, "cannot be written to")


def _fault(path: str, folder: str, mode: int, cannot: str) -> ConfigError | None:
    if not os.path.exists(folder):
        return ConfigError(f"the folder {folder} does not exist", path=path)
    if not os.path.isdir(folder):
        return ConfigError(f"{folder} is not a folder", path=path)
    return None if os.access(folder, mode) else ConfigError(f"the folder {folder} {cannot}", path=path)
