# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the emitters of AES and GHASH write is what is committed, and what the circuit computes is the S-box."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from sws.crypto.kernels import aes_circuit, emit_aes, emit_aes_circuit, emit_ghash
from sws.crypto.ref.aes import multiply, s_box


@pytest.mark.parametrize("emitter", [emit_aes, emit_ghash, emit_aes_circuit], ids=lambda module: module.TARGET)
def test_committed_files_are_in_sync(emitter: ModuleType) -> None:
    path = Path(str(emitter.__file__)).with_name(emitter.TARGET)
    assert path.read_text(encoding="utf-8") == emitter.source()


def test_the_circuit_is_the_s_box_without_its_constant() -> None:
    planes = [sum(1 << value for value in range(256) if value >> bit & 1) for bit in range(8)]
    outputs = aes_circuit.sub_bytes(*planes)
    for value in range(256):
        assert sum((outputs[bit] >> value & 1) << bit for bit in range(8)) ^ 0x63 == s_box()[value]


@pytest.mark.parametrize("turn", range(4))
def test_mixing_is_mix_columns_wherever_the_rows_stand(turn: int) -> None:
    """One lane: a state of sixteen octets whose row r stands r * turn columns to the right."""
    state = [(17 * place + 3) % 256 for place in range(16)]
    place_of = [4 * r + (c + turn * r) % 4 for c in range(4) for r in range(4)]
    planes = tuple(sum((state[r + 4 * c] >> bit & 1) << place_of[r + 4 * c] for c in range(4) for r in range(4)) for bit in range(8))
    mix = (aes_circuit.mix_0, aes_circuit.mix_1, aes_circuit.mix_2, aes_circuit.mix_3)[turn]
    key = [0x1234 + bit for bit in range(8)]
    outputs = mix(planes, key, range(16), aes_circuit.PLACE_MASKS[turn])  # type: ignore[arg-type]
    for c in range(4):
        column = state[4 * c : 4 * c + 4]
        for r in range(4):
            expected = multiply(2, column[r]) ^ multiply(3, column[(r + 1) % 4]) ^ column[(r + 2) % 4] ^ column[(r + 3) % 4]
            place = place_of[r + 4 * c]
            found = sum(((outputs[bit] ^ key[bit]) >> place & 1) << bit for bit in range(8))
            assert found == expected
