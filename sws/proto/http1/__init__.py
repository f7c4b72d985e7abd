# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HTTP/1.1, both roles, without I/O.  RFC 9112."""

from sws.proto.http1.client import ClientConnection
from sws.proto.http1.limits import Http1Limits, IdlePolicy
from sws.proto.http1.server import ServerConnection

__all__ = ["ClientConnection", "Http1Limits", "IdlePolicy", "ServerConnection"]
