# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The Huffman code of strings.  RFC 7541 §5.2, Appendix B.

Encoding: each octet is replaced by its code as text of "0" and "1" (on CPython `itemgetter` looks all of them up in one call, which PyPy
does better by a loop), the text is padded with "1" and read as one binary number.

Decoding: an automaton that takes a whole octet in each step.  Its states are the inner nodes of the code's tree, and a state is two
lists over the 256 octets: the next states, and the octets of the string that were completed on the way there.  Behind the next states
stand whether a string may end here, and the node.  Steps are computed from the tree when they are first taken, so that a server starts
without them and what is used lies close together; there are 65536 of them at most.

A *memo* is a caller's dictionary of strings that it has met.  It belongs to one direction of one connection, and holds at most
`MEMO_MAXIMUM` strings of at most `MEMO_OCTETS` octets of code.

Strict, as §5.2 asks: padding is at most seven bits, all "1", and EOS is no part of a string.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any, Final, TypeAlias

from sws.base.errors import DecodeError
from sws.proto.hpack._tables import CODE_LENGTHS, EOS
from sws.proto.hpack.integers import encode_integer

__all__ = ["CODES", "MEMO_MAXIMUM", "MEMO_OCTETS", "decode_huffman", "encode_huffman", "encode_string"]

MEMO_MAXIMUM: Final = 256
MEMO_OCTETS: Final = 64
_State: TypeAlias = "tuple[list[Any], list[Any]]"  # [next state or None] * 256 + [may end here, node]; [octets or None] * 256
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
_WORTHWHILE: Final = 6  # octets of text that may become two fewer
_SHORT: Final = [bytes((length,)) for length in range(_WORTHWHILE)]
_PADDING: Final = ["1" * bits for bits in range(8)]


def _picker(*octets: int) -> Callable[[list[str]], list[str]]:
    """As `itemgetter`."""
    return lambda codes: [codes[octet] for octet in octets]


_pick: Final[Callable[..., Callable[[list[str]], Iterable[str]]]] = _picker if sys.implementation.name == "pypy" else itemgetter
#: Octets of a code below 127 -> the octet in front of it, as text.
_CODE_LENGTH: Final = [f"{0x80 | length:08b}" for length in range(127)]


def encode_huffman(text: bytes) -> bytes:
    """The code of a string, padded to whole octets.  RFC 7541 §5.2."""
    if not text:
        return b""
    bits = "".join(_pick(*text)(_BITS))
    length = len(bits)
    return int(bits + _PADDING[-length & 7], 2).to_bytes(length + 7 >> 3, "big")


def encode_string(text: bytes, memo: dict[bytes, bytes] | None = None) -> bytes:
    """A string literal, in whichever form is shorter.  RFC 7541 §5.2.

    One of up to five octets would gain an octet at most, which is not worth the coding: it leaves as it is.

    Args:
      memo:  text -> literal, to be added to.
    """
    if len(text) < _WORTHWHILE:
        return _SHORT[len(text)] + text
    bits = "".join(_pick(*text)(_BITS))
    length = len(bits)
    octets = length + 7 >> 3
    if octets >= len(text):
        literal = encode_integer(len(text), 7, 0) + text
    elif octets < 127:
        literal = int(f"{_CODE_LENGTH[octets]}{bits}{_PADDING[-length & 7]}", 2).to_bytes(octets + 1, "big")
    else:
        literal = encode_integer(octets, 7, 0x80) + int(bits + _PADDING[-length & 7], 2).to_bytes(octets, "big")
    if memo is not None and octets <= MEMO_OCTETS:
        if len(memo) >= MEMO_MAXIMUM:
            memo.clear()
        memo[text] = literal
    return literal


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
_ends: set[int] = set()  # the nodes in which a string may end: at a symbol's end, or up to seven bits of ones behind it
_states: dict[int, _State] = {}
_completed: dict[bytes, bytes] = {}  # one object for equal octets: they stay in the processor's cache
_first: _State = ([None] * 256 + [True, 0], [None] * 256)


def _start() -> None:
    """The tree and the first state."""
    _tree.extend(_build_tree())
    node = 0
    for _ in range(_PADDING_MAXIMUM + 1):
        _ends.add(node)
        node = _tree[node][1]
    _states[0] = _first


def _state_of(node: int) -> _State:
    state = _states.get(node)
    if state is None:
        state = _states[node] = ([None] * 256 + [node in _ends, node], [None] * 256)
    return state


def _learn(code: bytes) -> None:
    """Compute the steps of a string.

    Raises: DecodeError for EOS.
    """
    if not _tree:
        _start()
    following, completed = _first
    for octet in code:
        if following[octet] is None:
            node = following[257]
            done = b""
            for place in range(7, -1, -1):
                node = _tree[node][octet >> place & 1]
                if node < 0:
                    symbol = -1 - node
                    if symbol == EOS:
                        raise DecodeError("HPACK string: EOS in a Huffman code")
                    done += bytes((symbol,))
                    node = 0
            completed[octet] = _completed.setdefault(done, done)
            following[octet] = _state_of(node)
        following, completed = following[octet]


def decode_huffman(code: bytes, memo: dict[bytes, bytes] | None = None) -> bytes:
    """The string of a code.  RFC 7541 §5.2.

    Args:
      memo:  code -> string, to be added to.
    Raises: DecodeError for a code with EOS in it, or padding that is not up to seven bits of ones.
    """
    following, completed = _first
    parts: list[bytes] = []
    try:
        for octet in code:
            parts.append(completed[octet])
            following, completed = following[octet]
    except TypeError:
        _learn(code)
        return decode_huffman(code, memo)
    if not following[256]:
        raise DecodeError("HPACK string: malformed Huffman padding")
    text = b"".join(parts)
    if memo is not None and len(code) <= MEMO_OCTETS:
        if len(memo) >= MEMO_MAXIMUM:
            memo.clear()
        memo[code] = text
    return text
