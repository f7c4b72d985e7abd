# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Writes the generated pages of the documentation: `python -m docs.generate`.

configuration.rst from the configuration's dataclasses, http1.rst and http2-states.rst with the state tables drawn, tls-handshake.rst from a
handshake.  They are not committed.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

from docs.tls_walk import handshake_page
from sws.base.fsm import TransitionTable
from sws.config.schema import reference
from sws.proto.h2.states import CONNECTION, INTAKE, MESSAGE, STREAM
from sws.proto.http1.states import REQUESTER, RESPONDER

FOLDER = pathlib.Path(__file__).parent


def state_tables(heading: str, about: str, tables: Mapping[str, TransitionTable[Any, Any]]) -> str:
    """A page on an engine's machines."""
    parts = [heading, "=" * len(heading), "", about, ""]
    for title, table in tables.items():
        rows = sorted((source.name, said.name, target.name) for (source, said), target in table.rows.items())
        parts += [title, "-" * len(title), "", ".. list-table::", "   :header-rows: 1", "", "   * - in", "     - said", "     - then"]
        for source, said, target in rows:
            parts += [f"   * - {source}", f"     - {said}", f"     - {target}"]
        parts += ["", "The same as Graphviz source::", "", *("    " + line for line in table.to_dot().splitlines()), ""]
    return "\n".join(parts)


def main() -> None:
    """Write them."""
    (FOLDER / "configuration.rst").write_text(reference(), encoding="utf-8")
    http1 = "The tables that run, from ``sws/proto/http1/states.py``: one machine for each speaker (RFC 9112 §9)."
    page = state_tables("HTTP/1.1 states", http1, {"Requester": REQUESTER, "Responder": RESPONDER})
    (FOLDER / "http1.rst").write_text(page, encoding="utf-8")
    http2 = "The tables that run, from ``sws/proto/h2/states.py`` (RFC 9113 §5.1, §6.8, §8.1)."
    machines = {"Stream": STREAM, "Our message": MESSAGE, "The peer's content": INTAKE, "Connection": CONNECTION}
    (FOLDER / "http2-states.rst").write_text(state_tables("HTTP/2 states", http2, machines), encoding="utf-8")
    (FOLDER / "tls-handshake.rst").write_text(handshake_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
