# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Files made whole or not at all."""

from __future__ import annotations

import os
import pathlib
import stat

import pytest

from sws.os.private_files import write_new, write_over


def mode(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_for_its_owner(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "key"
    previous = os.umask(0)
    try:
        write_new(str(path), b"secret")
    finally:
        os.umask(previous)
    assert (path.read_bytes(), mode(path)) == (b"secret", 0o600)


def test_what_exists_is_not_touched(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("key", "link"):
        with pytest.raises(FileExistsError):
            write_new(str(tmp_path / name), b"new")
    assert path.read_bytes() == b"old"
    assert not (tmp_path / "nowhere").exists()


def test_in_the_place_of_another(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"old")
    path.chmod(0o644)
    write_over(str(path), b"new")
    assert (path.read_bytes(), mode(path)) == (b"new", 0o600)
    write_over(str(tmp_path / "other"), b"x", 0o644)
    assert sorted(os.listdir(tmp_path)) == ["key", "other"]


def test_nothing_is_left_after_a_failure(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=r"folder"):
        write_over(str(tmp_path / "folder"), b"x")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_new(str(tmp_path / "key"), b"x")
    assert os.listdir(tmp_path) == ["folder"]
