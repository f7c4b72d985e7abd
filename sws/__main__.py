# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`python -m sws` is `sws`."""

from sws.cli.main import main

main()
