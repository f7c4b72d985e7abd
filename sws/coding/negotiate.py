# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which content coding a client gets.  RFC 9110 §8.4.1, §12.4, §12.5.3.

A coding's weight is the one its own member of Accept-Encoding gives, else that of `*`, else nothing: it is not acceptable.  `identity`
(no coding) is acceptable unless it, or `*` without it, has weight 0.  Of the codings at hand the heaviest acceptable one is chosen, in
the server's order among equals; `identity` comes last among equals.  No Accept-Encoding field means no preference: identity.

Few different values of the field occur, so answers are remembered; the memo is bounded, as a peer invents values.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, final

__all__ = ["EXTENSIONS", "Negotiator"]

#: File name extension of each coding, for files that lie beside the plain one.
EXTENSIONS: Final = {b"br": ".br", b"zstd": ".zst", b"gzip": ".gz"}

_MEMO_MAXIMUM: Final = 512
_MEMBER: Final = re.compile(rb"[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*(?:;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?[ \t]*")
_ALIASES: Final = {b"x-gzip": b"gzip"}


def _weights(value: bytes) -> dict[bytes, float]:
    """Coding -> weight; a malformed member is left out."""
    weights: dict[bytes, float] = {}
    for member in value.split(b","):
        match = _MEMBER.fullmatch(member)
        if match is not None:
            name, weight = match.groups()
            name = name.lower()
            weights[_ALIASES.get(name, name)] = 1.0 if weight is None else float(weight)
    return weights


@final
class Negotiator:
    """Chooses among codings.

    Args:
      codings:  that could be sent, the preferred one first.
    """

    def __init__(self, codings: Sequence[bytes]) -> None:
        self.codings = tuple(codings)
        self._memo: dict[bytes, tuple[bytes, ...]] = {}

    def acceptable(self, accept_encoding: bytes | None) -> tuple[bytes, ...]:
        """The codings better than or as good as none at all, best first.

        Args:
          accept_encoding:  the field's combined value, None if it is absent.
        """
        if accept_encoding is None:
            return ()
        found = self._memo.get(accept_encoding)
        if found is None:
            if len(self._memo) >= _MEMO_MAXIMUM:
                self._memo.clear()
            found = self._memo[accept_encoding] = self._rank(_weights(accept_encoding))
        return found

    def _rank(self, weights: dict[bytes, float]) -> tuple[bytes, ...]:
        any_other = weights.get(b"*", 0.0)
        identity = weights.get(b"identity", any_other if b"*" in weights else 0.0)
        scored = [(weights.get(coding, any_other), -order, coding) for order, coding in enumerate(self.codings)]
        return tuple(coding for weight, _, coding in sorted(scored, reverse=True) if weight > 0 and weight >= identity)
