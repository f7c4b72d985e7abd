# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Node.js, both roles: an OpenSSL with X25519MLKEM768, of our own making in neither part."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sws.proto.tls.constants import CipherSuite, NamedGroup
from tests.kit.nodejs import node
from tests.kit.server import ServerProcess
from tests.kit.tls_pki import Pki
from tests.kit.tls_stream import TlsStream
from tests.proto.tls.live.ends import client

pytestmark = [pytest.mark.peer]

_CLIENT = """
const tls = require('tls'), fs = require('fs');
const [port, ca, host, groups, suite] = process.argv.slice(1);
const options = {port: +port, host: '127.0.0.1', ca: fs.readFileSync(ca), servername: host, ecdhCurve: groups, ciphers: suite,
                 minVersion: 'TLSv1.3', ALPNProtocols: ['http/1.1']};
let session;
function ask(more) {
  const socket = tls.connect({...options, session}, () => {
    const facts = {protocol: socket.getProtocol(), suite: socket.getCipher().name, authorized: socket.authorized,
                   alpn: socket.alpnProtocol, reused: socket.isSessionReused()};
    let text = '';
    socket.on('session', (found) => { session = found; });
    socket.on('data', (data) => { text += data; });
    socket.on('end', () => {
      facts.answer = JSON.parse(text.slice(text.indexOf('\\r\\n\\r\\n')));
      console.log(JSON.stringify(facts));
      if (more) ask(more - 1);
    });
    socket.write(`GET /.well-known/sws HTTP/1.1\\r\\nHost: ${host}\\r\\nConnection: close\\r\\n\\r\\n`);
  });
}
ask(1);
"""

_SERVER = """
const tls = require('tls'), fs = require('fs');
const [cert, key, groups] = process.argv.slice(1);
const server = tls.createServer({cert: fs.readFileSync(cert), key: fs.readFileSync(key), ecdhCurve: groups, minVersion: 'TLSv1.3'},
  (socket) => {
    socket.on('data', (data) => socket.write(data));
    socket.on('error', () => {});
  });
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
"""


@pytest.mark.parametrize("suite", CipherSuite)
@pytest.mark.parametrize("groups", ["X25519MLKEM768", "X25519:X25519MLKEM768"])
def test_their_client(https: ServerProcess, pki: Pki, groups: str, suite: CipherSuite) -> None:
    """The server prefers the post-quantum group, yet not so much that it asks again where there is a share."""
    command = [node(), "-e", _CLIENT, str(https.port), pki.ca, "p256.example", groups, suite.name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["reused"] for answer in answers] == [False, True], done.stderr
    for answer in answers:
        assert answer["authorized"]
        assert (answer["protocol"], answer["suite"], answer["alpn"]) == ("TLSv1.3", suite.name, "http/1.1")
        group = groups.partition(":")[0]  # of which it sent a share
        assert answer["answer"]["cipher"] == f"{suite.name} {group}{' resumed' if answer['reused'] else ''}"


@contextmanager
def serving(pki: Pki, groups: str) -> Iterator[int]:
    """A server that echoes.  Yields: its port."""
    pair = pki.host("rsa")
    process = subprocess.Popen([node(), "-e", _SERVER, pair.cert, pair.key, groups], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    watch = threading.Timer(20, process.kill)
    watch.start()
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        watch.cancel()
        process.kill()
        process.communicate()


def test_their_server(pki: Pki) -> None:
    both = (NamedGroup.X25519MLKEM768, NamedGroup.X25519)
    with serving(pki, "X25519MLKEM768") as port:
        for suite in CipherSuite:
            for shares in (both, both[:1], both[1:]):
                ticket = None
                for resumed in (False, True):
                    tls = client(pki, b"rsa.example", suites=(suite,), groups=both, shares=shares, ticket=ticket)
                    stream = TlsStream(socket.create_connection(("127.0.0.1", port)), tls).handshake()
                    stream.write(b"to and fro\n")
                    assert stream.read_line() == b"to and fro\n"
                    facts = tls.facts
                    assert (facts.suite, facts.group, facts.resumed) == (suite, NamedGroup.X25519MLKEM768, resumed)
                    assert facts.retried is (shares == both[1:])
                    ticket = next(iter(tls.handshake.take_tickets()), None)  # type: ignore[union-attr]
                    stream.close()
