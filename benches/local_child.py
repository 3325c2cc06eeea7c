"""
A process with a local cache, for `cases/local.py`.

``watch`` reads one key again and again, and says which values it saw and when; ``listen`` reads nothing, and says for
each line it is given how many seconds of CPU it has used since the last.
"""

from __future__ import annotations

import sys
import time

from values import KEY

import hitrate

# Between two looks: much less than what is looked for, and little enough work for 16 processes.
LOOK = 0.0005


def main(what: str, url: str, prefix: str) -> None:
    cache = hitrate.Cache(url, prefix=prefix, serializer="pickle", local=True)
    cache.get(KEY)
    while not cache.stats()["local"]["feed"]["fresh"]:
        time.sleep(0.01)
    last = cache.get(KEY)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    if what == "listen":
        used = time.process_time()
        for _ in sys.stdin:
            now = time.process_time()
            sys.stdout.write(f"{now - used}\n")
            sys.stdout.flush()
            used = now
    while what == "watch":
        found = cache.get(KEY)
        if found not in (None, last):
            last = found
            sys.stdout.write(f"{found} {time.monotonic_ns()}\n")
            sys.stdout.flush()
        time.sleep(LOOK)


if __name__ == "__main__":
    main(*sys.argv[1:])
