# SPDX-License-Identifier: Apache-2.0 OR MIT
"""RFC 9204 Appendix B, and the offline interop files of five other encoders."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Iterator

import pytest

from sws.base.errors import PeerError
from sws.proto.qpack import Decoder, Encoder
from sws.proto.qpack.integers import encode_integer
from tests.kit.vectors import extra_json, extra_vectors

FAMILIES = ("f5", "ls-qpack", "nghttp3", "proxygen", "qthingey", "quinn")
Fields = list[tuple[bytes, bytes]]


def records(path: pathlib.Path) -> Iterator[tuple[int, bytes]]:
    """Stream and octets of each record."""
    data = path.read_bytes()
    offset = 0
    while offset < len(data):
        stream = int.from_bytes(data[offset : offset + 8], "big")
        length = int.from_bytes(data[offset + 8 : offset + 12], "big")
        yield stream, data[offset + 12 : offset + 12 + length]
        offset += 12 + length


@functools.cache
def field_lists(name: str) -> list[Fields]:
    """The lists of a qif."""
    text = extra_vectors("http3", "qpack", "qifs", f"{name}.qif").read_bytes()
    lists: list[Fields] = [[]]
    for line in text.split(b"\n"):
        if not line:
            lists.append([])
        elif not line.startswith(b"#"):
            field, _, value = line.partition(b"\t")
            lists[-1].append((field, value))
    return [fields for fields in lists if fields]


@pytest.mark.parametrize("family", FAMILIES)
def test_what_others_encode(family: str) -> None:
    files = sorted(extra_vectors("http3", "qpack", "encoded", family).iterdir())
    assert files
    for path in files:
        name, _, capacity, blocked, _ = path.name.rsplit(".", 4)
        decoder = Decoder(int(capacity), int(blocked), 1 << 20)
        decoder.receive(encode_integer(int(capacity), 5, 0x20))  # these encoders begin with all of it
        found: dict[int, Fields] = {}
        for stream, data in records(path):
            if not stream:
                found.update((freed, decoder.resume(freed)) for freed in decoder.receive(data))
            elif (fields := decoder.decode(stream, data)) is not None:
                found[stream] = fields
        assert not decoder.blocked
        lists = field_lists(name)
        assert found == {stream: lists[stream - 1] for stream in found}, path
        assert len(found) >= min(len(lists), 10), path


def play(decoder: Decoder, path: pathlib.Path) -> None:
    """All records of a file."""
    for stream, data in records(path):
        if stream:
            decoder.decode(stream, data)
        else:
            decoder.receive(data)


def test_what_must_be_refused() -> None:
    files = sorted(extra_vectors("http3", "qpack", "errors").iterdir())
    assert files
    for path in files:
        for capacity, blocked in ((4096, 100), (0, 0)):
            decoder = Decoder(capacity, blocked)
            decoder.receive(encode_integer(capacity, 5, 0x20))
            with pytest.raises(PeerError):
                play(decoder, path)


def test_appendix_b() -> None:
    decoder = Decoder(4096, 100)
    for step in extra_json("rfc", "rfc9204_appendix_b.json")["steps"]:
        data = bytes.fromhex(step["bytes"])
        if step["kind"] == "encoder_stream":
            decoder.receive(data)
        elif step["kind"] == "decoder_stream":
            assert decoder.data_to_send() == data
        else:
            fields = decoder.decode(step["stream"], data)
            assert fields == [(name.encode(), value.encode()) for name, value in step["headers"]]
        if "table_after" in step:
            expected = [(name.encode(), value.encode()) for _, name, value in step["table_after"]]
            assert list(reversed(decoder.entries)) == expected
        if "size" in step:
            assert decoder.size == step["size"]
        if "capacity" in step:
            assert decoder.capacity == step["capacity"]


@pytest.mark.parametrize(("capacity", "blocked"), [(0, 0), (256, 0), (300, 1), (512, 100), (4096, 0), (4096, 100)])
@pytest.mark.parametrize("name", ["netbsd", "netbsd-hq", "fb-req-hq", "fb-resp-hq"])
def test_what_we_encode_is_read_back(name: str, capacity: int, blocked: int) -> None:
    encoder, decoder = Encoder(), Decoder(capacity, blocked, 1 << 20)
    encoder.set_limits(capacity, blocked)
    octets = literal = 0
    for number, fields in enumerate(field_lists(name)):
        section = encoder.encode(4 * number, fields)
        stream = encoder.data_to_send()
        octets += len(section) + len(stream)
        literal += len(Encoder().encode(0, fields))
        decoder.receive(stream)
        assert decoder.decode(4 * number, section) == fields
        assert decoder.entries == encoder.entries
        encoder.receive(decoder.data_to_send())
        assert encoder.known == encoder.inserted == decoder.inserted
    assert octets <= literal
