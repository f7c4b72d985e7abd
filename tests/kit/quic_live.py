# SPDX-License-Identifier: Apache-2.0 OR MIT
"""QUIC over real sockets, for tests with peers and for benchmarks: a server and a client with the smallest applications that peers speak.

hq-interop:  `GET /N` on a bidirectional stream is answered by N octets and the end of the stream.
h3:          the same for `:path /N`, with just as much of HTTP/3 as its clients need: SETTINGS, HEADERS from the static table, DATA.

Run as a program it serves until it is killed:  python -m tests.kit.quic_live --port P [--cert F --key F] [--octets N]
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import time
from collections.abc import Callable

from sws.net.quic import ServerDriver
from sws.os.datagrams import QuicSocket, open_quic_socket
from sws.os.loop import Loop
from sws.proto.quic.api import HandshakeDone, QuicEvent, StreamData, StreamWritable
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.endpoint import Endpoint, EndpointConfig
from sws.proto.quic.receiver import Receiver
from sws.proto.quic.recovery.cubic import Cubic
from sws.proto.quic.recovery.loss import LossDetection
from sws.proto.quic.sender import Sender
from sws.proto.quic.server import ServerConnection
from sws.proto.quic.tokens import TokenBox
from sws.proto.quic.varint import encode_varint
from sws.proto.tls.config import ClientAuth, ServerConfig, TlsHost
from sws.proto.tls.signatures import Credential, PeerPolicy
from sws.proto.tls.tickets import TicketBox, TicketKeys

__all__ = ["LiveServer", "TinyServer", "live_endpoint"]

_STEP = 1 << 16
_BLOCK = bytes(range(256)) * (_STEP // 256 + 1)


class TinyServer:
    """hq-interop or HTTP/3, whichever was agreed on, for one connection.

    Args:
      default:  octets of a response whose path is no number.
    """

    def __init__(self, connection: ServerConnection, default: int = 1000) -> None:
        self._c = connection
        self._default = default
        self._requests: dict[int, bytes] = {}
        self._left: dict[int, int] = {}
        self._sent: dict[int, int] = {}

    def on_events(self, events: list[QuicEvent], now: float) -> None:
        """Requests in, responses out."""
        for event in events:
            if isinstance(event, StreamData):
                self._c.consumed(event.stream, len(event.data))
                if event.stream & 2:
                    continue
                text = self._requests.pop(event.stream, b"") + event.data
                if event.fin:
                    self._answer(event.stream, text)
                else:
                    self._requests[event.stream] = text
            elif isinstance(event, StreamWritable):
                self._go_on(event.stream)
            elif isinstance(event, HandshakeDone) and event.alpn == b"h3":
                self._c.send_stream_data(self._c.open_stream(True), b"\x00\x04\x00")

    def _answer(self, stream: int, text: bytes) -> None:
        size = self._size(text)
        if self._c.alpn == b"h3":
            head = bytes((0, 0, 0xD9))
            self._c.send_stream_data(stream, b"\x01" + encode_varint(len(head)) + head + b"\x00" + encode_varint(size))
        if not size:
            self._c.send_stream_data(stream, b"", True)
        self._left[stream] = size
        self._sent[stream] = 0
        self._go_on(stream)

    def _size(self, text: bytes) -> int:
        if self._c.alpn == b"h3":
            return self._default
        digits = text.split()[-1].rpartition(b"/")[2]
        return int(digits) if digits.isdigit() else self._default

    def _go_on(self, stream: int) -> None:
        left = self._left.get(stream, 0)
        credit = self._c.stream_credit(stream)
        while left and credit:
            step = min(left, credit, _STEP)
            left -= step
            at = self._sent[stream] % 256
            self._sent[stream] += step
            self._c.send_stream_data(stream, _BLOCK[at : at + step], not left)
            credit = self._c.stream_credit(stream)
        if left:
            self._left[stream] = left
        else:
            self._left.pop(stream, None)
            self._sent.pop(stream, None)


def live_endpoint(
    credential: Credential,
    quic: QuicConfig,
    alpn: tuple[bytes, ...] = (b"hq-interop", b"h3"),
    suites: tuple[int, ...] = (0x1303, 0x1301, 0x1302),
    retry_above: int = 64,
    early: bool = True,
    auth: ClientAuth = ClientAuth.NONE,
    policy: PeerPolicy | None = None,
) -> Endpoint:
    """An endpoint with real chance and the real date."""
    host = TlsHost((credential,), alpn, early_data=0xFFFFFFFF if early else 0, client_auth=auth, policy=policy)
    keys = TicketKeys(((os.urandom(16), os.urandom(32)),))
    tls = ServerConfig(
        choose_host=lambda _: host,
        wall=time.time,
        tickets=TicketBox(lambda: keys, os.urandom),
        first_use=lambda ticket, until: True,
        suites=suites,
    )
    secret = os.urandom(32)
    box = TokenBox(lambda: (secret,), time.time, os.urandom)
    settings = EndpointConfig(reset_key=os.urandom(32), tokens=box, retry_above=retry_above)
    return Endpoint(quic, tls, settings, lambda _: None)


class LiveServer:
    """A server on a loopback port, in this process's loop."""

    def __init__(
        self,
        loop: Loop,
        endpoint: Endpoint,
        make: Callable[[ServerConnection], TinyServer] = TinyServer,
        port: int = 0,
        offload: bool = True,
    ) -> None:
        self.sock = open_quic_socket("127.0.0.1", port)
        self.io = QuicSocket(self.sock, offload=offload)
        self.port: int = self.sock.getsockname()[1]
        self.driver = ServerDriver(loop, self.io, endpoint, make)

    def close(self) -> None:
        """Stops at once."""
        self.driver.shut()
        self.sock.close()


