# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Media types as HTTP writes them.  RFC 9110 §8.3.1, RFC 6838 §4.3.

    media-type = type "/" subtype *( OWS ";" OWS [ name "=" value ] )

This is the strict reader, for what a request says about its own content.  What browsers do with a Content-Type that is not quite one
is in `mimesniff`.

Invariants: `parse_media_type(bytes(m)) == m`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, final

from sws.base.errors import DecodeError
from sws.proto.http.fields import TOKEN_RE, parse_parameters, quote

__all__ = ["MediaType", "parse_media_type"]

_ESSENCE_RE: Final = re.compile(rb"(" + TOKEN_RE.pattern + rb")/(" + TOKEN_RE.pattern + rb")")


@final
@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type.  RFC 9110 §8.3.1.

    Args:
      type, subtype:  in lower case.
      parameters:     (name in lower case, value without quotes) in order; no name twice.
    """

    type: bytes
    subtype: bytes
    parameters: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def essence(self) -> bytes:
        """`type/subtype`."""
        return self.type + b"/" + self.subtype

    def parameter(self, name: bytes) -> bytes | None:
        """The value of a parameter by its lower-case name, or None."""
        for key, value in self.parameters:
            if key == name:
                return value
        return None

    def __bytes__(self) -> bytes:
        parts = [self.essence]
        for name, value in self.parameters:
            parts.append(name + b"=" + (value if TOKEN_RE.fullmatch(value) is not None else quote(value)))
        return b";".join(parts)


def parse_media_type(value: bytes) -> MediaType:
    """Reads a Content-Type.  RFC 9110 §8.3.

    Args:
      value:  the one field value, without white space around it.
    Raises:  DecodeError if malformed, or if a parameter comes twice (RFC 6838 §4.3); LimitExceeded for too many parameters.
    """
    match = _ESSENCE_RE.match(value)
    if match is None:
        raise DecodeError("media type: malformed")
    kind, subtype = match.groups()
    if match.end() == len(value):
        return MediaType(kind.lower(), subtype.lower())
    parameters = parse_parameters(value[match.end() :])
    if len(parameters) > 1 and len(dict(parameters)) != len(parameters):
        raise DecodeError("media type: parameter given twice")
    return MediaType(kind.lower(), subtype.lower(), tuple(parameters))
