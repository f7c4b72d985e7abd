# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The running server in the cases that QUIC's implementations test each other by, with others' clients, over a good and a bad network.

Clients: ngtcp2 (gtlsclient), aioquic, curl with BoringSSL (curl_cffi), qh3 (niquests).
"""

from __future__ import annotations

import asyncio
import pathlib
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.kit.peers import peer
from tests.kit.quic import credential, private_key
from tests.kit.server import ServerProcess, serving
from tests.kit.udp_proxy import Faults, UdpProxy

pytestmark = [pytest.mark.peer, pytest.mark.slow]

SMALL, BIG = 3000, 2_000_000
CHACHA = "--ciphers=NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305"


def content(size: int) -> bytes:
    return (bytes(range(256)) * (size // 256 + 1))[:size]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Two workers, so that datagrams may come to the wrong one."""
    folder = tmp_path_factory.mktemp("h3")
    (folder / "www").mkdir()
    (folder / "www" / "small").write_bytes(content(SMALL))
    (folder / "www" / "big").write_bytes(content(BIG))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SWS_STATE", str(folder / "state"))
        (folder / "sws.yaml").write_text(
            'server:\n  listen: ["https://127.0.0.1:0"]\n  root: ./www\n  tls: {self_signed: true, early_data: 16384}\n'
            "  worker: {processes: 2}\n  log: {access: false, level: warn}\n"
        )
        with serving((), folder) as started:
            yield started
            assert started.stop() == 0
            assert started.err.count(b"\n") == 1, started.err  # "serving …": no complaint


