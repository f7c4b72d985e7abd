# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The committed combs are what their generator writes, and what they say they are."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from sws.crypto.curves import P256, P384, Curve
from sws.crypto.kernels import _generate_tables_curves as generator
from sws.crypto.kernels import edwards25519_comb, weierstrass_comb
from sws.crypto.ref import ed25519, weierstrass

FOLDER = Path(generator.__file__).parent


@pytest.mark.parametrize("name", generator.TABLES)
def test_committed_tables_are_what_the_generator_writes(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == generator.TABLES[name]()


def test_the_generator_writes_every_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "TABLES", {"one.py": lambda: "1\n", "two.py": lambda: "2\n"})
    generator.main(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"one.py": "1\n", "two.py": "2\n"}


def test_as_a_program_it_changes_nothing_in_a_clean_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    written: dict[str, str] = {}
    monkeypatch.setattr(Path, "write_text", lambda path, text, encoding: written.setdefault(path.name, text))
    runpy.run_path(generator.__file__, run_name="__main__")
    assert set(written) == set(generator.TABLES)


@pytest.mark.parametrize("curve", [P256, P384], ids=lambda curve: curve.name)
def test_entries_are_odd_multiples(curve: Curve) -> None:
    window, rows = weierstrass_comb._comb(curve)
    assert len(rows) * window >= 8 * curve.octets
    for index, entry in ((0, 0), (0, 1), (1, 0), (len(rows) - 1, (1 << (window - 1)) - 1), (len(rows) // 2, 77)):
        k = (2 * entry + 1) << (window * index)
        assert rows[index][entry] == weierstrass.multiply(curve, k % curve.n, (curve.gx, curve.gy))


def test_entries_of_the_edwards_curve() -> None:
    rows = edwards25519_comb._comb()
    assert [len(row) for row in rows] == [128] * 32
    for index, entry in ((0, 0), (0, 1), (1, 0), (31, 127), (16, 77)):
        x, y = ed25519.multiply(((2 * entry + 1) << 8 * index) % ed25519.ORDER, ed25519.BASE)
        assert rows[index][entry] == (y + x, y - x, 2 * ed25519.D * x * y % ed25519.P)
