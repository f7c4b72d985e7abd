# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The page on a handshake comes from a run, is always the same, and leaves no octet out."""

from __future__ import annotations

import re

from docs.tls_walk import _message_fields, handshake_page, walk


def test_the_page_is_the_same_every_time_and_whole() -> None:
    page = handshake_page()
    assert page == handshake_page()
    titles = re.findall(r"^(client|server): (.*)$", page, re.MULTILINE)
    assert titles[:3] == [("client", "client_hello"), ("server", "server_hello"), ("server", "change_cipher_spec")]
    assert ("server", "encrypted_extensions, compressed_certificate, certificate_verify, finished") in titles
    assert ("server", "new_session_ticket") in titles
    assert titles[-2:] == [("client", "alert"), ("server", "alert")]


def test_the_fields_of_a_message_are_all_of_it() -> None:
    for _who, record in walk().records[:2]:
        text = record[5:]
        assert b"".join(octets for octets, _ in _message_fields(text)) == text
