# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Request methods.  RFC 9110 §9 and the IANA HTTP Method Registry.

A method is a case-sensitive token, here always `bytes` as on the wire; the constants exist so that a comparison is an identity
test in the usual case.  `_REGISTRY` is the registry: name → (safe, idempotent).  `PRI` is reserved (RFC 9113 §3.4) and left out, so
that it is never taken for a request.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "CONNECT",
    "DELETE",
    "GET",
    "HEAD",
    "IDEMPOTENT_METHODS",
    "OPTIONS",
    "PATCH",
    "POST",
    "PUT",
    "REGISTERED_METHODS",
    "SAFE_METHODS",
    "TRACE",
    "UNSELECTIVE_METHODS",
    "is_idempotent",
    "is_safe",
]

GET: Final = b"GET"
HEAD: Final = b"HEAD"
POST: Final = b"POST"
PUT: Final = b"PUT"
DELETE: Final = b"DELETE"
CONNECT: Final = b"CONNECT"
OPTIONS: Final = b"OPTIONS"
TRACE: Final = b"TRACE"
PATCH: Final = b"PATCH"

_SAFE: Final = (True, True)
_IDEMPOTENT: Final = (False, True)
_NEITHER: Final = (False, False)

_REGISTRY: Final[dict[bytes, tuple[bool, bool]]] = {
    # RFC 9110 §9.3 and RFC 5789
    GET: _SAFE, HEAD: _SAFE, OPTIONS: _SAFE, TRACE: _SAFE,
    PUT: _IDEMPOTENT, DELETE: _IDEMPOTENT,
    POST: _NEITHER, CONNECT: _NEITHER, PATCH: _NEITHER,
    # WebDAV and its extensions: RFC 2068, 3253, 3648, 3744, 4437, 4791, 4918, 5323, 5842
    b"PROPFIND": _SAFE, b"REPORT": _SAFE, b"SEARCH": _SAFE,
    b"ACL": _IDEMPOTENT, b"BASELINE-CONTROL": _IDEMPOTENT, b"BIND": _IDEMPOTENT, b"CHECKIN": _IDEMPOTENT,
    b"CHECKOUT": _IDEMPOTENT, b"COPY": _IDEMPOTENT, b"LABEL": _IDEMPOTENT, b"LINK": _IDEMPOTENT,
    b"MERGE": _IDEMPOTENT, b"MKACTIVITY": _IDEMPOTENT, b"MKCALENDAR": _IDEMPOTENT, b"MKCOL": _IDEMPOTENT,
    b"MKREDIRECTREF": _IDEMPOTENT, b"MKWORKSPACE": _IDEMPOTENT, b"MOVE": _IDEMPOTENT, b"ORDERPATCH": _IDEMPOTENT,
    b"PROPPATCH": _IDEMPOTENT, b"REBIND": _IDEMPOTENT, b"UNBIND": _IDEMPOTENT, b"UNCHECKOUT": _IDEMPOTENT,
    b"UNLINK": _IDEMPOTENT, b"UNLOCK": _IDEMPOTENT, b"UPDATE": _IDEMPOTENT, b"UPDATEREDIRECTREF": _IDEMPOTENT,
    b"VERSION-CONTROL": _IDEMPOTENT,
    b"LOCK": _NEITHER,
}  # fmt: skip

REGISTERED_METHODS: Final = frozenset(_REGISTRY)
"""Every registered method but PRI."""

SAFE_METHODS: Final = frozenset(name for name, (safe, _) in _REGISTRY.items() if safe)
"""Methods whose semantics are read-only.  RFC 9110 §9.2.1."""

IDEMPOTENT_METHODS: Final = frozenset(name for name, (_, idempotent) in _REGISTRY.items() if idempotent)
"""Methods that may be sent again after a failure.  RFC 9110 §9.2.2."""

UNSELECTIVE_METHODS: Final = frozenset((CONNECT, OPTIONS, TRACE))
"""Methods that neither select nor change a representation; preconditions do not apply to them.  RFC 9110 §13.2.1."""


def is_safe(method: bytes) -> bool:
    """Whether a method is known to be safe.  RFC 9110 §9.2.1."""
    return method in SAFE_METHODS


def is_idempotent(method: bytes) -> bool:
    """Whether a method is known to be idempotent.  RFC 9110 §9.2.2."""
    return method in IDEMPOTENT_METHODS
