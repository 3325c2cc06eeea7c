from __future__ import annotations

from . import test_rolled_back