def main() -> None:
    """See above."""
    from sws.server.tlssetup import load_credential

    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=4433)
    parser.add_argument("--cert", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--octets", type=int, default=1000)
    parser.add_argument("--suite", type=lambda text: int(text, 16), default=0x1303)
    parser.add_argument("--no-offload", action="store_true")
    parser.add_argument("--retry", action="store_true")
    parser.add_argument("--profile", default="")
    options = parser.parse_args()
    loop = Loop()
    quic = QuicConfig(congestion=Cubic)
    credential = load_credential(options.cert, options.key, "tls")
    endpoint = live_endpoint(credential, quic, suites=(options.suite, 0x1303, 0x1301, 0x1302), retry_above=0 if options.retry else 64)
    made: list[tuple[Sender, Receiver, LossDetection]] = []  # a connection that is over lets go of them

    def make(connection: ServerConnection) -> TinyServer:
        made.append((connection.sender, connection.receiver, connection.loss))
        return TinyServer(connection, options.octets)

    server = LiveServer(loop, endpoint, make, options.port, not options.no_offload)
    signal.signal(signal.SIGTERM, lambda *_: loop.stop())
    print(f"ready {server.port}", flush=True)
    start = resource.getrusage(resource.RUSAGE_SELF)
    if options.profile:
        import cProfile

        profile = cProfile.Profile()
        profile.enable()
        loop.run()
        profile.disable()
        profile.dump_stats(options.profile)
    else:
        loop.run()
    end = resource.getrusage(resource.RUSAGE_SELF)
    io = server.io
    packets = sum(sender.packets for sender, _, _ in made)
    seals = sum(sender.seals for sender, _, _ in made) or 1
    opened = sum(receiver.opened for _, receiver, _ in made)
    system = end.ru_stime - start.ru_stime
    cpu = end.ru_utime - start.ru_utime + system
    print(
        f"cpu {cpu:.3f} s, of it system {system:.3f} s; {packets} packets out, {packets / seals:.1f} a seal, "
        f"{io.datagrams_out / max(1, io.calls_out):.1f} a sendmsg; "
        f"{opened} packets in, {io.datagrams_in / max(1, io.calls_in):.1f} a recvmsg; lost {sum(loss.losses for _, _, loss in made)}",
        flush=True,
    )


if __name__ == "__main__":
    main()
