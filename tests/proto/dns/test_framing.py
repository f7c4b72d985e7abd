# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Messages on a stream."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sws.base.errors import DecodeError, UsageError
from sws.proto.dns import FrameDecoder, frame
from tests.kit.incremental import assert_incremental, begins_with


def feed(segments: Sequence[bytes]) -> list[bytes]:
    decoder = FrameDecoder()
    return [message for segment in segments for message in decoder.receive(segment)]


def test_length_before_message() -> None:
    assert frame(b"twelve octet") == b"\x00\x0ctwelve octet"
    with pytest.raises(UsageError):
        frame(bytes(65536))


def test_taken_apart_however_it_was_cut() -> None:
    messages = [bytes(12), b"x" * 300, bytes(range(13))]
    data = b"".join(map(frame, messages))
    assert assert_incremental(feed, data, trailing=(b"\x00", b"\x01\x00abc"), extends=begins_with) == messages


def test_the_largest() -> None:
    assert feed([frame(bytes(65535))]) == [bytes(65535)]


@pytest.mark.parametrize("length", [0, 1, 11])
def test_no_message_is_shorter_than_its_header(length: int) -> None:
    with pytest.raises(DecodeError):
        feed([frame(bytes(length))])
