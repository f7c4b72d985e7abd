# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What `sws info` says."""

from __future__ import annotations

import base64
import importlib
import os
import pkgutil
import platform
import sys
from collections.abc import Iterator
from typing import Final

import sws.crypto
from sws._version import __version__
from sws.base.errors import SwsError
from sws.config.addresses import parse_listen
from sws.config.loader import find_config, load_config
from sws.config.model import NOT_BUILT
from sws.crypto.selection import kernels_in_use
from sws.crypto.system import wanted_kernels
from sws.os.poller.choose import ORDER, create_poller
from sws.os.process import can_fork, cores, raise_descriptor_limit
from sws.os.secretmem import available_kind

__all__ = ["describe"]

_KEY_MEMORY: Final = {
    "memfd_secret": "memfd_secret",
    "locked": "locked (no: memfd_secret)",
    "plain": "plain (no: memfd_secret, locked memory)",
}


def _pollers() -> Iterator[str]:
    for name in ORDER:
        try:
            poller = create_poller(name)
        except SwsError as error:
            yield f"{name} (no: {error})"
        else:
            poller.close()
            yield name


def _kernels() -> str:
    """What SWS_KERNELS says, and which kernel each primitive has: a primitive chooses when its module is imported."""
    for module in pkgutil.iter_modules(sws.crypto.__path__, "sws.crypto."):
        if not module.ispkg:
            importlib.import_module(module.name)
    chosen = ", ".join(f"{primitive} {kind}" for primitive, kind in kernels_in_use().items())
    return f"{wanted_kernels()}: {chosen}"


def _http3() -> Iterator[str]:
    """How browsers find HTTP/3: by DNS, and with a certificate of one's own only if they are told.  RFC 9460 §9, RFC 7838."""
    path = find_config()
    try:
        config = None if path is None else load_config(path)
    except (SwsError, OSError):
        config = None
    addresses = [] if config is None else [parse_listen(url) for url in config.server.listen]
    address = next((one for one in addresses if one.is_secure), None)
    if config is None or address is None or not config.server.http3.enabled:
        return
    port = "" if address.port == 443 else f" port={address.port}"
    name = "NAME." if address.port == 443 else f"_{address.port}._https.NAME."
    protocols = "h3,h2,http/1.1" if config.server.http2.enabled else "h3,http/1.1"
    yield f'dns for h3:     {name} IN HTTPS 1 {"." if address.port == 443 else "NAME."} alpn="{protocols}"{port}'
    if config.server.tls.self_signed:
        yield (
            f"chromium h3:    --origin-to-force-quic-on=NAME:{address.port} --ignore-certificate-errors-spki-list={_spki()}"
            "   (for no certificate but those of public roots does it speak h3 otherwise)"
        )


def _spki() -> str:
    """What Chromium knows the server's key by: the Base64 of the SHA-256 of its SubjectPublicKeyInfo."""
    try:
        from sws.crypto.hashes import digest  # here: a choice of kernels that is none is an error of this import
        from sws.server.selfsigned import kept_pair

        _, certificate = kept_pair()
    except SwsError:
        return "HASH"
    return base64.b64encode(digest("sha256", certificate.spki)).decode("ascii")


def _sendfile() -> str:
    if hasattr(os, "sendfile"):
        return "yes"
    return "TransmitFile" if sys.platform == "win32" else "no, files are read and sent"


def describe() -> Iterator[str]:
    """Lines of "name: value"."""
    yield f"sws:            {__version__}"
    yield f"python:         {platform.python_implementation()} {platform.python_version()} ({sys.executable})"
    yield f"system:         {platform.system()} {platform.release()} {platform.machine()}"
    yield f"cores:          {cores()}"
    yield f"workers:        {'forked processes' if can_fork else 'none: this system cannot fork, one process serves'}"
    yield f"descriptors:    {raise_descriptor_limit() or 'unknown'}"
    yield f"pollers:        {', '.join(_pollers())}"
    yield f"sendfile:       {_sendfile()}"
    yield f"kernels:        {_kernels()}"
    yield f"key memory:     {_KEY_MEMORY[available_kind()]}"
    yield f"configuration:  {find_config() or 'none found (./sws.yaml, /etc/sws/sws.yaml)'}"
    yield "protocols:      HTTP/1.0, HTTP/1.1, HTTP/2, HTTP/3; TLS 1.3, QUIC"
    yield from _http3()
    yield f"not built yet:  {', '.join(sorted(NOT_BUILT))}"
