# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Files to sockets without copying, and files found without leaving their root.

`send_span` is sendfile(2) where there is one and a plain read and send elsewhere; on Windows `poller.transfers` puts
TransmitFile before it.

`Root` opens files below one directory.  A path is given as its segments, already decoded and free of "." and ".."; the file system may
still lead out of the root by symbolic links, so each component is opened relative to the descriptor of the one before with
O_NOFOLLOW, and a link met on the way is read and walked in the same manner, from the directory that holds it: one that leads above the
root or begins with "/" is refused.  So no check is separated from the use of what it checked (no race), and nothing outside is
ever opened.  Where directories have no descriptors (Windows) the resolved path is compared instead, and the documentation says so.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final, final

from sws.base.engine import NO_FILE, FileSpan

__all__ = ["LinkPolicy", "Root", "copy_span", "read_at", "send_span"]

_CHUNK: Final = 65536
_LINKS_MAXIMUM: Final = 16
_HAS_DIR_FD: Final = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
_DIRECTORY: Final = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_FILE: Final = (
    os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
)


def _seek_and_read(fd: int, length: int, offset: int) -> bytes:
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, length)


#: `read_at(fd, length, offset)`: pread(2), or its twin where the system has none.
read_at: Final[Callable[[int, int, int], bytes]] = getattr(os, "pread", _seek_and_read)


def send_span(sock: socket.socket, span: FileSpan) -> int:
    """Send the front of a span; the span is shortened by what left.

    Returns: octets sent; 0 means the file is shorter than the span.
    Raises:  BlockingIOError when the socket is full, OSError when the connection is gone.
    """
    if span.fd == NO_FILE:
        count = sock.send(bytes(min(span.length, _CHUNK)))
    elif hasattr(os, "sendfile"):
        try:
            count = os.sendfile(sock.fileno(), span.fd, span.offset, span.length)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
            return copy_span(sock, span)
    else:
        return copy_span(sock, span)
    span.offset += count
    span.length -= count
    return count


def copy_span(sock: socket.socket, span: FileSpan) -> int:
    """`send_span` by reading and sending."""
    data = read_at(span.fd, min(span.length, _CHUNK), span.offset)
    count = sock.send(data) if data else 0
    span.offset += count
    span.length -= count
    return count


class LinkPolicy(Enum):
    """What to do with symbolic links below a root."""

    INSIDE = "inside"
    NONE = "none"
    FOLLOW = "follow"


@final
class Root:
    """A directory below which files are opened.

    Args:
      path:    the directory.
      links:   INSIDE walks links that stay below the root, NONE refuses every link, FOLLOW trusts the file system.
    Raises: OSError if it is not a directory that can be opened.
    """

    def __init__(self, path: str, links: LinkPolicy = LinkPolicy.INSIDE) -> None:
        self.path = os.path.realpath(path)
        self._links = links
        self._fd = -1
        if _HAS_DIR_FD:
            self._fd = os.open(self.path, _DIRECTORY)
        elif not os.path.isdir(self.path):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)

    def open(self, segments: Sequence[str]) -> tuple[int, os.stat_result]:
        """Open a file or directory for reading.

        Args:
          segments:  path components; none is empty, ".", ".." or has a separator.
        Returns: descriptor (the caller closes it) and its status.  Anything but files and directories is refused.
        Raises:  OSError: FileNotFoundError, NotADirectoryError; PermissionError for what leads outside or is no file.
        """
        by_name = self._links is LinkPolicy.FOLLOW or self._fd < 0
        fd = self._open_by_name(segments) if by_name else self._walk(list(segments))
        try:
            status = os.fstat(fd)
            if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
                raise PermissionError(errno.EACCES, "neither file nor directory")
        except BaseException:
            os.close(fd)
            raise
        return fd, status

    def _open_by_name(self, segments: Sequence[str]) -> int:
        name = os.path.join(self.path, *segments)
        if self._links is not LinkPolicy.FOLLOW:
            resolved = os.path.realpath(name)
            if resolved != self.path and not resolved.startswith(os.path.join(self.path, "")):
                raise PermissionError(errno.EACCES, "outside the root")
            if self._links is LinkPolicy.NONE and os.path.normcase(resolved) != os.path.normcase(name):
                raise PermissionError(errno.EACCES, "a link that is not followed")
            name = resolved
        return os.open(name, _FILE)

    def _walk(self, pending: list[str]) -> int:
        """Open component by component.  `parents` are the descriptors of the directories on the way, the root's left out."""
        pending.reverse()
        parents: list[int] = []
        links = 0
        try:
            while True:
                here = parents[-1] if parents else self._fd
                name = pending.pop() if pending else "."
                if name == "..":
                    if not parents:
                        raise PermissionError(errno.EACCES, "outside the root")
                    os.close(parents.pop())
                    continue
                last = not pending
                try:
                    fd = os.open(name, (_FILE if last else _DIRECTORY) | _NOFOLLOW, dir_fd=here)
                except OSError as error:
                    if error.errno not in (errno.ELOOP, errno.EMLINK, errno.ENOTDIR):
                        raise
                    links += 1
                    self._expand_link(name, here, links, pending, error)
                    continue
                if last:
                    return fd
                parents.append(fd)
        finally:
            for fd in parents:
                os.close(fd)

    def _expand_link(self, name: str, here: int, links: int, pending: list[str], error: OSError) -> None:
        """Put a link's components in its place, or raise `error` again if `name` is no link."""
        try:
            target = os.readlink(name, dir_fd=here)
        except OSError:
            raise error from None
        if self._links is LinkPolicy.NONE or target.startswith("/") or links > _LINKS_MAXIMUM:
            raise PermissionError(errno.EACCES, "a link that is not followed")
        pending.extend(part for part in reversed(target.split("/")) if part not in ("", "."))

    def stat(self, name: str) -> os.stat_result:
        """Status of a name below the root, links followed: to see whether something opened before is still the same.

        Raises: OSError.
        """
        if self._fd < 0:
            return os.stat(os.path.join(self.path, name))
        return os.stat(name, dir_fd=self._fd)

    def entries(self, segments: Sequence[str], maximum: int = 10000) -> list[tuple[str, os.stat_result]]:
        """Names and status (of what links point to, if it is inside) of a directory's entries, at most `maximum`.

        Raises: OSError as `open` does.
        """
        found: list[tuple[str, os.stat_result]] = []
        fd, _ = self.open(segments)
        try:
            with os.scandir(fd if os.scandir in os.supports_fd else os.path.join(self.path, *segments)) as listing:
                for entry in listing:
                    if len(found) >= maximum:
                        break
                    status = self._entry_status(entry, segments)
                    if status is not None:
                        found.append((entry.name, status))
        finally:
            os.close(fd)
        return found

    def _entry_status(self, entry: os.DirEntry[str], segments: Sequence[str]) -> os.stat_result | None:
        try:
            if not entry.is_symlink():
                return entry.stat(follow_symlinks=False)
            fd, status = self.open((*segments, entry.name))
        except OSError:
            return None  # gone meanwhile, or a link that is not followed
        os.close(fd)
        return status

    def close(self) -> None:
        """Give the descriptor back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
