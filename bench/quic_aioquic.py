# SPDX-License-Identifier: Apache-2.0 OR MIT
"""aioquic as a server for `bench.quic`: just as much HTTP/3 as ours there has, so that the transports are what is compared."""

from __future__ import annotations

import argparse
import asyncio

from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import HandshakeCompleted, QuicEvent, StreamDataReceived

OCTETS = 0
BLOCK = bytes(range(256)) * 256


class Tiny(QuicConnectionProtocol):
    """Answers every request with OCTETS octets."""

    def quic_event_received(self, event: QuicEvent) -> None:
        """Requests in, responses out."""
        if isinstance(event, HandshakeCompleted):
            self._quic.send_stream_data(self._quic.get_next_available_stream_id(is_unidirectional=True), b"\x00\x04\x00")
        elif isinstance(event, StreamDataReceived) and event.end_stream and not event.stream_id & 2:
            head = b"\x01\x03\x00\x00\xd9\x00" + (OCTETS | 0xC0 << 56).to_bytes(8, "big")
            self._quic.send_stream_data(event.stream_id, head)
            for _ in range(OCTETS // len(BLOCK)):
                self._quic.send_stream_data(event.stream_id, BLOCK)
            self._quic.send_stream_data(event.stream_id, BLOCK[: OCTETS % len(BLOCK)], end_stream=True)
            self.transmit()


async def main() -> None:
    """Serves until killed."""
    global OCTETS
    parser = argparse.ArgumentParser()
    for name in ("port", "octets"):
        parser.add_argument(f"--{name}", type=int)
    for name in ("cert", "key"):
        parser.add_argument(f"--{name}")
    options = parser.parse_args()
    OCTETS = options.octets
    configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3"], max_datagram_size=1452, congestion_control_algorithm="cubic")
    configuration.load_cert_chain(options.cert, options.key)
    await serve("127.0.0.1", options.port, configuration=configuration, create_protocol=Tiny)
    print(f"ready {options.port}", flush=True)
    await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(main())
