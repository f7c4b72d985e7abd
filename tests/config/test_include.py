# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Files, includes, and the folders that a configuration names."""

from __future__ import annotations

import os
import pathlib

import pytest

from sws.base.errors import ConfigError
from sws.config import include, nodes
from sws.config.checks import check_paths
from sws.config.loader import load_config, override, parse_config
from sws.config.model import Config, HostConfig


def write(folder: pathlib.Path, files: dict[str, str]) -> str:
    """Writes files; returns the path of the first."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return str(folder / next(iter(files)))


def refused(path: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_config(path, environment={})
    return caught.value


def test_paths_start_from_the_file_that_holds_them(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        tmp_path,
        {
            "sws.yaml": "include: sub/a.yaml\nserver: {pid_file: run/pid}",
            "sub/a.yaml": "server: {log: {file: ./log}, hosts: [{names: [a], root: ../www}]}",
        },
    )
    monkeypatch.chdir(tmp_path)
    server = load_config("sws.yaml").server
    here = str(tmp_path)
    assert (server.root, server.pid_file) == (here + "/www", here + "/run/pid")
    assert (server.log.file, server.hosts[0].root) == (here + "/sub/log", here + "/sub/../www")


def test_written_keys_win_mappings_merge_and_lists_replace(tmp_path: pathlib.Path) -> None:
    path = write(
        tmp_path,
        {
            "sws.yaml": "include: [a.yaml, b.yaml]\nserver: {log: {level: debug}, static: {index: [x]}}",
            "a.yaml": "server: {log: {level: error, format: text}, static: {index: [y, z]}, facts: true, timeouts: {head: 1}}",
            "b.yaml": "server: {timeouts: {head: 2}, root: null}\n",
        },
    )
    error = refused(path)
    assert (error.file, error.line, error.path) == (str(tmp_path / "b.yaml"), 1, "server.root")
    write(tmp_path, {"b.yaml": "server: {timeouts: {head: 2}}\n"})
    server = load_config(path).server
    assert (server.log.level, server.log.format, server.static.index, server.facts, server.timeouts.head) == (
        "debug",
        "text",
        ("x",),
        True,
        2,
    )


def test_include_at_any_level_and_patterns(tmp_path: pathlib.Path) -> None:
    path = write(
        tmp_path,
        {
            "sws.yaml": "server:\n  include: ${DIR:-conf.d}/*.yaml\n  log:\n    include: none.d/*.yaml\n"
            "  hosts:\n  - include: host.yaml\n    root: /x\n",
            "conf.d/20.yaml": "root: /twenty\nlisten: ['http://a:2']",
            "conf.d/10.yaml": "root: /ten\nfacts: true",
            "conf.d/30.yaml": "",
            "host.yaml": "names: [a]\nroot: /y\nstatic: {types: {include: types.yaml}}",
            "types.yaml": "md: text/markdown",
        },
    )
    server = load_config(path, environment={}).server
    assert (server.root, server.facts, server.listen) == ("/twenty", True, ("http://a:2",))
    assert (server.hosts[0].names, server.hosts[0].root) == (("a",), "/x")
    assert server.hosts[0].static is not None
    assert server.hosts[0].static.types == {"md": "text/markdown"}


def test_a_text_includes_from_its_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a.yaml": "server: {facts: true, root: www}"})
    config = parse_config("include: a.yaml", directory=str(tmp_path))
    assert config.server.facts
    monkeypatch.chdir(tmp_path)
    assert parse_config("include: a.yaml").server.root == "www"


def test_the_folder_of_a_pattern_may_look_like_a_pattern(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path, {"[x]/sws.yaml": "include: '*.inc'", "[x]/a.inc": "server: {facts: true}"})
    assert load_config(path).server.facts


@pytest.mark.parametrize(
    ("files", "file", "line", "says"),
    [
        ({"m": "\ninclude: a", "a": "server:\n  lisen: []"}, "a", 2, "did you mean 'listen'?"),
        ({"m": "\ninclude: a", "a": "server: {\n\n"}, "a", 3, "not YAML"),
        ({"m": "\ninclude: a", "a": "x: ${NONE}"}, "a", 1, "NONE is not set"),
        ({"m": "\ninclude: a", "a": "\n- x"}, "a", 2, "is a mapping of keys"),
        ({"m": "\ninclude: none"}, "m", 2, "none cannot be read: No such file"),
        ({"m": "include: .\n"}, "m", 1, "cannot be read: Is a directory"),
        ({"m": "include:\n"}, "m", 1, "include takes a path"),
        ({"m": "\ninclude: {a: b}"}, "m", 2, "include takes a path"),
        ({"m": "\ninclude: [a, [b]]"}, "m", 2, "include takes a path"),
        ({"m": "include: m"}, "m", 1, "in a circle: "),
        ({"m": "include: a", "a": "include: b", "b": "\n\ninclude: [./a]"}, "b", 3, "in a circle: "),
    ],
)
def test_errors_name_the_file_and_line(tmp_path: pathlib.Path, files: dict[str, str], file: str, line: int, says: str) -> None:
    error = refused(write(tmp_path, files))
    assert (error.file, error.line) == (str(tmp_path / file), line)
    assert says in error.message


def test_a_circle_is_named_whole(tmp_path: pathlib.Path) -> None:
    error = refused(write(tmp_path, {"m": "include: a", "a": "include: m"}))
    assert error.message.endswith(" -> ".join(str(tmp_path / name) for name in ("m", "a", "m")))


def test_the_chain_is_bounded(tmp_path: pathlib.Path) -> None:
    files = {str(number): f"include: {number + 1}" for number in range(include.MAX_CHAIN + 1)}
    path = write(tmp_path, files | {str(include.MAX_CHAIN): "server: {facts: true}"})
    assert load_config(path).server.facts
    write(tmp_path, {str(include.MAX_CHAIN): f"include: {include.MAX_CHAIN + 1}"})
    error = refused(path)
    assert f"more than {include.MAX_CHAIN} includes in a chain" in error.message
    assert error.file == str(tmp_path / str(include.MAX_CHAIN))


def test_the_number_of_files_is_bounded(tmp_path: pathlib.Path) -> None:
    many = f"include: [{', '.join(['leaf'] * 100)}]"
    error = refused(write(tmp_path, {"m": "include: [a, b, c]", "a": many, "b": many, "c": many, "leaf": ""}))
    assert f"more than {include.MAX_FILES} files" in error.message
    assert error.line == 1


def test_depth_is_bounded_over_all_files(tmp_path: pathlib.Path) -> None:
    deep = "a: {" * 20 + "include: b" + "}" * 20
    error = refused(write(tmp_path, {"m": deep, "b": "x: " + "[" * 20}))
    assert f"more than {nodes.MAX_DEPTH} levels" in error.message
    assert error.file == str(tmp_path / "b")


def test_values_are_bounded_over_all_files(tmp_path: pathlib.Path) -> None:
    big = "x: &x [" + "1," * 100 + "]\ny: [" + "*x," * 100 + "]"
    error = refused(write(tmp_path, {"m": "include: [" + "a," * 10 + "]", "a": big}))
    assert "too large" in error.message


@pytest.mark.parametrize(
    ("octets", "line", "says"),
    [(b"a: b\n\xff", 2, "not UTF-8"), (b"#" * (include.MAX_OCTETS + 1), None, "larger than 1048576 octets")],
    ids=["utf-8", "size"],
)
def test_files_that_are_no_text(tmp_path: pathlib.Path, octets: bytes, line: int | None, says: str) -> None:
    (tmp_path / "m").write_bytes(octets)
    error = refused(str(tmp_path / "m"))
    assert (error.file, error.line) == (str(tmp_path / "m"), line)
    assert says in error.message


@pytest.mark.parametrize(("name", "says"), [("none", "No such file"), ("", "Is a directory"), ("a\0b", "not a file name")])
def test_a_main_file_that_cannot_be_read(tmp_path: pathlib.Path, name: str, says: str) -> None:
    error = refused(f"{tmp_path}/{name}")
    assert error.file == f"{tmp_path}/{name}"
    assert says in error.message


# --- check_paths ---------------------------------------------------------------------------------------------------------


def problems(changes: dict[str, object]) -> list[tuple[str | None, str]]:
    return [(error.path, error.message) for error in check_paths(override(Config(), changes))]


def test_check_paths(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = str(tmp_path)
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    fine: dict[str, object] = {"server.root": folder, "server.log.file": f"{folder}/log", "server.pid_file": "pid"}
    assert problems(fine) == []
    assert problems(fine | {"server.log.file": f"{folder}/file"}) == []
    found = problems({"server.root": f"{folder}/no", "server.log.file": folder, "server.pid_file": f"{folder}/file/pid"})
    assert found == [
        ("server.root", f"the folder {folder}/no does not exist"),
        ("server.log.file", f"{folder} is a folder, not a file"),
        ("server.pid_file", f"{folder}/file is not a folder"),
    ]


def test_only_roots_in_use_are_checked(tmp_path: pathlib.Path) -> None:
    own: dict[str, object] = {"server.root": "/no/such", "server.unknown_host": "refuse"}
    with_root = HostConfig(names=("a",), root=str(tmp_path))
    without = HostConfig(names=("b",))
    assert problems(own | {"server.hosts": (with_root,)}) == []
    assert [path for path, _ in problems(own | {"server.hosts": (with_root, without)})] == ["server.root"]
    lost = HostConfig(names=("c",), root="/no/such")
    assert [path for path, _ in problems(own | {"server.hosts": (with_root, lost)})] == ["server.hosts[1].root"]


def test_permissions_are_looked_at(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The superuser may do all, so the system's answer is played."""
    (tmp_path / "log").write_text("")
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    found = problems({"server.root": str(tmp_path), "server.log.file": f"{tmp_path}/log", "server.pid_file": f"{tmp_path}/pid"})
    assert [(path, message.removeprefix("the folder ").removeprefix(str(tmp_path))) for path, message in found] == [
        ("server.root", " cannot be read"),
        ("server.log.file", "/log cannot be written"),
        ("server.pid_file", " cannot be written to"),
    ]
