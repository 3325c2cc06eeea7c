"""The end of an interpreter: prompt, without a crash and without a word, whatever is under way."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from hitrate.testing import Server
from tests.faults.conftest import frozen, run_python

PREPARE = """
import asyncio, atexit, gc, sys, threading, time
import hitrate
cache = hitrate.Cache(sys.argv[1], timeout=600, bulk_timeout=600)
quick = hitrate.Cache(sys.argv[1], timeout=0.1)
def blocked(target, count=1):
    threads = [threading.Thread(target=target, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    while cache.stats()["pool"]["in_use"] + cache.stats()["pool"]["waiting"] < count:
        time.sleep(0.01)
"""
# An object that is torn down after finalization has begun, and lets daemon threads meet an interpreter that is ending.
LINGER = """
class Linger:
    def __del__(self, sleep=time.sleep):
        sleep(1.0)
sys.modules["__main__"].linger = Linger()
"""
PROGRAMS = {
    "nothing-used": "",
    "used": 'cache.set("k", 1)',
    "closed": 'cache.set("k", 1); cache.close()',
    "breaker-open-and-recovery-running": """
quick.get("k")
assert quick.stats()["breaker"]["state"] == "open"
""",
    "deletions-in-the-journal": """
quick.delete("k"); quick.delete_pattern("*")
assert quick.stats()["breaker"]["journal"] == 2
""",
    "daemon-threads-waiting-for-a-reply": 'blocked(lambda: cache.get("k"), 8)',
    "daemon-threads-waiting-while-the-interpreter-ends": LINGER + 'blocked(lambda: cache.get("k"), 8)',
    "daemon-threads-calling-while-the-interpreter-ends": LINGER
    + """
def call():
    while True:
        quick.get("k"); quick.delete("k"); quick.stats()
for _ in range(4):
    threading.Thread(target=call, daemon=True).start()
time.sleep(0.5)
""",
    # The interpreter ends these threads inside Python code that native code has called.
    "daemon-threads-pickling-while-the-interpreter-ends": LINGER
    + """
quick = hitrate.Cache(sys.argv[1], timeout=0.1, serializer="pickle")
class Slow:
    def __getstate__(self):
        for _ in range(10_000): pass
        return {}
def call():
    while True:
        quick.set("k", Slow())
for _ in range(4):
    threading.Thread(target=call, daemon=True).start()
time.sleep(0.5)
""",
    "daemon-threads-making-keys-while-the-interpreter-ends": LINGER
    + """
def slow(*args):
    for _ in range(10_000): pass
    return "k"
class Slow:
    __str__ = slow
quick = hitrate.Cache(sys.argv[1], timeout=0.1, key_function=slow)
def call():
    while True:
        quick.get("k"); quick.get("k", version=Slow()); quick.get_many(slow() for _ in range(2))
for _ in range(4):
    threading.Thread(target=call, daemon=True).start()
time.sleep(0.5)
""",
    "daemon-threads-waiting-for-a-slot": """
cache = hitrate.Cache(sys.argv[1], timeout=600, max_connections=1)
blocked(lambda: cache.get("k"), 4)
""",
    "daemon-threads-waiting-for-a-slot-while-the-interpreter-ends": LINGER
    + """
cache = hitrate.Cache(sys.argv[1], timeout=600, max_connections=1)
blocked(lambda: cache.get("k"), 4)
""",
    "daemon-loop-waiting": """
threading.Thread(target=lambda: asyncio.run(cache.aget("k")), daemon=True).start()
time.sleep(0.3)
""",
    "call-from-atexit": """
@atexit.register
def late():
    assert quick.get("k") is None
    quick.delete("k")
""",
    "call-from-a-finalizer": """
class Late:
    def __del__(self, cache=quick):
        assert cache.get("k") is None
sys.modules["__main__"].late = Late()
""",
    "cache-in-a-cycle": """
class Node: pass
node = Node(); node.me = node; node.cache = quick; node.cache.get("k")
""",
    "probe-of-an-async-call-under-way": """
asyncio.run(quick.aget("k"))
""",
    "sys.exit": "quick.get('k'); sys.exit(0)",
}
FLAGS = [("-X", "dev", "-W", "error"), ()]


@pytest.mark.parametrize("flags", FLAGS, ids=["dev-mode", "plain"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_process_ends_promptly_and_in_silence(own_server: Server, program: str, flags: tuple[str, ...]) -> None:
    with nullcontext() if program in {"used", "closed"} else frozen(own_server):
        # `run_python` ends what does not end by itself long before these caches' deadline of ten minutes.
        done = run_python(PREPARE + PROGRAMS[program], own_server.url, flags=flags)
    assert (done.returncode, done.stdout, without_log_lines(done.stderr)) == (0, "", "")


def without_log_lines(text: str) -> str:
    """Python prints the log lines of programs that configure no logging."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("cache server "))
