"""The embedded store under load: bounded in bytes for real, shared by threads, never by a forked child."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import threading
from typing import Any

import pytest

import hitrate
from tests.faults.conftest import run_python

FILL = """
import random, sys
import hitrate
BOUND = 16 << 20
cache = hitrate.Cache(f"memory://?max_bytes={BOUND}")
chance = random.Random(1)
def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096
before, number = resident(), 0
for phase in sys.argv[1].split(","):
    stored = 0
    while stored < 10 * BOUND:
        size = int(10 ** chance.uniform(1, 5.5)) if phase == "mixed" else int(phase)
        cache.execute("SET", f"key:{number}", b"v" * size)
        stored += size
        number += 1
print(resident() - before, BOUND, cache.stats()["memory"]["bytes"])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("sizes", ["100", "1000", "50000", "mixed", "300,20000,1000"])
def test_ten_times_the_bound_takes_little_more_than_the_bound(sizes: str) -> None:
    done = run_python(FILL, sizes)
    assert done.returncode == 0, done.stderr
    growth, bound, counted = map(int, done.stdout.split())
    assert counted <= bound
    assert growth <= 1.3 * bound
    assert counted >= 0.7 * growth, "what is counted is what is taken"


def test_threads_share_it_and_no_count_is_lost(seconds: float) -> None:
    cache = hitrate.Cache("memory://threads", serializer="pickle", ttl=None)
    cache.set("counter", 0)
    rounds = int(2000 * seconds)
    taken: list[str] = []

    def work(number: int) -> None:
        chance = random.Random(number)
        for _ in range(rounds):
            cache.incr("counter")
            name = f"once:{chance.randrange(rounds)}"
            if cache.add(name, number):
                taken.append(name)
            cache.get_many([name, "counter"])
            if chance.random() < 0.01:
                cache.delete_pattern("none:*")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.get("counter") == 8 * rounds
    assert len(taken) == len(set(taken)) == len(cache.keys("once:*"))


FORK = """
import os, sys, threading
import hitrate
cache = hitrate.Cache("memory://fork")
cache.set("k", "parent's")
# Locks are held all the time while it forks.
def hold():
    while True:
        cache.get_many([str(number) for number in range(500)])
        cache.delete_pattern("none*")
for _ in range(4):
    threading.Thread(target=hold, daemon=True).start()
for _ in range(30):
    child = os.fork()
    if child == 0:
        fresh = cache.get("k") is None and cache.set("k", "child's") and cache.get("k") == "child's"
        os._exit(0 if fresh else 1)
    assert os.waitpid(child, 0)[1] == 0
assert cache.get("k") == "parent's"
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_begins_with_an_empty_one_and_waits_for_nobody() -> None:
    # From 3.12 on Python warns of every fork with threads, which is what this is about.
    done = run_python(FORK, flags=("-W", "ignore:This process:DeprecationWarning"))
    assert (done.returncode, done.stderr) == (0, "")


OTHER_BOUND = """
import os
import hitrate
cache = hitrate.Cache("memory://fork?max_bytes=1000000", on_error="raise")
cache.set("k", "parent's")
child = os.fork()
if child == 0:
    # Comes before the older one has asked for its store in this process.
    other = hitrate.Cache("memory://fork?max_bytes=2000000")
    shared = cache.set("k", "child's") and other.get("k") == "child's"
    os._exit(0 if shared and cache.stats()["memory"]["max_bytes"] == 2_000_000 else 1)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_cache_of_the_parent_takes_the_store_that_the_child_has_made() -> None:
    done = run_python(OTHER_BOUND)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("verb", ["adelete_many", "adelete_pattern", "aclear"])
async def test_a_cancelled_deletion_is_made_all_the_same(verb: str) -> None:
    cache = hitrate.Cache(f"memory://cancelled-{verb}", prefix="p")
    names = [f"k{number}" for number in range(5000)]
    cache.set_many(dict.fromkeys(names, 1))
    arguments: dict[str, list[Any]] = {"adelete_many": [names], "adelete_pattern": ["k*"], "aclear": []}
    call = asyncio.ensure_future(getattr(cache, verb)(*arguments[verb]))
    await asyncio.sleep(0)
    assert not call.done(), "it takes more than one step"
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert cache.keys("*") == []


@pytest.mark.parametrize("verb", ["set", "add", "set_many", "incr", "touch", "lock"])
def test_what_does_not_fit_is_refused_like_a_full_server(verb: str, caplog: pytest.LogCaptureFixture) -> None:
    large: Any = "x" * (1 << 20)
    cache = hitrate.Cache(f"memory://full-{verb}?max_bytes=1000000")
    assert cache.set("k", 1)
    if verb == "set":
        assert not cache.set("k", large)
        assert (cache.get("k"), cache.stats()["dropped_sets"]) == (1, 1)
        assert "OOM" in caplog.text
        assert "max_bytes" in caplog.text
    elif verb == "add":
        with pytest.raises(hitrate.ServerStateError, match="max_bytes"):
            cache.add("other", large)
        with pytest.raises(hitrate.ServerStateError, match="max_bytes"):
            cache.execute("SETNX", "other", large)
    elif verb == "set_many":
        assert cache.set_many({"a": 1, "b": large, "c": 3}) == ["b"]
        assert cache.get_many(["a", "b", "c"]) == {"a": 1, "c": 3}
    else:
        # A full store makes room; only what is too large for it is refused.
        cache.set_many({f"fill:{number}": "x" * 1000 for number in range(5000)})
        cache.set("k", 1)
        assert cache.incr("k") == 2
        assert cache.touch("k", 10)
        with cache.lock("l", ttl=5):
            assert cache.stats()["memory"]["bytes"] <= 1_000_000
