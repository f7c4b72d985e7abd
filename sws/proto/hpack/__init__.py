# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HPACK: header compression for HTTP/2.  RFC 7541."""

from sws.proto.hpack.decoder import Decoder
from sws.proto.hpack.encoder import Encoder

__all__ = ["Decoder", "Encoder"]
