# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Load on a server, and what it makes of it: the engine room of `sws benchmark`."""
