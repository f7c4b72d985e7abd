# SPDX-License-Identifier: Apache-2.0 OR MIT
"""QPACK: field compression for HTTP/3.  RFC 9204."""

from sws.proto.qpack.decoder import Decoder
from sws.proto.qpack.encoder import Encoder

__all__ = ["Decoder", "Encoder"]
