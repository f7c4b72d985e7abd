# SPDX-License-Identifier: Apache-2.0 OR MIT
"""HTTP/2, both roles, without I/O.  RFC 9113, RFC 8441, RFC 9218.

The client's end is imported when it is first asked for: a server starts without it.
"""

from typing import TYPE_CHECKING

from sws.proto.h2.connection import PREFACE
from sws.proto.h2.errors import ErrorCode
from sws.proto.h2.limits import Http2Limits, IdlePolicy
from sws.proto.h2.server import ServerConnection

if TYPE_CHECKING:
    from sws.proto.h2.client import ClientConnection

__all__ = ["PREFACE", "ClientConnection", "ErrorCode", "Http2Limits", "IdlePolicy", "ServerConnection"]


def __getattr__(name: str) -> object:
    if name == "ClientConnection":
        from sws.proto.h2.client import ClientConnection

        return ClientConnection
    raise AttributeError(name)
