# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is committed of the generated kernels is what their emitters write."""

from __future__ import annotations

from pathlib import Path

import pytest

from sws.crypto.kernels import generate


def test_all_are_in_sync() -> None:
    assert generate.stale() == []
    assert generate.main(["--check"]) == 0
    assert {"scalar_chacha20.py", "scalar_poly1305.py", "chacha20_rounds.py", "scalar_aes.py", "scalar_sha2.py"} <= {
        emitter.TARGET for emitter in generate.emitters()
    }


def test_what_is_not_in_sync_is_named_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for emitter in generate.emitters():
        (tmp_path / f"{emitter.__name__.rpartition('.')[2]}.py").write_text("")
    monkeypatch.setattr(generate, "_HERE", tmp_path)
    assert generate.main(["--check"]) == 1
    assert "scalar_aes.py is not what its emitter writes" in capsys.readouterr().err
    assert generate.main([]) == 0
    assert generate.stale() == []
