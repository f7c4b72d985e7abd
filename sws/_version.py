# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The one place where the version stands."""

__version__ = "0.1.0"
