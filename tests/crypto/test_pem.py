# SPDX-License-Identifier: Apache-2.0 OR MIT
"""PEM: RFC 7468's examples, and what its grammar forbids."""

from __future__ import annotations

import base64
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sws.base.errors import DecodeError, LimitExceeded, UsageError
from sws.crypto import pem
from sws.crypto.pem import decode_pem, encode_pem, is_pem
from tests.kit.vectors import load_vectors

BLOCK = "-----BEGIN A-----\nAQID\n-----END A-----\n"


@pytest.mark.parametrize("case", load_vectors("pem", "rfc7468", keys=("pem",)), ids=lambda case: case["id"])
def test_rfc_7468(case: dict[str, object]) -> None:
    """result: [label, octets of DER in hex], or null."""
    text = str(case["pem"])
    if case["result"] is None:
        with pytest.raises(DecodeError):
            decode_pem(text)
        return
    label, octets = case["result"]  # type: ignore[misc]
    (block,) = decode_pem(text)
    assert (block.label, block.der.hex()) == (label, octets)
    assert is_pem(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        BLOCK,
        "before\n" + BLOCK + "after",
        BLOCK.replace("\n", "\r\n"),
        BLOCK.replace("AQID", " A Q\n\tI\n\nD "),
        BLOCK.replace("A-----\nAQ", "A----- \t\nAQ"),
        BLOCK[:-1],
    ],
)
def test_forms_of_one_block(text: str) -> None:
    for given_as in (text, text.encode()):
        (block,) = decode_pem(given_as)
        assert (block.label, block.der) == ("A", b"\x01\x02\x03")
    assert block.offset == text.index("-----BEGIN")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BLOCK.replace("END A", "END B"), "no END line of the same label"),
        (BLOCK.replace("END A-----", "END A"), "no END line"),
        ("-----BEGIN A-----\nAQID\n", "no END line"),
        (BLOCK.replace("AQID", "Proc-Type: 4,ENCRYPTED\n\nAQID"), "headers"),
        (BLOCK.replace("AQID", "AQI"), "not base64"),
        (BLOCK.replace("AQID", "AQI=ID=="), "not base64"),
        (BLOCK.replace("AQID", "AQ_-"), "not base64"),
        (BLOCK.replace("AQID", "AQID===="), "base64"),
        (BLOCK.replace("AQID", "AQ===" + "="), "not base64"),
        (BLOCK.replace("AQID", "AQJ="), "unused bits"),
    ],
)
def test_blocks_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        decode_pem(text)


@pytest.mark.parametrize(
    "text", ["", "x", "-----BEGIN A----", "-----BEGIN -----\n", "-----BEGIN A------\n", " -----BEGIN A-----\n", "-----BEGIN A-----x\n"]
)
def test_what_is_no_block(text: str) -> None:
    assert decode_pem(text) == []
    assert not is_pem(text.encode())


def test_der_is_not_pem() -> None:
    assert not is_pem(b"\x30" + BLOCK.encode())


def test_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pem, "MAX_OCTETS", len(BLOCK))
    assert len(decode_pem(BLOCK)) == 1
    with pytest.raises(LimitExceeded, match="octets of PEM"):
        decode_pem(BLOCK + "x")


@pytest.mark.parametrize("label", ["", "-A", "A-", "A--B", "A  B", "É", "A\n", " A"])
def test_labels_that_are_refused(label: str) -> None:
    with pytest.raises(UsageError, match="PEM label"):
        encode_pem(label, b"")


@given(st.lists(st.tuples(st.sampled_from(["A", "X509 CRL", "A-B"]), st.binary(max_size=200)), max_size=4))
def test_there_and_back(blocks: list[tuple[str, bytes]]) -> None:
    text = "".join(encode_pem(label, der) + "text\n" for label, der in blocks)
    assert [(block.label, block.der) for block in decode_pem(text)] == blocks


@given(st.binary(max_size=300))
def test_what_is_written_is_the_strict_form(der: bytes) -> None:
    """RFC 7468 §3: 64 characters a line, as another implementation of base64 has them."""
    lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
    assert encode_pem("A", der) == "\n".join(["-----BEGIN A-----", *lines, "-----END A-----", ""])
