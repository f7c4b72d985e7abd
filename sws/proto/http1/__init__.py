# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HTTP/1.1, both roles, without I/O.  RFC 9112.

The client's end is imported when it is first asked for: a server starts without it.
"""

from typing import TYPE_CHECKING

from sws.proto.http1.limits import Http1Limits, IdlePolicy
from sws.proto.http1.server import ServerConnection

if TYPE_CHECKING:
    from sws.proto.http1.client import ClientConnection

__all__ = ["ClientConnection", "Http1Limits", "IdlePolicy", "ServerConnection"]


def __getattr__(name: str) -> object:
    if name == "ClientConnection":
        from sws.proto.http1.client import ClientConnection

        return ClientConnection
    raise AttributeError(name)
