# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which of the sockets that share a UDP port a datagram goes to, by its QUIC connection ID.  RFC 9000 §5.1, RFC 8999 §5.

The kernel would choose by the addresses, and send a client that moved to another worker.  A classic BPF program, which needs no privilege
(SO_ATTACH_REUSEPORT_CBPF, Linux), looks at the first octet of the destination connection ID instead:

    A = octet 0 & 0x80 ? octet 6 : octet 1        long header: behind version and length; short header: at once
    A mod count                                    the socket's place among those of the port, in the order of binding

Connection IDs of ours begin with an octet that is, modulo the count, the place of the worker's socket (proto.quic.routing); what a client
makes up for its first packets is chance, spreads over all workers, and always comes to the same one.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import sys
from typing import Final

__all__ = ["steer"]

_SO_ATTACH_REUSEPORT_CBPF: Final = 51
_LOAD_OCTET: Final = 0x30  # BPF_LD | BPF_B | BPF_ABS
_JUMP_IF_SET: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_MODULO: Final = 0x94  # BPF_ALU | BPF_MOD | BPF_K
_RETURN: Final = 0x16  # BPF_RET | BPF_A


def _program(count: int) -> bytes:
    instructions = (
        (_LOAD_OCTET, 0, 0, 0),
        (_JUMP_IF_SET, 0, 2, 0x80),
        (_LOAD_OCTET, 0, 0, 6),
        (_JUMP_IF_SET, 1, 1, 0),  # to the end, whatever it is
        (_LOAD_OCTET, 0, 0, 1),
        (_MODULO, 0, 0, count),
        (_RETURN, 0, 0, 0),
    )
    return b"".join([struct.pack("=HBBI", *instruction) for instruction in instructions])


def steer(sock: socket.socket, count: int) -> bool:
    """Steer by connection ID among the `count` sockets of a port; one call for any of them is enough.

    Returns: False where the system cannot: datagrams then come to any worker, and have to be handed on.
    """
    system: str = sys.platform  # so that all of this is typed on every system
    if not system.startswith("linux") or not 1 <= count <= 256:
        return False
    code = _program(count)
    buffer = ctypes.create_string_buffer(code, len(code))
    described = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, described)
    except OSError:
        return False
    return True
