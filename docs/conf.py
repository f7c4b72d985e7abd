# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Sphinx configuration."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from sws import __version__

project = "sws"
author = "the sws authors"
copyright = "2026, the sws authors"
version = release = __version__
extensions = ["sphinx.ext.autodoc"]
exclude_patterns = ["_build", "adr/*.md", "crypto/_*.txt"]
html_theme = "furo"
html_title = f"sws {__version__}"
nitpicky = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