@pytest.fixture(scope="module")
def careful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Sends a Retry to everybody, and has more certificates than an address not validated may be sent."""
    folder = tmp_path_factory.mktemp("careful")
    (folder / "www").mkdir()
    (folder / "www" / "small").write_bytes(content(SMALL))
    (folder / "www" / "big").write_bytes(content(BIG))
    (folder / "k.pem").write_text(private_key().to_pem())
    (folder / "c.pem").write_text(credential()[1].to_pem() * 12)
    (folder / "sws.yaml").write_text(
        'server:\n  listen: ["https://127.0.0.1:0"]\n  root: ./www\n  tls: {cert: c.pem, key: k.pem}\n  http3: {retry: always}\n'
        "  worker: {processes: 2}\n  log: {access: false, level: warn}\n"
    )
    with serving((), folder) as started:
        yield started


@pytest.fixture
def fetch(tmp_path: pathlib.Path) -> Callable[..., str]:
    """Runs ngtcp2's client: it has what it asked for, and what it said comes back."""

    def run(port: int, *options: str, names: tuple[str, ...] = ("big",), count: int = 1) -> str:
        got = tmp_path / "got"
        shutil.rmtree(got, ignore_errors=True)
        got.mkdir()
        command = [peer("gtlsclient"), "--exit-on-all-streams-close", "--no-quic-dump", "--no-http-dump", f"--download={got}", "-n"]
        command += [str(count * len(names)), *options, "127.0.0.1", str(port)]
        done = subprocess.run([*command, *(f"https://localhost:{port}/{n}" for n in names)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr[-2000:]
        for name in names:
            assert (got / name).read_bytes() == content({"small": SMALL, "big": BIG}[name])
        assert done.stderr.count("[:status: 200]") == count * len(names)
        return done.stderr

    return run


# --- ngtcp2 ----------------------------------------------------------------------------------------------------------

CASES = {
    "handshake": (),
    "chacha20": (CHACHA,),
    "keyupdate": ("--key-update=5ms",),
    "migration": ("--change-local-addr=30ms", "--delay-stream=60ms"),
    "migration-under-load": ("--change-local-addr=10ms",),
    "rebinding": ("--change-local-addr=30ms", "--nat-rebinding", "--delay-stream=60ms"),
    "empty-id": ("--scid=",),
    "long-id": ("--dcid=0102030405060708090a0b0c0d0e0f101112",),
    "small-windows": ("--max-data=20000", "--max-stream-data-bidi-local=10000"),
}


@pytest.mark.parametrize("case", CASES)
def test_ngtcp2(server: ServerProcess, fetch: Callable[..., str], case: str) -> None:
    fetch(server.port, *CASES[case])


def test_ngtcp2_multiplexing(server: ServerProcess, fetch: Callable[..., str]) -> None:
    fetch(server.port, names=("small",), count=300)


def test_ngtcp2_resumption_and_early_data(server: ServerProcess, fetch: Callable[..., str], tmp_path: pathlib.Path) -> None:
    files = (f"--session-file={tmp_path / 'session'}", f"--tp-file={tmp_path / 'tp'}", f"--token-file={tmp_path / 'token'}")
    fetch(server.port, *files)
    assert "0RTT" not in fetch(server.port, "--disable-early-data", *files)
    said = fetch(server.port, *files, names=("small",))
    assert "0RTT" in said
    assert "rejected" not in said.lower()


def test_ngtcp2_after_a_retry(careful: ServerProcess, fetch: Callable[..., str]) -> None:
    assert "type=Retry" in fetch(careful.port)


@pytest.mark.parametrize(("version", "spared"), [(1, True), (0x6B3343CF, False)], ids=["same version", "of v2"])
def test_a_token_of_an_earlier_connection_spares_the_retry(careful: ServerProcess, version: int, spared: bool) -> None:
    """aioquic, as Debian's ngtcp2-client cannot read the files of tokens that it writes.

    It begins in v1 with the token of a connection in that version; RFC 9369 §5 wants one of v2 refused.
    """
    pytest.importorskip("aioquic")
    from aioquic.asyncio.client import connect
    from aioquic.asyncio.protocol import QuicConnectionProtocol
    from aioquic.quic.configuration import QuicConfiguration

    class Quiet(QuicConnectionProtocol):
        """Opens no stream for what comes."""

        def quic_event_received(self, event: Any) -> None:
            """Nothing."""

    tokens: list[bytes] = []

    async def once(version: int, token: bytes) -> bool:
        configuration = QuicConfiguration(
            is_client=True, alpn_protocols=["h3"], verify_mode=ssl.CERT_NONE, server_name="localhost", token=token
        )
        configuration.supported_versions = [version]
        options: Any = {"configuration": configuration, "token_handler": tokens.append, "create_protocol": Quiet}
        async with connect("127.0.0.1", careful.port, **options) as client:
            await client.wait_connected()
            await client.ping()
            return client._quic._retry_source_connection_id is not None

    assert asyncio.run(once(version, b""))
    assert asyncio.run(once(1, tokens[0])) is not spared


@pytest.mark.parametrize("network", [Faults(delay=0.01), Faults(loss=0.2, first=40, delay=0.01)], ids=["good", "loss"])
def test_a_long_certificate_chain(careful: ServerProcess, fetch: Callable[..., str], network: Faults) -> None:
    with UdpProxy(careful.port, network) as proxy:
        fetch(proxy.port, names=("small",))


NETWORKS = {
    "loss": Faults(loss=0.03, delay=0.01),
    "corruption": Faults(corrupt=0.03, delay=0.01),
    "handshake-loss": Faults(loss=0.3, first=30, delay=0.01),
    "handshake-corruption": Faults(corrupt=0.3, first=30, delay=0.01),
    "silence": Faults(silence=(0.05, 1.0), delay=0.01),
    "rebinding": Faults(rebind=0.08, delay=0.01),
    "long-way": Faults(delay=0.1),
}


@pytest.mark.parametrize("network", NETWORKS)
def test_ngtcp2_over_a_bad_network(server: ServerProcess, fetch: Callable[..., str], network: str) -> None:
    with UdpProxy(server.port, NETWORKS[network]) as proxy:
        fetch(proxy.port)


@pytest.mark.parametrize("ecn", ["kept", "marked", "cleared"])
def test_ngtcp2_and_congestion_marks(server: ServerProcess, fetch: Callable[..., str], ecn: str) -> None:
    """Both ends mark what they send, and stop for good if the other's acknowledgements do not count the marks.  RFC 9000 §13.4

    Ten packets carry a mark before that is known: who marks more has validated the counts in what the other acknowledged.
    """
    with UdpProxy(server.port, Faults(ecn=ecn, delay=0.005)) as proxy:
        fetch(proxy.port)
        marks = proxy.marks
    for sent in marks.values():
        assert set(sent) <= {0, 2}  # ECT(0) alone
    ours = marks["server"]
    assert len(ours) > 1000
    if ecn == "cleared":
        assert 0 < ours.count(2) <= 20
        assert not any(ours[len(ours) // 2 :])
        assert not any(marks["client"][len(marks["client"]) // 2 :])
    else:
        assert ours.count(2) > 0.9 * len(ours)
        assert marks["client"].count(2) > len(marks["client"]) / 2


# --- aioquic ---------------------------------------------------------------------------------------------------------


async def aioquic_fetch(port: int, paths: list[bytes], act: Callable[[Any], None] = lambda _client: None, **options: Any) -> list[bytes]:
    """One connection of aioquic's, and something done to it in between."""
    from aioquic.asyncio.client import connect
    from aioquic.asyncio.protocol import QuicConnectionProtocol
    from aioquic.h3.connection import H3Connection
    from aioquic.h3.events import DataReceived
    from aioquic.quic.configuration import QuicConfiguration

    class Client(QuicConnectionProtocol):
        def __init__(self, *arguments: Any, **others: Any) -> None:
            super().__init__(*arguments, **others)
            self.http = H3Connection(self._quic)
            self.waiting: dict[int, tuple[asyncio.Future[None], list[bytes]]] = {}

        def quic_event_received(self, event: Any) -> None:
            for found in self.http.handle_event(event):
                done, parts = self.waiting[found.stream_id]
                if isinstance(found, DataReceived):
                    parts.append(found.data)
                if found.stream_ended:
                    done.set_result(None)

        async def fetch(self, path: bytes) -> bytes:
            stream = self._quic.get_next_available_stream_id()
            head = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"localhost"), (b":path", path)]
            self.waiting[stream] = asyncio.get_running_loop().create_future(), []
            self.http.send_headers(stream, head, True)
            self.transmit()
            await asyncio.wait_for(self.waiting[stream][0], 30)
            return b"".join(self.waiting[stream][1])

    configuration = QuicConfiguration(is_client=True, alpn_protocols=["h3"], verify_mode=ssl.CERT_NONE, server_name="localhost", **options)
    async with connect("127.0.0.1", port, configuration=configuration, create_protocol=Client) as client:
        found = [await client.fetch(paths[0])]  # type: ignore[attr-defined]
        act(client)
        return found + list(await asyncio.gather(*[client.fetch(path) for path in paths[1:]]))  # type: ignore[attr-defined]


ACTS: dict[str, tuple[Callable[[Any], None], dict[str, Any]]] = {
    "nothing": (lambda _client: None, {}),
    "keyupdate": (lambda client: client.request_key_update(), {}),
    "another-id": (lambda client: client.change_connection_id(), {}),
    "v2": (lambda _client: None, {"original_version": 0x6B3343CF, "supported_versions": [0x6B3343CF, 1]}),
    "to-v2": (lambda _client: None, {"original_version": 1, "supported_versions": [0x6B3343CF, 1]}),
    "unknown-version": (lambda _client: None, {"original_version": 0xFF00001D, "supported_versions": [0xFF00001D, 1]}),
    "datagrams": (lambda _client: None, {"max_datagram_frame_size": 65536}),
}


@pytest.mark.parametrize("act", ACTS)
def test_aioquic(server: ServerProcess, act: str) -> None:
    pytest.importorskip("aioquic")
    do, options = ACTS[act]
    found = asyncio.run(aioquic_fetch(server.port, [b"/small", b"/big", b"/small"], do, **options))
    assert found == [content(SMALL), content(BIG), content(SMALL)]


def test_aioquic_resumes_with_early_data(server: ServerProcess) -> None:
    pytest.importorskip("aioquic")
    from aioquic.asyncio.client import connect
    from aioquic.asyncio.protocol import QuicConnectionProtocol
    from aioquic.quic.configuration import QuicConfiguration

    class Quiet(QuicConnectionProtocol):
        """Opens no stream for what comes."""

        def quic_event_received(self, event: Any) -> None:
            """Nothing."""

    tickets: list[Any] = []

    async def once() -> tuple[bool, bool]:
        configuration = QuicConfiguration(is_client=True, alpn_protocols=["h3"], verify_mode=ssl.CERT_NONE, server_name="localhost")
        if tickets:
            configuration.session_ticket = tickets[0]
        options: Any = {"configuration": configuration, "session_ticket_handler": tickets.append, "create_protocol": Quiet}
        async with connect("127.0.0.1", server.port, **options) as client:
            await client.wait_connected()
            await client.ping()
            tls = client._quic.tls
            return bool(tls.session_resumed), bool(tls.early_data_accepted)

    assert asyncio.run(once()) == (False, False)
    assert tickets
    assert asyncio.run(once()) == (True, True)
    assert asyncio.run(once())[0]  # a ticket for the second time: no early data, but resumption may be


# --- curl_cffi, niquests ---------------------------------------------------------------------------------------------


def test_curl_cffi(server: ServerProcess) -> None:
    """curl over ngtcp2 and BoringSSL."""
    requests = pytest.importorskip("curl_cffi.requests")
    with requests.Session(verify=False, http_version="v3only") as session:
        for name, size in (("small", SMALL), ("big", BIG), ("small", SMALL)):
            answer = session.get(f"https://localhost:{server.port}/{name}", timeout=30, verify=False)
            assert (answer.status_code, answer.content == content(size), answer.http_version) == (200, True, 30)


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_niquests(server: ServerProcess) -> None:
    """urllib3.future over qh3, told beforehand that the server speaks HTTP/3."""
    niquests = pytest.importorskip("niquests")
    with niquests.Session(disable_http1=True, disable_http2=True) as session:
        session.quic_cache_layer.add_domain("localhost", server.port)
        for name, size in (("small", SMALL), ("big", BIG)):
            answer = session.get(f"https://localhost:{server.port}/{name}", timeout=30, verify=False)
            assert (answer.status_code, answer.content == content(size), answer.http_version) == (200, True, 30)
