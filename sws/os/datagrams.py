# SPDX-License-Identifier: Apache-2.0 OR MIT
"""UDP for QUIC: batches in and out, with what the kernel knows of each datagram.

In:   `recvmsg_into` with UDP_GRO gives up to 64 datagrams of one peer a call; control messages say the address they went to (PKTINFO),
      their ECN bits and the size of the segments.
Out:  `sendmsg` with UDP_SEGMENT sends as many in one call, from the address that the peer reached.  Where the kernel or the device cannot
      (EIO, EINVAL, EMSGSIZE of the whole), that peer's datagrams go one by one from then on.

Sockets set DF (IP_PMTUDISC_PROBE): datagrams are never fragmented, and QUIC finds out what fits.  A wildcard socket of IPv6 takes IPv4
too; addresses of that kind are shown as IPv4.  Options that a system lacks are left out: everything still works, in smaller steps.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Sequence
from typing import Final, final

from sws.base.datagrams import Address, DatagramIn, DatagramOut

__all__ = ["QuicSocket", "open_quic_socket"]

_LINUX: Final = hasattr(socket, "SO_REUSEPORT") and hasattr(socket, "MSG_ERRQUEUE")
_SOL_UDP: Final = 17
_UDP_SEGMENT: Final = 103
_UDP_GRO: Final = 104
_IP_PKTINFO: Final = 8
_IP_RECVTOS: Final = 13
_IP_TOS: Final = 1
_IP_MTU_DISCOVER: Final = 10
_IPV6_RECVPKTINFO: Final = 49
_IPV6_PKTINFO: Final = 50
_IPV6_RECVTCLASS: Final = 66
_IPV6_TCLASS: Final = 67
_IPV6_MTU_DISCOVER: Final = 23
_PMTUDISC_PROBE: Final = 3
_BUFFER: Final = 65535
_CONTROL: Final = 256
_CALLS_MAXIMUM: Final = 16
_KERNEL_BUFFER: Final = 1 << 21
_REFUSING: Final = frozenset((errno.EIO, errno.EINVAL, errno.EMSGSIZE, errno.ENOPROTOOPT))
_NO_OFFLOAD_MAXIMUM: Final = 1024


def _set(sock: socket.socket, level: int, option: int, value: int) -> bool:
    try:
        sock.setsockopt(level, option, value)
    except OSError:
        return False
    return True


def open_quic_socket(host: str, port: int, *, reuse_port: bool = False) -> socket.socket:
    """A non-blocking UDP socket bound to an address.

    Args:
      host:  an IPv4 or IPv6 address; "::" takes IPv4 too.
    Raises: OSError if it cannot be had.
    """
    is_ipv6 = ":" in host
    sock = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if reuse_port and hasattr(socket, "SO_REUSEPORT"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if is_ipv6:
            _set(sock, socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


@final
class QuicSocket:
    """A bound UDP socket with its options.

    Args:
      sock:     of `open_quic_socket`, or inherited; belongs to the caller.
      offload:  use segmentation offload where the system has it.

    Attributes:
      calls_in, calls_out, datagrams_in, datagrams_out:  counted.
    """

    __slots__ = (
        "_gso",
        "_is_ipv6",
        "_is_wildcard",
        "_local",
        "_plain",
        "_view",
        "calls_in",
        "calls_out",
        "datagrams_in",
        "datagrams_out",
        "gro",
        "sock",
    )

    def __init__(self, sock: socket.socket, *, offload: bool = True) -> None:
        self.sock = sock
        self._is_ipv6 = sock.family == socket.AF_INET6
        name = sock.getsockname()
        self._local: Address = (name[0], name[1])
        self._is_wildcard = name[0] in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
        self._view = memoryview(bytearray(_BUFFER))  # one for all: a fresh one a call is what PyPy's nursery would be filled with
        self._plain: dict[Address, None] = {}
        self.calls_in = self.calls_out = self.datagrams_in = self.datagrams_out = 0
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            _set(sock, socket.SOL_SOCKET, option, _KERNEL_BUFFER)
        self.gro = self._gso = False
        if _LINUX:
            _set(sock, socket.IPPROTO_IP, _IP_RECVTOS, 1)
            _set(sock, socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_PROBE)
            if self._is_wildcard:
                _set(sock, socket.IPPROTO_IP, _IP_PKTINFO, 1)
            if self._is_ipv6:
                _set(sock, socket.IPPROTO_IPV6, _IPV6_RECVTCLASS, 1)
                _set(sock, socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PMTUDISC_PROBE)
                if self._is_wildcard:
                    _set(sock, socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
            self.gro = offload and _set(sock, _SOL_UDP, _UDP_GRO, 1)
            self._gso = offload and _set(sock, _SOL_UDP, _UDP_SEGMENT, 0)

    @property
    def local(self) -> Address:
        """What it is bound to."""
        return self._local

    # --- in ----------------------------------------------------------------------------------------------------------

    def receive(self) -> list[DatagramIn]:
        """The datagrams that are queued, up to a bound of calls."""
        found: list[DatagramIn] = []
        recvmsg_into = self.sock.recvmsg_into
        view = self._view
        for _ in range(_CALLS_MAXIMUM):
            try:
                size, control, _flags, source = recvmsg_into((view,), _CONTROL)
            except BlockingIOError:
                break
            except OSError:
                continue  # an ICMP error about something sent earlier; timers find out
            self.calls_in += 1
            data = bytes(view[:size])
            segment, ecn, host = self._read_control(control)
            remote = (_plain_host(source[0]), source[1])
            local = (host, self._local[1])
            if not segment or segment >= len(data):
                found.append(DatagramIn(data, local, remote, ecn))
            else:
                found += [DatagramIn(data[at : at + segment], local, remote, ecn) for at in range(0, len(data), segment)]
        self.datagrams_in += len(found)
        return found

    def _read_control(self, control: Sequence[tuple[int, int, bytes]]) -> tuple[int, int, str]:
        """Segment size, ECN bits, the address that was reached."""
        segment = ecn = 0
        host = self._local[0]
        for level, kind, value in control:
            if level == _SOL_UDP and kind == _UDP_GRO:
                segment = int.from_bytes(value[:2], "little") if struct.pack("=H", 1)[0] else int.from_bytes(value[:2], "big")
            elif (level == socket.IPPROTO_IP and kind == _IP_TOS) or (level == socket.IPPROTO_IPV6 and kind == _IPV6_TCLASS):
                ecn = value[0] & 3 if len(value) == 1 else struct.unpack("=i", value[:4])[0] & 3
            elif level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
                host = socket.inet_ntop(socket.AF_INET, value[8:12])
            elif level == socket.IPPROTO_IPV6 and kind == _IPV6_PKTINFO:
                host = _plain_host(socket.inet_ntop(socket.AF_INET6, value[:16]))
        return segment, ecn, host

    # --- out ---------------------------------------------------------------------------------------------------------

    def send(self, out: DatagramOut) -> DatagramOut | None:
        """Sends; returns what the kernel does not take now, None if all left.

        What cannot be sent at all (too large for the path, no route) is dropped, as the network would.
        """
        if len(out.data) > out.segment:
            if self._gso and out.remote not in self._plain:
                return self._send_offloaded(out)
            return self._send_each(out)
        return self._send_one(out.data, out)

    def _send_offloaded(self, out: DatagramOut) -> DatagramOut | None:
        control = self._control(out)
        control.append((_SOL_UDP, _UDP_SEGMENT, struct.pack("=H", out.segment)))
        try:
            self.sock.sendmsg((out.data,), control, 0, self._address(out.remote))
        except BlockingIOError:
            return out
        except OSError as error:
            if error.errno not in _REFUSING:
                return None
            if len(self._plain) >= _NO_OFFLOAD_MAXIMUM:
                self._plain.clear()
            self._plain[out.remote] = None
            return self._send_each(out)
        self.calls_out += 1
        self.datagrams_out += -(-len(out.data) // out.segment)
        return None

    def _send_each(self, out: DatagramOut) -> DatagramOut | None:
        data, segment = out.data, out.segment
        for at in range(0, len(data), segment):
            if self._send_one(data[at : at + segment], out) is not None:
                return DatagramOut(data[at:], segment, out.local, out.remote, out.ecn)
        return None

    def _send_one(self, data: bytes, out: DatagramOut) -> DatagramOut | None:
        try:
            control = self._control(out)
            if control:
                self.sock.sendmsg((data,), control, 0, self._address(out.remote))
            else:
                self.sock.sendto(data, self._address(out.remote))
        except BlockingIOError:
            return out
        except OSError:
            return None
        self.calls_out += 1
        self.datagrams_out += 1
        return None

    def _address(self, remote: Address) -> Address:
        host, port = remote
        return (f"::ffff:{host}", port) if self._is_ipv6 and ":" not in host else remote

    def _control(self, out: DatagramOut) -> list[tuple[int, int, bytes]]:
        """From which address, with which ECN bits."""
        if not _LINUX:
            return []
        control: list[tuple[int, int, bytes]] = []
        is_ipv4 = ":" not in out.remote[0]
        if out.ecn:
            if is_ipv4:
                control.append((socket.IPPROTO_IP, _IP_TOS, struct.pack("=i", out.ecn)))
            else:
                control.append((socket.IPPROTO_IPV6, _IPV6_TCLASS, struct.pack("=i", out.ecn)))
        if self._is_wildcard and out.local[0] not in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
            if self._is_ipv6:
                host = out.local[0] if not is_ipv4 else f"::ffff:{out.local[0]}"
                control.append((socket.IPPROTO_IPV6, _IPV6_PKTINFO, socket.inet_pton(socket.AF_INET6, host) + bytes(4)))
            else:
                control.append((socket.IPPROTO_IP, _IP_PKTINFO, bytes(4) + socket.inet_aton(out.local[0]) + bytes(4)))
        return control


def _plain_host(host: str) -> str:
    """IPv4 addresses as such; zones of link-local addresses are not kept."""
    return host[7:] if host.startswith("::ffff:") and "." in host else host.partition("%")[0]
