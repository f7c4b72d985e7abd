# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Punycode: one label of Unicode in letters, digits and hyphens.  RFC 3492 §3, §5, §6.

The basic (ASCII) code points of the label come first, then "-" if there are any, then the others as differences.  A decoder is a counter
that walks over all places where a code point can be put:

    n        the code point that would be put next, from 128 on
    i        the place where it would be put, 0..length
    <n, i>   the state: i counts up; past the end of the label it starts again at 0 with the next n

Every encoded integer, a *delta*, says how many states to pass over before the next insertion.  So the delta between two insertions is
(n' - n) * (length + 1) + i' - i, and the encoder needs only the place of each insertion: a search in the sorted list of the indices
that are already there.  RFC 3492 §6.3 counts the same number by a walk over the label for each code point.

A delta is written in digits of base 36 with its end marked by a threshold that depends on the digit's position and on `bias`, which
follows the size of earlier deltas (§3.3, §3.4).

Invariants: decode(encode(x)) == x, and encode(decode(y)) == y up to the case of digits.
Known limits: the mixed-case annotation of appendix A is neither written nor read: digits are lower-case and may be read in either case.
"""

from __future__ import annotations

from bisect import bisect
from typing import Final

from sws.base.errors import DecodeError

__all__ = ["MAX_PUNYCODE", "decode_punycode", "encode_punycode"]

MAX_PUNYCODE: Final = 2048
"""The longest label that is looked at, in code points or octets; a DNS label has 63 octets."""

# §5
_BASE: Final = 36
_TMIN: Final = 1
_TMAX: Final = 26
_SKEW: Final = 38
_DAMP: Final = 700
_INITIAL_BIAS: Final = 72
_INITIAL_N: Final = 0x80
_DIGITS: Final = b"abcdefghijklmnopqrstuvwxyz0123456789"
_VALUES: Final = {octet: value for digits in (_DIGITS, _DIGITS.upper()) for value, octet in enumerate(digits)}
_LAST: Final = 0x10FFFF


def encode_punycode(text: str) -> bytes:
    """A label in Punycode, without the prefix "xn--".  RFC 3492 §6.3.

    Args:
      text:  at most MAX_PUNYCODE code points; the basic ones are copied as they are.
    Returns: ASCII octets.
    Raises:  DecodeError if `text` is too long or has a lone surrogate.
    """
    if len(text) > MAX_PUNYCODE:
        raise DecodeError("Punycode: label too long", MAX_PUNYCODE)
    codes = [ord(character) for character in text]
    output = bytearray(code for code in codes if code < _INITIAL_N)
    present = [index for index, code in enumerate(codes) if code < _INITIAL_N]
    if present:
        output += b"-"
    n, i, bias, first = _INITIAL_N, 0, _INITIAL_BIAS, True
    for code, index in sorted((code, index) for index, code in enumerate(codes) if code >= _INITIAL_N):
        if 0xD800 <= code <= 0xDFFF:
            raise DecodeError("Punycode: surrogate", index)
        place, points = bisect(present, index), len(present) + 1
        delta = (code - n) * points + place - i
        _append_delta(output, delta, bias)
        bias, first = _adapted(delta, points, first), False
        present.insert(place, index)
        n, i = code, place + 1
    return bytes(output)


def decode_punycode(value: bytes) -> str:
    """The label that Punycode stands for.  RFC 3492 §6.2.

    Args:
      value:  at most MAX_PUNYCODE octets, without the prefix "xn--".
    Raises:  DecodeError if `value` is too long, has an octet that is no digit, ends inside a delta, or leaves Unicode.
    """
    if len(value) > MAX_PUNYCODE:
        raise DecodeError("Punycode: label too long", MAX_PUNYCODE)
    if not value.isascii():
        raise DecodeError("Punycode: octet above 0x7F")
    basic = max(value.rfind(b"-"), 0)
    output = [*value[:basic].decode("ascii")]
    offset = basic + 1 if basic else 0
    n, i, bias, first = _INITIAL_N, 0, _INITIAL_BIAS, True
    while offset < len(value):
        points = len(output) + 1
        delta, offset = _read_delta(value, offset, bias, _LAST * points)
        bias, first = _adapted(delta, points, first), False
        steps, i = divmod(i + delta, points)
        n += steps
        if n > _LAST or 0xD800 <= n <= 0xDFFF:
            raise DecodeError("Punycode: not a code point", offset)
        output.insert(i, chr(n))
        i += 1
    return "".join(output)


def _append_delta(output: bytearray, delta: int, bias: int) -> None:
    """A generalised variable-length integer.  §3.3."""
    position = _BASE
    while delta >= (threshold := _threshold(position, bias)):
        delta, digit = divmod(delta - threshold, _BASE - threshold)
        output.append(_DIGITS[threshold + digit])
        position += _BASE
    output.append(_DIGITS[delta])


def _read_delta(value: bytes, offset: int, bias: int, maximum: int) -> tuple[int, int]:
    """A generalised variable-length integer, at most `maximum` (§6.4), and the offset behind it.  §3.3."""
    delta, weight, position = 0, 1, _BASE
    while offset < len(value):
        digit = _VALUES.get(value[offset])
        if digit is None:
            raise DecodeError("Punycode: not a digit", offset)
        offset += 1
        delta += digit * weight
        if delta > maximum:
            raise DecodeError("Punycode: overflow", offset)
        threshold = _threshold(position, bias)
        if digit < threshold:
            return delta, offset
        weight *= _BASE - threshold
        position += _BASE
    raise DecodeError("Punycode: ends inside a delta", offset)


def _threshold(position: int, bias: int) -> int:
    return min(max(position - bias, _TMIN), _TMAX)


def _adapted(delta: int, points: int, first: bool) -> int:
    """The next bias.  §3.4, §6.1."""
    delta = delta // _DAMP if first else delta // 2
    delta += delta // points
    k = 0
    while delta > (_BASE - _TMIN) * _TMAX // 2:
        delta //= _BASE - _TMIN
        k += _BASE
    return k + (_BASE - _TMIN + 1) * delta // (delta + _SKEW)
