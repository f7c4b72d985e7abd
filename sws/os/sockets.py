# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Listening sockets and accepting from them.

- TCP listeners are made with SO_REUSEADDR, and with SO_REUSEPORT when several workers each get their own.  `[::]` is dual-stack.
- A unix socket's stale file is removed only after a connection attempt showed that nobody listens on it; a live one is an error.
- Socket activation: descriptors from 3 on as announced by LISTEN_PID, LISTEN_FDS (sd_listen_fds(3)); UDP sockets are for HTTP/3.
- `accept_batch` takes what is queued, up to a bound.  When descriptors run out (EMFILE, ENFILE) it says so, and the listener pauses:
  a readable listener whose accept fails would otherwise wake the loop at once again, for ever.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from typing import Final, final

from sws.base.errors import SwsError

__all__ = [
    "ACCEPT_BATCH",
    "AcceptPause",
    "ListenError",
    "accept_batch",
    "activated_sockets",
    "begin_to_listen",
    "bind_tcp",
    "listen_tcp",
    "listen_unix",
]

ACCEPT_BATCH: Final = 64
_BACKLOG: Final = 1024
_EXHAUSTED: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
_FIRST_ACTIVATED: Final = 3
# What accept(2) reports of the connection it would have returned, not of the listener: the next one may be fine.
_TRANSIENT: Final = frozenset(
    getattr(errno, name)
    for name in (
        "EPERM", "EPROTO", "ENETDOWN", "ENETUNREACH", "ENOPROTOOPT", "EHOSTDOWN", "EHOSTUNREACH", "ENONET", "EOPNOTSUPP", "ETIMEDOUT",
    )
    if hasattr(errno, name)
)  # fmt: skip
_HAS_UNIX: Final = hasattr(socket, "AF_UNIX")


@final
class ListenError(SwsError):
    """An address that cannot be listened on; the message is one clear line."""


@final
class AcceptPause(SwsError):
    """No descriptor or memory for one more connection: stop accepting for a moment."""


def _explain(error: OSError, where: str) -> ListenError:
    if error.errno == errno.EADDRINUSE:
        return ListenError(f"{where}: the port is in use by another program")
    if error.errno in (errno.EACCES, errno.EPERM):
        return ListenError(f"{where}: no permission (ports below 1024 need root or CAP_NET_BIND_SERVICE)")
    if error.errno == errno.EADDRNOTAVAIL:
        return ListenError(f"{where}: this machine has no such address")
    return ListenError(f"{where}: {error.strerror or error}")


def listen_tcp(host: str, port: int, *, reuse_port: bool = False) -> socket.socket:
    """A listening TCP socket, non-blocking.

    Args:
      host:  an IP address, or a name that resolves to one here; "::" listens on IPv4 too.
      port:  0 picks a free one.
    Raises: ListenError.
    """
    sock = bind_tcp(host, port, reuse_port=reuse_port)
    try:
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise _explain(error, _where(host, port)) from None
    return sock


def _where(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bind_tcp(host: str, port: int, *, reuse_port: bool = False) -> socket.socket:
    """As `listen_tcp`, but nobody comes to it before `begin_to_listen`."""
    where = _where(host, port)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except UnicodeError:
        raise ListenError(f"{where}: no host can have that name") from None
    except OSError as error:
        raise ListenError(f"{where}: {error.strerror or error}") from None
    family, kind, protocol, _, address = found[0]
    try:
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _explain(error, where) from None
    try:
        if os.name == "posix":  # on Windows it would let two programs share a port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address[0] == "::" else 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
        sock.bind(address)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise _explain(error, where) from None
    return sock


def begin_to_listen(sock: socket.socket) -> None:
    """For one that only bound its address; one that listens stays as it is, with the queue that it was given.  Raises: OSError."""
    if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        sock.listen(_BACKLOG)


def listen_unix(path: str, *, mode: int = 0o660, backlog: int = _BACKLOG) -> socket.socket:
    """A listening unix socket, non-blocking.  Raises: ListenError."""
    if not _HAS_UNIX:
        raise ListenError(f"unix:{path}: this system has no unix sockets")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        old = os.umask(0o777 & ~mode)
        try:
            sock.bind(path)
        finally:
            os.umask(old)
        sock.listen(backlog)
        sock.setblocking(False)
    except ListenError:
        sock.close()
        raise
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise ListenError(f"unix:{path}: the path is in use") from None
        if error.errno in (errno.EACCES, errno.EPERM):
            raise ListenError(f"unix:{path}: no permission") from None
        raise _explain(error, f"unix:{path}") from None
    return sock


def _remove_stale(path: str) -> None:
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise ListenError(f"unix:{path}: the path is in use by something that is no socket")
    except FileNotFoundError:
        return
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    probe.setblocking(False)  # a listener whose queue is full would make us wait
    try:
        probe.connect(path)
    except ConnectionRefusedError:
        os.unlink(path)
    except BlockingIOError:
        raise ListenError(f"unix:{path}: another program listens there") from None
    else:
        raise ListenError(f"unix:{path}: another program listens there")
    finally:
        probe.close()


def activated_sockets(environment: dict[str, str], pid: int) -> list[socket.socket]:
    """Sockets handed over by the service manager; the variables are taken out of `environment`.

    Raises: ListenError if what was handed over is neither a listening stream socket nor a UDP socket.
    """
    wanted = environment.pop("LISTEN_PID", ""), environment.pop("LISTEN_FDS", ""), environment.pop("LISTEN_FDNAMES", "")
    if wanted[0] != str(pid) or not wanted[1].isdecimal():
        return []
    sockets: list[socket.socket] = []
    for fd in range(_FIRST_ACTIVATED, _FIRST_ACTIVATED + min(int(wanted[1]), 1024)):
        try:
            os.set_inheritable(fd, False)
            sock = socket.socket(fileno=fd)
            sockets.append(sock)
            is_udp = sock.type == socket.SOCK_DGRAM and sock.family in (socket.AF_INET, socket.AF_INET6)
            if not is_udp and (sock.type != socket.SOCK_STREAM or not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)):
                raise OSError(errno.EINVAL, "not a listening stream socket")
        except OSError as error:
            for sock in sockets:
                sock.close()
            raise ListenError(f"descriptor {fd} handed over by the service manager: {error.strerror}") from None
        sock.setblocking(False)
    return sockets


def accept_batch(listener: socket.socket, maximum: int = ACCEPT_BATCH) -> list[tuple[socket.socket, object]]:
    """Accept what is queued, at most `maximum`; sockets are non-blocking.

    Raises: AcceptPause when descriptors run out before the first one was accepted.
    """
    accepted: list[tuple[socket.socket, object]] = []
    for _ in range(maximum):  # failures count too, so that a firewall that refuses all of them cannot hold us here
        try:
            sock, address = listener.accept()
        except (BlockingIOError, InterruptedError):
            break
        except ConnectionError:
            continue  # gone while it waited in the queue
        except OSError as error:
            if error.errno in _EXHAUSTED:
                if accepted:
                    break
                raise AcceptPause(error.strerror or "no descriptors") from None
            if error.errno in _TRANSIENT:
                continue  # a firewall refused, or the peer vanished: Linux reports it here
            if accepted:
                break  # the next call meets it again
            raise
        sock.setblocking(False)
        accepted.append((sock, address))
    return accepted
