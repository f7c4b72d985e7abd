# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Writes the generated pages of the documentation: `python -m docs.generate`.

configuration.rst from the configuration's dataclasses, http1.rst with the state tables drawn, tls-handshake.rst from a handshake.  They are
not committed.
"""

from __future__ import annotations

import pathlib

from docs.tls_walk import handshake_page
from sws.config.schema import reference
from sws.proto.http1.states import REQUESTER, RESPONDER

FOLDER = pathlib.Path(__file__).parent


def state_tables() -> str:
    """The page on the HTTP/1.1 engine's machines."""
    parts = [
        "HTTP/1.1 states",
        "===============",
        "",
        "The tables that run, from ``sws/proto/http1/states.py``: one machine for each speaker (RFC 9112 §9).",
        "",
    ]
    for title, table in (("Requester", REQUESTER), ("Responder", RESPONDER)):
        rows = sorted((source.name, said.name, target.name) for (source, said), target in table.rows.items())
        parts += [title, "-" * len(title), "", ".. list-table::", "   :header-rows: 1", "", "   * - in", "     - said", "     - then"]
        for source, said, target in rows:
            parts += [f"   * - {source}", f"     - {said}", f"     - {target}"]
        parts += ["", "The same as Graphviz source::", "", *("    " + line for line in table.to_dot().splitlines()), ""]
    return "\n".join(parts)


def main() -> None:
    """Write them."""
    (FOLDER / "configuration.rst").write_text(reference(), encoding="utf-8")
    (FOLDER / "http1.rst").write_text(state_tables(), encoding="utf-8")
    (FOLDER / "tls-handshake.rst").write_text(handshake_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
