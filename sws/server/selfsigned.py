# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The certificate of `tls: {self_signed: true}`: made once for this machine, kept across restarts, made anew when it is about to end.

It stands with its key in one file for its owner only, in the folder of state: $SWS_STATE, /var/lib/sws for root, else
$XDG_STATE_HOME/sws or ~/.local/state/sws.  It names localhost, 127.0.0.1, ::1 and the host.
"""

from __future__ import annotations

import os
import re
import socket
import time
from typing import Final

from sws.base.errors import ConfigError, DecodeError, UsageError
from sws.crypto.keys import SigningKey, generate_private_key, load_private_key
from sws.crypto.x509 import Certificate, self_signed
from sws.os.private_files import write_over

__all__ = ["kept_pair", "machine_names", "state_folder"]

_DAYS: Final = 397
_RENEW_SECONDS: Final = 14 * 86400
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*")


def state_folder() -> str:
    """Where things are kept that outlive a process."""
    given = os.environ.get("SWS_STATE")
    if given:
        return given
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return "/var/lib/sws"
    return os.path.join(os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state"), "sws")


def machine_names() -> list[str]:
    """The names under which a server on this machine is reached from here, and the host's own if it can stand in a certificate."""
    host = socket.gethostname()
    names = ["localhost", "127.0.0.1", "::1"]
    if _NAME.fullmatch(host) and host.lower() not in names and not host.rpartition(".")[2].isdigit():
        names.append(host.lower())
    return names


def kept_pair() -> tuple[SigningKey, Certificate]:
    """The key and its certificate.  Raises: ConfigError if the file can neither be read nor made."""
    path = os.path.join(state_folder(), "self-signed.pem")
    found = _load(path)
    if found is None:
        _make(path)
        found = _load(path)
    if found is None:
        raise ConfigError(f"{path} has no certificate that can be used", path="server.tls.self_signed")
    return found


def _load(path: str) -> tuple[SigningKey, Certificate] | None:
    """None if there is none, or none for this host that goes on for a while."""
    try:
        with open(path, "rb") as file:
            text = file.read(1 << 16)
        key, certificate = SigningKey(load_private_key(text)), Certificate.from_pem(text)
    except (OSError, DecodeError, UsageError):
        return None
    shown = {str(name.value).lower() for name in certificate.subject_alt_names}
    host = machine_names()[-1]
    fits = host in shown or host == "::1"
    if not fits or certificate.public_key.spki != key.public_spki or certificate.not_after < time.time() + _RENEW_SECONDS:
        return None
    return key, certificate


def _make(path: str) -> None:
    """Into a new file that takes the place of the old one at once: workers that start together all end with the same."""
    key = generate_private_key("P-256")
    certificate = self_signed(SigningKey(key), machine_names(), now=int(time.time()), days=_DAYS)
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        write_over(path, key.to_pem().encode("ascii") + certificate.to_pem().encode("ascii"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", path="server.tls.self_signed") from None
