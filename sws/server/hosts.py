# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which virtual host a request is for.  RFC 9110 §7.2, §7.4.

Names are compared without port and without regard to case.  An exact name wins over a wildcard, a longer wildcard over a shorter one;
`*.example.org` stands for one or more labels in front, not for `example.org` itself.  Look-ups are remembered under the authority as
it was sent; the memo is bounded because a peer invents authorities.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar, final

__all__ = ["HostTable"]

_MEMO_MAXIMUM: Final = 1024

T = TypeVar("T")


@final
class HostTable(dict[bytes, T]):
    """Authority, with or without port -> whatever serves that host: `table[authority]`, in one step for those met before.

    Args:
      hosts:    pairs of names and target.
      default:  for authorities that no name matches.
    """

    def __init__(self, hosts: Iterable[tuple[Iterable[str], T]], default: T) -> None:
        super().__init__()
        self._default = default
        self._exact: dict[bytes, T] = {}
        self._suffixes: list[tuple[bytes, T]] = []
        for names, target in hosts:
            for name in names:
                encoded = name.lower().rstrip(".").encode("ascii")
                if encoded.startswith(b"*."):
                    self._suffixes.append((encoded[1:], target))
                else:
                    self._exact[encoded] = target
        self._suffixes.sort(key=lambda entry: -len(entry[0]))

    def __missing__(self, authority: bytes) -> T:
        found = self._find(authority)
        if len(self) >= _MEMO_MAXIMUM:
            self.clear()
        self[authority] = found
        return found

    def _find(self, authority: bytes) -> T:
        name = authority.lower()
        bracket, literal = name.partition(b"]")[:2]
        name = bracket + b"]" if literal else name.partition(b":")[0].rstrip(b".")
        if name in self._exact:
            return self._exact[name]
        for suffix, target in self._suffixes:
            if name.endswith(suffix) and len(name) > len(suffix):
                return target
        return self._default
