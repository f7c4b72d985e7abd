# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Finding the system's trusted certificates."""

from __future__ import annotations

import os
import pathlib

import pytest

from sws.base.errors import LimitExceeded
from sws.os import truststore
from sws.os.truststore import BUNDLES, FOLDERS, TrustText, find_trust


@pytest.fixture
def store(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "certs").mkdir()
    (tmp_path / "bundle.pem").write_bytes(b"bundle")
    (tmp_path / "certs" / "a.pem").write_bytes(b"a")
    (tmp_path / "certs" / "b.crt").write_bytes(b"b")
    (tmp_path / "certs" / "1234.0").symlink_to("a.pem")
    (tmp_path / "certs" / "broken.pem").symlink_to("nowhere")
    (tmp_path / "certs" / "README").write_bytes(b"no")
    return tmp_path


def test_variables_come_first_and_alone(store: pathlib.Path) -> None:
    bundle, folder = str(store / "bundle.pem"), str(store / "certs")
    assert find_trust({"SSL_CERT_FILE": bundle}, ["/x"]) == TrustText(bundle, (b"bundle",))
    assert find_trust({"SSL_CERT_DIR": folder}, [bundle]).texts == (b"a", b"b")
    both = find_trust({"SSL_CERT_FILE": bundle, "SSL_CERT_DIR": f"{store}/none{os.pathsep}{folder}{os.pathsep}"})
    assert both.texts == (b"bundle", b"a", b"b")
    with pytest.raises(OSError, match="nowhere"):
        find_trust({"SSL_CERT_FILE": "/nowhere/x"}, [bundle])


def test_bundles_then_folders(store: pathlib.Path) -> None:
    bundle, folder = str(store / "bundle.pem"), str(store / "certs")
    assert find_trust({}, ["/nowhere", bundle], [folder]) == TrustText(bundle, (b"bundle",))
    assert find_trust({}, ["/nowhere"], ["/nowhere", folder]) == TrustText(folder, (b"a", b"b"))
    assert find_trust({}, [], []) == TrustText("", ())


def test_limits(store: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = str(store / "certs")
    monkeypatch.setattr(truststore, "MAXIMUM_OCTETS", 1)
    with pytest.raises(LimitExceeded, match="octets of trusted certificates: 2 exceeds 1"):
        find_trust({"SSL_CERT_DIR": folder})
    monkeypatch.setattr(truststore, "MAXIMUM_FILES", 2)
    with pytest.raises(LimitExceeded, match="files of trusted certificates"):
        find_trust({"SSL_CERT_DIR": folder})


def test_the_lists_are_absolute_paths() -> None:
    assert all(os.path.isabs(path) for path in (*BUNDLES, *FOLDERS))
    assert isinstance(find_trust().texts, tuple)
