# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What RFC 7541 prints: the lengths of the Huffman code (Appendix B) and the static table (Appendix A).

The code is canonical (§5.2): codes of one length are consecutive in the order of their symbols, shorter codes come first.  So the
257 lengths are the whole list, and `sws.proto.hpack.huffman` computes codes and tables from them.
"""

from __future__ import annotations

from typing import Final

from sws.base.engine import Field

__all__ = ["CODE_LENGTHS", "EOS", "STATIC_TABLE"]

EOS: Final = 256
"""The symbol that ends no string: its code is only ever the source of padding.  RFC 7541 §5.2."""

_LENGTHS: Final = (
    "13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28 28 28 28 28 28 28 30 28 28 28 28 28 28 28 28 28 "  # controls
    "6 10 10 12 13 6 8 11 10 10 8 11 8 6 6 6 5 5 5 6 6 6 6 6 6 6 7 8 15 6 12 10 "  # SP to ?
    "13 6 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 8 7 8 13 19 13 14 6 "  # @ to _
    "15 5 6 5 6 5 6 6 6 5 7 7 6 6 6 5 6 7 6 5 5 6 7 7 7 7 7 15 11 14 13 28 "  # ` to DEL
    "20 22 20 20 22 22 22 23 22 23 23 23 23 23 24 23 24 24 22 23 24 23 23 23 23 21 22 23 22 23 23 24 "  # 0x80
    "22 21 20 22 22 23 23 21 23 22 22 24 21 22 23 23 21 21 22 21 23 22 23 23 20 22 22 22 23 22 22 23 "  # 0xa0
    "26 26 20 19 22 23 22 25 26 26 26 27 27 26 24 25 19 21 26 27 27 26 27 24 21 21 26 26 28 27 27 27 "  # 0xc0
    "20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23 26 27 26 26 27 27 27 27 27 28 27 27 27 27 27 26 "  # 0xe0
    "30"  # EOS
)
#: Bits of the code of each octet, and of EOS.  RFC 7541 Appendix B.
CODE_LENGTHS: Final = tuple(map(int, _LENGTHS.split()))

#: Index i + 1 -> field.  RFC 7541 Appendix A.
STATIC_TABLE: Final[tuple[Field, ...]] = (
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":status", b"200"),
    (b":status", b"204"),
    (b":status", b"206"),
    (b":status", b"304"),
    (b":status", b"400"),
    (b":status", b"404"),
    (b":status", b"500"),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    *(
        (name, b"")
        for name in (
            b"accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control content-disposition "
            b"content-encoding content-language content-length content-location content-range content-type cookie date etag expect "
            b"expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified link location "
            b"max-forwards proxy-authenticate proxy-authorization range referer refresh retry-after server set-cookie "
            b"strict-transport-security transfer-encoding user-agent vary via www-authenticate"
        ).split()
    ),
)
