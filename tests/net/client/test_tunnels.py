# SPDX-License-Identifier: Apache-2.0 OR MIT
"""CONNECT and upgrades.  RFC 9110 §7.8, §9.3.6"""

from __future__ import annotations

from sws.base.errors import UsageError
from sws.net.client import ClientDriver
from sws.net.response import Request, RequestError, Response
from tests.kit.client import OK, ClientRig, get
from tests.kit.driver import Client


def tunnel(rig: ClientRig) -> tuple[Response, ClientDriver, Client]:
    connection, peer = rig.pair()
    running = rig.begin(connection.request(Request(b"CONNECT", b"b.example:443", ((b"host", b"b.example:443"),))))
    peer.send(b"HTTP/1.1 200 Connected\r\n\r\nraw")
    response = running.finish()
    peer.received.clear()
    return response, connection, peer


def test_a_tunnel_both_ways(rig: ClientRig) -> None:
    response, connection, peer = tunnel(rig)
    assert response.is_tunnel
    assert rig.run(response.read()) == b"raw"
    rig.run(response.send(b"to you"))
    rig.settle()
    assert peer.received == b"to you"
    response.finish()
    response.finish()
    rig.settle()
    assert peer.eof  # half closed
    peer.send(b"still")
    assert rig.run(response.read()) == b"still"
    assert isinstance(rig.fail(response.send(b"x")), UsageError)
    peer.half_close()
    assert rig.run(response.read()) == b""
    rig.settle()
    assert connection.is_closed


def test_a_tunnel_whose_far_end_closes_first(rig: ClientRig) -> None:
    response, connection, peer = tunnel(rig)
    peer.half_close()
    assert rig.run(response.read_all(10)) == b"raw"
    rig.run(response.send(b"goodbye"))
    response.finish()
    rig.settle()
    assert peer.received == b"goodbye"
    assert connection.is_closed


def test_closing_a_tunnel(rig: ClientRig) -> None:
    response, connection, _ = tunnel(rig)
    with response:
        pass
    assert isinstance(rig.fail(response.send(b"x")), RequestError)
    rig.settle()
    assert connection.is_closed


def test_a_tunnel_whose_far_end_is_slow(rig: ClientRig) -> None:
    response, _, peer = tunnel(rig)
    peer.reading = False
    sending = rig.begin(response.send(b"x" * 3_000_000))
    assert not sending.done
    peer.close()
    sending.wait()
    assert isinstance(sending.error, RequestError)


def test_an_upgrade(rig: ClientRig) -> None:
    connection, peer = rig.pair()
    running = rig.begin(connection.request(get(b"/", (b"connection", b"upgrade"), (b"upgrade", b"echo"))))
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nhi")
    response = running.finish()
    assert (response.status, response.is_tunnel) == (101, True)
    assert rig.run(response.read()) == b"hi"


def test_there_is_no_tunnel_in_a_plain_response(rig: ClientRig) -> None:
    connection, peer = rig.pair()
    running = rig.begin(connection.request(get()))
    peer.send(OK + b"content-length: 1\r\n\r\n")
    response = running.finish()
    assert isinstance(rig.fail(response.send(b"x")), UsageError)
    response.finish()
    assert not response.is_over
