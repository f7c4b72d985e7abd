# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which kernel is taken under which mode."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sws.base.errors import UsageError
from sws.crypto.selection import Kernel, choose, kernels_in_use

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


def test_a_mode_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="SWS_KERNELS"):
        choose("test", KERNELS, "fastest")


def test_a_primitive_without_a_kernel_for_the_mode_says_so() -> None:
    with pytest.raises(UsageError, match="no kernel"):
        choose("test", KERNELS[:1], "ct")


def test_a_kernel_that_is_not_taken_is_not_loaded() -> None:
    assert choose("test", [Kernel("lanes", lambda: "good"), Kernel("ref", lambda: pytest.fail("loaded"))], "auto") == "good"


def test_importing_the_package_costs_nothing_to_speak_of() -> None:
    code = "import sys; import sws.crypto; print(len([m for m in sys.modules if m.startswith('sws.')]))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(out) <= 2
