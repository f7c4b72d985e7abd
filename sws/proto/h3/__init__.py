# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HTTP/3.  RFC 9114, RFC 9218, RFC 9220, RFC 9297."""

from sws.proto.h3.client import ClientConnection
from sws.proto.h3.errors import ErrorCode
from sws.proto.h3.limits import Http3Limits
from sws.proto.h3.server import ServerConnection

__all__ = ["ClientConnection", "ErrorCode", "Http3Limits", "ServerConnection"]
