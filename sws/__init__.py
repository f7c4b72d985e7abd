# SPDX-License-Identifier: Apache-2.0 OR MIT
"""sws, the Selenia Web Server: a complete web server in readable Python.

Where to start reading: `docs/` has the picture; bytes enter at `sws.os.loop`, climb through `sws.net.driver` into the engines
under `sws.proto`, become an `sws.exchange.Exchange`, and are answered by `sws.handlers`.
"""

from sws._version import __version__

__all__ = ["__version__"]
