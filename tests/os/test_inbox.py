# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Messages between processes: order, enclosures, a full queue, a reader that is gone."""

from __future__ import annotations

import os
import socket

import pytest

from sws.os.inbox import MESSAGE_OCTETS, InboxGone, make_inbox, post, take

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="inboxes are unix sockets")


def test_messages_keep_order_and_bounds() -> None:
    reader, writer = make_inbox()
    with reader, writer:
        assert take(reader) == []
        for size in (1, 1900, 3):
            assert post(writer, bytes(size))
        assert [(len(message), enclosed) for message, enclosed in take(reader, 2)] == [(1, None), (1900, None)]
        assert take(reader) == [(bytes(3), None)]
        assert post(writer, bytes(MESSAGE_OCTETS))
        assert len(take(reader)[0][0]) == MESSAGE_OCTETS


def test_an_enclosed_socket_works_on_the_other_side() -> None:
    reader, writer = make_inbox()
    other_reader, other_writer = make_inbox()
    with reader, writer, other_reader, other_writer:
        assert post(writer, b"hello", other_writer)
        ((message, enclosed),) = take(reader)
        assert message == b"hello"
        assert enclosed is not None
        with enclosed:
            assert enclosed.fileno() != other_writer.fileno()
            assert not os.get_inheritable(enclosed.fileno())
            assert not enclosed.getblocking()
            assert post(enclosed, b"there")
        assert take(other_reader) == [(b"there", None)]


def test_a_full_queue_takes_no_more_until_it_is_read() -> None:
    reader, writer = make_inbox()
    with reader, writer:
        count = 0
        while post(writer, bytes(1500)):
            count += 1
        assert 1 <= count < 100_000
        assert not post(writer, bytes(1500), writer)
        found = 0
        while messages := take(reader):
            found += len(messages)
        assert found == count
        assert post(writer, b"again")
        assert not post(writer, bytes(1 << 23))  # never will


def test_a_reader_that_is_gone() -> None:
    reader, writer = make_inbox()
    with writer:
        post(writer, b"unread")
        reader.close()
        for _ in range(2):
            with pytest.raises(InboxGone):
                post(writer, b"more")
