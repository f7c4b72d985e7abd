# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What `sws info` says."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator

from sws._version import __version__
from sws.base.errors import SwsError
from sws.config.loader import find_config
from sws.config.model import NOT_BUILT
from sws.os.poller.choose import ORDER, create_poller
from sws.os.process import can_fork, cores, raise_descriptor_limit

__all__ = ["describe"]


def _pollers() -> Iterator[str]:
    for name in ORDER:
        try:
            poller = create_poller(name)
        except SwsError as error:
            yield f"{name} (no: {error})"
        else:
            poller.close()
            yield name


def describe() -> Iterator[str]:
    """Lines of "name: value"."""
    yield f"sws:            {__version__}"
    yield f"python:         {platform.python_implementation()} {platform.python_version()} ({sys.executable})"
    yield f"system:         {platform.system()} {platform.release()} {platform.machine()}"
    yield f"cores:          {cores()}"
    yield f"workers:        {'forked processes' if can_fork else 'none: this system cannot fork, one process serves'}"
    yield f"descriptors:    {raise_descriptor_limit() or 'unknown'}"
    yield f"pollers:        {', '.join(_pollers())}"
    yield f"sendfile:       {'yes' if hasattr(os, 'sendfile') else 'no, files are read and sent'}"
    yield f"configuration:  {find_config() or 'none found (./sws.yaml, /etc/sws/sws.yaml)'}"
    yield "protocols:      HTTP/1.0, HTTP/1.1"
    yield f"not built yet:  {', '.join(sorted(NOT_BUILT))}"
