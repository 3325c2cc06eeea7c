"""
GET hits of one contender in a process of its own, for those who count from outside.

``footprint_child.py CONTENDER URL PREFIX GETS`` prints how many allocations of the C library one GET cost, if
``tools/count_allocations.rs`` is preloaded, and nothing otherwise.
"""

from __future__ import annotations

import ctypes
import sys

from peers import PEERS, configure_django
from values import KEY, TTL, product

WARM = 200


def main() -> None:
    contender, url, prefix, gets = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    configure_django()
    client = PEERS[contender].open(url, prefix)
    client.set(KEY, product(), TTL)
    for _ in range(WARM):
        client.get(KEY)
    allocations = getattr(ctypes.CDLL(None), "allocations", None)
    before = allocations() if allocations else 0
    for _ in range(gets):
        if client.get(KEY) is None:
            raise SystemExit("a hit was missed")
    if allocations:
        print((allocations() - before) / gets)


if __name__ == "__main__":
    main()
