# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The states of a stream's two parts.  RFC 9000 §3.1, figure 2, and §3.2, figure 3.

Sending                                              Receiving

    READY ──▶ SEND ──▶ DATA_SENT ──▶ DATA_RECVD          RECV ──▶ SIZE_KNOWN ──▶ DATA_RECVD ──▶ DATA_READ
      │        │          │                               │           │
      └────────┴──────────┴──▶ RESET_SENT ──▶ RESET_RECVD └───────────┴──▶ RESET_RECVD ──▶ RESET_READ

A frame that comes again after its state was left changes nothing; these pairs are in the tables, so that what is not there is a fault.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from sws.base.fsm import TransitionTable

__all__ = ["RECEIVING", "SENDING", "Receive", "ReceiveInput", "Send", "SendInput"]


class Send(IntEnum):
    """Of a sending part."""

    READY = 0
    SEND = 1
    DATA_SENT = 2
    DATA_RECVD = 3
    RESET_SENT = 4
    RESET_RECVD = 5


class SendInput(IntEnum):
    """What happens to a sending part."""

    STREAM = 0  # STREAM or STREAM_DATA_BLOCKED leaves
    FIN = 1  # STREAM with FIN leaves
    ALL_ACKED = 2  # every octet and FIN were acknowledged
    RESET = 3  # RESET_STREAM leaves
    RESET_ACKED = 4


class Receive(IntEnum):
    """Of a receiving part."""

    RECV = 0
    SIZE_KNOWN = 1
    DATA_RECVD = 2
    DATA_READ = 3
    RESET_RECVD = 4
    RESET_READ = 5


class ReceiveInput(IntEnum):
    """What happens to a receiving part."""

    STREAM = 0
    FIN = 1
    ALL_DATA = 2  # no gap is left
    RESET = 3
    READ = 4  # the application was told of the end


_S, _I = Send, SendInput

SENDING: Final = TransitionTable(
    "sending",
    _S.READY,
    {
        (_S.READY, _I.STREAM): _S.SEND,
        (_S.READY, _I.FIN): _S.DATA_SENT,
        (_S.READY, _I.RESET): _S.RESET_SENT,
        (_S.SEND, _I.STREAM): _S.SEND,
        (_S.SEND, _I.FIN): _S.DATA_SENT,
        (_S.SEND, _I.RESET): _S.RESET_SENT,
        (_S.DATA_SENT, _I.STREAM): _S.DATA_SENT,
        (_S.DATA_SENT, _I.FIN): _S.DATA_SENT,
        (_S.DATA_SENT, _I.ALL_ACKED): _S.DATA_RECVD,
        (_S.DATA_SENT, _I.RESET): _S.RESET_SENT,
        (_S.RESET_SENT, _I.RESET_ACKED): _S.RESET_RECVD,
    },
)

_R, _J = Receive, ReceiveInput

RECEIVING: Final = TransitionTable(
    "receiving",
    _R.RECV,
    {
        (_R.RECV, _J.STREAM): _R.RECV,
        (_R.RECV, _J.FIN): _R.SIZE_KNOWN,
        (_R.RECV, _J.RESET): _R.RESET_RECVD,
        (_R.SIZE_KNOWN, _J.STREAM): _R.SIZE_KNOWN,
        (_R.SIZE_KNOWN, _J.FIN): _R.SIZE_KNOWN,
        (_R.SIZE_KNOWN, _J.ALL_DATA): _R.DATA_RECVD,
        (_R.SIZE_KNOWN, _J.RESET): _R.RESET_RECVD,
        (_R.DATA_RECVD, _J.READ): _R.DATA_READ,
        (_R.RESET_RECVD, _J.READ): _R.RESET_READ,
    },
)
