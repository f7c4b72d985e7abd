# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where the system keeps the certificates that it trusts, and what is in there: text for whoever reads certificates.

In this order, the first that has anything:
- SSL_CERT_FILE and SSL_CERT_DIR, the variables that OpenSSL has made common; where one of them is set, nothing else is looked at;
- the bundles of `BUNDLES`, then the folders of `FOLDERS`.

macOS has no such file of its own: /etc/ssl/cert.pem, which the system ships for LibreSSL, has the certificates that it came with, and not
those that an administrator has put into the keychain since.  Known limitation: the keychain is not asked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, final

from sws.base.errors import LimitExceeded

__all__ = ["BUNDLES", "FOLDERS", "MAXIMUM_FILES", "MAXIMUM_OCTETS", "TrustText", "find_trust"]

BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Gentoo, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # CentOS, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # macOS, OpenBSD, FreeBSD, Alpine
    "/usr/local/share/certs/ca-root-nss.crt",  # FreeBSD's ca_root_nss
    "/usr/local/etc/ssl/cert.pem",  # FreeBSD
    "/etc/openssl/certs/ca-certificates.crt",  # NetBSD
    "/usr/pkg/share/mozilla-rootcerts/cacert.pem",  # NetBSD's pkgsrc
    "/opt/homebrew/etc/ca-certificates/cert.pem",  # Homebrew
)
FOLDERS: Final = (
    "/etc/ssl/certs",
    "/etc/pki/tls/certs",
    "/system/etc/security/cacerts",
    "/usr/local/share/certs",
    "/etc/openssl/certs",
)
MAXIMUM_OCTETS: Final = 8 << 20
"""Of all files together; those of public stores have a quarter of a million."""
MAXIMUM_FILES: Final = 2048
_SUFFIXES: Final = (".pem", ".crt", ".cer", ".0")


@final
class TrustText(NamedTuple):
    """What was found.

    Attributes:
      source:  a path, for messages; "" if there is no store.
      texts:   contents of files, in PEM or DER.
    """

    source: str
    texts: tuple[bytes, ...]


def find_trust(
    environment: Mapping[str, str] | None = None, bundles: Sequence[str] = BUNDLES, folders: Sequence[str] = FOLDERS
) -> TrustText:
    """The system's trusted certificates, as text.

    Args:
      environment:  None: the process's.
    Raises: OSError for a file that SSL_CERT_FILE names and that cannot be read; LimitExceeded for too much.
    """
    variables = os.environ if environment is None else environment
    file, listed = variables.get("SSL_CERT_FILE"), variables.get("SSL_CERT_DIR")
    if file or listed:
        texts = [_read(file, 0)] if file else []
        for folder in (listed or "").split(os.pathsep):
            texts += _folder(folder, sum(map(len, texts))) if folder else ()
        return TrustText(os.pathsep.join(filter(None, (file, listed))), tuple(texts))
    for path in bundles:
        try:
            return TrustText(path, (_read(path, 0),))
        except OSError:
            continue
    for folder in folders:
        found = tuple(_folder(folder, 0))
        if found:
            return TrustText(folder, found)
    return TrustText("", ())


def _read(path: str, before: int) -> bytes:
    with open(path, "rb") as file:
        data = file.read(MAXIMUM_OCTETS - before + 1)
    if before + len(data) > MAXIMUM_OCTETS:
        raise LimitExceeded("octets of trusted certificates", before + len(data), MAXIMUM_OCTETS)
    return data


def _folder(folder: str, before: int) -> Iterator[bytes]:
    """Its files that look like certificates, links to one and the same file once; what cannot be read is passed over."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(_SUFFIXES))
    except OSError:
        return
    if len(names) > MAXIMUM_FILES:
        raise LimitExceeded("files of trusted certificates", len(names), MAXIMUM_FILES)
    seen: set[tuple[int, int]] = set()
    for name in names:
        path = os.path.join(folder, name)
        try:
            status = os.stat(path)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            data = _read(path, before)
        except OSError:
            continue
        before += len(data)
        yield data
