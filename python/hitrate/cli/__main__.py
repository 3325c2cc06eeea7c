"""``python -m hitrate.cli``: the same as the script ``hitrate``."""

from __future__ import annotations

import sys

from hitrate.cli.program import main

sys.exit(main())
