# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which kernel is taken under which mode."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from sws.base.errors import UsageError
from sws.crypto import selection
from sws.crypto.selection import Kernel, choose, is_compiled, kernels_in_use, together

KERNELS = [
    Kernel("stdlib", lambda: "library"),
    Kernel("scalar", lambda: "broken", usable=False),
    Kernel("lanes", lambda: "tables", secret_indexed=True),
    Kernel("lanes", lambda: "bits"),
    Kernel("ref", lambda: "twin"),
]


@pytest.mark.parametrize(("mode", "taken"), [("auto", "library"), ("pure", "tables"), ("ct", "bits"), ("ref", "twin")])
def test_each_mode_takes_the_first_it_allows(mode: str, taken: str) -> None:
    assert choose("test", KERNELS, mode) == taken


def test_a_choice_for_another_mode_is_not_what_is_in_use() -> None:
    choose("never in use", KERNELS, "ref")
    assert "never in use" not in kernels_in_use()


def test_the_operators_choice_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWS_KERNELS", "ct")
    assert choose("noted in a test", KERNELS) == "bits"
    assert kernels_in_use()["noted in a test"] == "lanes"


def test_what_does_the_work_of_several_is_loaded_where_all_are_of_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "_in_use", {"one": "scalar", "two": "scalar", "three": "lanes"})
    assert together(("one", "two"), "scalar", lambda: "both") == "both"
    assert together(("one", "three"), "scalar", lambda: pytest.fail("loaded")) is None
    assert together(("one", "four"), "scalar", lambda: pytest.fail("loaded")) is None


def test_a_mode_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="SWS_KERNELS"):
        choose("test", KERNELS, "fastest")


def test_a_primitive_without_a_kernel_for_the_mode_says_so() -> None:
    with pytest.raises(UsageError, match="no kernel"):
        choose("test", KERNELS[:1], "ct")


def test_a_kernel_that_is_not_taken_is_not_loaded() -> None:
    assert choose("test", [Kernel("lanes", lambda: "good"), Kernel("ref", lambda: pytest.fail("loaded"))], "auto") == "good"


def test_a_compiled_module_is_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"made_of_c{EXTENSION_SUFFIXES[0]}").write_bytes(b"")
    (tmp_path / "librt.py").write_bytes(b"")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(selection, "IS_PYPY", False)
    assert is_compiled("made_of_c")
    assert not is_compiled("sws.crypto.ref.x25519")
    assert not is_compiled("sws.no_such_module")
    monkeypatch.setattr(selection, "IS_PYPY", True)
    assert not is_compiled("made_of_c")


def test_a_compiled_module_without_its_run_time_library_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"made_of_c_too{EXTENSION_SUFFIXES[0]}").write_bytes(b"")
    monkeypatch.setattr(selection, "IS_PYPY", False)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    monkeypatch.delitem(sys.modules, "librt", raising=False)
    assert not is_compiled("made_of_c_too")


def test_importing_the_package_costs_nothing_to_speak_of() -> None:
    code = "import sys; import sws.crypto; print(len([m for m in sys.modules if m.startswith('sws.')]))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(out) <= 2
