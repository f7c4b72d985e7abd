# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The Huffman code of strings.  RFC 7541 §5.2, Appendix B.

Encoding: each octet is replaced by its code as text of "0" and "1", the text is padded with "1" and read as one binary number.

Decoding: an automaton that takes a whole octet in each step.  Its states are the inner nodes of the code's tree, a *row* is a state's
256 steps, each a pair (row of the next state, octets that were completed), and a 257th item that says whether a string may end here.
Rows are computed from the tree when they are first met, so that a server starts without them; there are 256 of them at most.

Strict, as §5.2 asks: padding is at most seven bits, all "1", and EOS is no part of a string.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from sws.base.errors import DecodeError
from sws.proto.hpack._tables import CODE_LENGTHS, EOS

__all__ = ["CODES", "decode_huffman", "encode_huffman"]

_Row: TypeAlias = "list[Any]"  # [(row, octets)] * 256 + [may end here]; None in place of a pair: the step leads to EOS
_PADDING_MAXIMUM: Final = 7


def _assign_codes() -> tuple[int, ...]:
    """The canonical code: symbol -> its code as a number of CODE_LENGTHS[symbol] bits."""
    codes = [0] * len(CODE_LENGTHS)
    code = before = 0
    for length in sorted(set(CODE_LENGTHS)):
        code <<= length - before
        before = length
        for symbol, its_length in enumerate(CODE_LENGTHS):
            if its_length == length:
                codes[symbol] = code
                code += 1
    return tuple(codes)


#: Symbol -> code.
CODES: Final = _assign_codes()

_BITS: Final = [f"{code:0{length}b}" for code, length in zip(CODES[:EOS], CODE_LENGTHS[:EOS], strict=True)]
_PADDING: Final = ["1" * bits for bits in range(8)]


def encode_huffman(text: bytes) -> bytes:
    """The code of a string, padded to whole octets.  RFC 7541 §5.2."""
    codes = _BITS
    bits = "".join([codes[octet] for octet in text])
    length = len(bits)
    return int(bits + _PADDING[-length & 7], 2).to_bytes(length + 7 >> 3, "big") if bits else b""


# --- decoding ------------------------------------------------------------------------------------------------------------


def _build_tree() -> list[list[int]]:
    """Inner nodes as [child by 0, child by 1]; an inner node is its number, a leaf is -1 - symbol."""
    tree = [[0, 0]]
    for symbol, (code, length) in enumerate(zip(CODES, CODE_LENGTHS, strict=True)):
        node = 0
        for place in range(length - 1, 0, -1):
            bit = code >> place & 1
            if not tree[node][bit]:
                tree[node][bit] = len(tree)
                tree.append([0, 0])
            node = tree[node][bit]
        tree[node][code & 1] = -1 - symbol
    return tree


_tree: list[list[int]] = []
_ends: set[int] = set()  # the states in which a string may end: at a symbol's end, or up to seven bits of ones behind it
_rows: dict[int, _Row] = {}
_states: dict[int, int] = {}  # id of a row, which lives as long as the process -> its state
_steps: dict[tuple[int, bytes], tuple[_Row, bytes]] = {}  # one object for equal steps: they stay in the processor's cache
_first: _Row = []


def _start() -> None:
    """The tree and the row of the first state."""
    _tree.extend(_build_tree())
    node = 0
    for _ in range(_PADDING_MAXIMUM + 1):
        _ends.add(node)
        node = _tree[node][1]
    _rows[0] = _first
    _states[id(_first)] = 0


def _row_of(state: int) -> _Row:
    row = _rows.get(state)
    if row is None:
        row = _rows[state] = []
        _states[id(row)] = state
    return row


def _fill(row: _Row) -> None:
    """Compute the steps of a row that was met for the first time."""
    if not _tree:
        _start()
    state = _states[id(row)]
    steps: _Row = [_step(state, octet) for octet in range(256)]
    steps.append(state in _ends)
    row.extend(steps)


def _step(state: int, octet: int) -> tuple[_Row, bytes] | None:
    node = state
    done = b""
    for place in range(7, -1, -1):
        node = _tree[node][octet >> place & 1]
        if node < 0:
            symbol = -1 - node
            if symbol == EOS:
                return None
            done += bytes((symbol,))
            node = 0
    step = (_row_of(node), done)
    return _steps.setdefault((node, done), step)


def decode_huffman(data: bytes) -> bytes:
    """The string of a code.  RFC 7541 §5.2.

    Raises: DecodeError for a code with EOS in it, or padding that is not up to seven bits of ones.
    """
    row = _first
    parts: list[bytes] = []
    add = parts.append
    try:
        for octet in data:
            row, done = row[octet]
            add(done)
        if row[256]:
            return b"".join(parts)
    except IndexError:
        _fill(row)
        return decode_huffman(data)  # as deep as there are rows to be met for the first time: 256
    except TypeError:
        raise DecodeError("HPACK string: EOS in a Huffman code") from None
    raise DecodeError("HPACK string: malformed Huffman padding")
