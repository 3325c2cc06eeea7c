"""A reader that keeps what it read once: broken on purpose."""

from __future__ import annotations

import random
import sys
from typing import Any

import hitrate
from tests.faults.coherence.board import Shape
from tests.faults.coherence.reader import Read, main


def sticky(cache: hitrate.Cache) -> Read:
    """Read, and forget only now and then that something was read already."""
    chance, kept = random.Random(1), dict[str, Any]()

    def read(key: str) -> Any:
        if key not in kept or chance.random() < 0.001:
            kept[key] = cache.get(key)
        return kept[key]

    return read


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Shape(), sticky)
