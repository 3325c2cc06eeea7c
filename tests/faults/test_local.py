"""The local cache in processes that stand still, fork, fill up and end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

import hitrate
from hitrate.testing import Server, free_port
from tests.faults.conftest import ROOT, MakeCache, frozen, run_python, until
from tests.faults.proxy import Proxy, healthy, proxy_to, swallow

MEBIBYTE = 1 << 20
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="signals and forks")

LISTENING = """
import sys, time
import hitrate
cache = hitrate.Cache(sys.argv[1], prefix="p", local=True)
cache.get("k")
while not cache.stats()["local"]["feed"]["fresh"]:
    time.sleep(0.01)
print("ready", flush=True)
time.sleep(600)
"""


@contextmanager
def listening(server: Server) -> Iterator[subprocess.Popen[str]]:
    """A process whose local cache listens."""
    command = [sys.executable, "-c", LISTENING, server.url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def test_a_stopped_process_does_not_grow_the_servers_memory(start_server: Callable[..., Server]) -> None:
    server = start_server()
    server.execute("CONFIG", "SET", "client-output-buffer-limit", "pubsub 4mb 2mb 5")
    before = int(server.info("memory")["used_memory"])
    with listening(server) as process:
        os.kill(process.pid, signal.SIGSTOP)
        # A name of 100 bytes each: 40 MB of news, most of which fits into no socket.
        for number in range(40):
            script = "for i = 1, 10000 do redis.call('SET', KEYS[1] .. i, 1) redis.call('DEL', KEYS[1] .. i) end"
            server.execute("EVAL", script, 1, f"p:{number}:" + "x" * 90, timeout=30)
        until(lambda: not server.execute("CLIENT", "LIST", "TYPE", "pubsub"), "the server lets go of it")
        assert int(server.info("memory")["used_memory"]) - before < 16 * MEBIBYTE
        os.kill(process.pid, signal.SIGCONT)
        until(lambda: server.execute("CLIENT", "LIST", "TYPE", "pubsub"), "it listens again")


GROW = """
import gc, sys
import hitrate
bound = 32 << 20
local = hitrate.Local(max_bytes=bound, max_staleness=3600)
cache = hitrate.Cache(sys.argv[1], prefix="p", serializer="pickle", local=local)

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

def value(number):
    return {"id": number, "name": f"name {number}", "rows": [{"n": n, "text": f"text {number} {n}"} for n in range(20)]}

written = 0
def rounds(count):
    global written
    for _ in range(count):
        values = {f"k{number}": value(number) for number in range(written, written + 500)}
        cache.set_many(values)
        for key in values:
            cache.get(key)
        cache.get_many(values)
        written += 500

rounds(1)
before = resident()
while cache.stats()["local"]["bytes"] + cache.stats()["local"]["evicted"] * 5000 < 10 * bound:
    rounds(1)
figures = cache.stats()["local"]
assert figures["bytes"] > 0.8 * bound, figures
assert figures["evicted"] > 3 * figures["entries"], figures
print((resident() - before) / bound)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux for the memory of a process")
def test_ten_times_more_data_than_fits_grows_the_process_by_little_more_than_the_bound(own_server: Server) -> None:
    done = run_python(GROW, own_server.url)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) <= 1.3, done.stdout


# Lists of small dicts, which the cache keeps as copies; and texts whose UTF-8 drivers and encoders make beside them.
KEEP = """
import ctypes, gc, sys
import hitrate
bound = 24 << 20
cache = hitrate.Cache(sys.argv[1], prefix="p", local=hitrate.Local(max_bytes=bound, max_staleness=3600))
as_utf8 = ctypes.pythonapi.PyUnicode_AsUTF8
as_utf8.argtypes, as_utf8.restype = [ctypes.py_object], ctypes.c_char_p

def rows(number):
    return [{"id": number, "active": True, "parent": None, "on": False, "x": None, "y": True} for _ in range(60)]

def texts(number):
    return [letter * length + str(number) for letter in ("\xe9", "\u0436", "\U0001f40e") for length in (40, 400, 1000)]

made = {"rows": rows, "texts": texts}[sys.argv[2]]

@hitrate.cached(cache, ttl=3600)
def load(number: int):
    return made(number)

def read(number):
    value = load(number) if sys.argv[3] == "cached" else cache.get(f"k{number}")
    for text in value:
        if type(text) is str:
            as_utf8(text)

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

count = 6000
for number in range(count):
    load(number) if sys.argv[3] == "cached" else cache.set(f"k{number}", made(number))
before = resident()
for number in range(count):
    read(number)
figures = cache.stats()["local"]
assert figures["bytes"] > 0.8 * bound, figures
assert figures["evicted"] > figures["entries"], figures
print((resident() - before) / bound)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux for the memory of a process")
@pytest.mark.parametrize("how", ["cached", "got"])
@pytest.mark.parametrize("what", ["rows", "texts"])
def test_what_is_kept_is_held_once_and_weighed_whole(what: str, how: str, own_server: Server) -> None:
    done = run_python(KEEP, own_server.url, what, how)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) <= 1.3, done.stdout


FORK = """
import os, sys, time
import hitrate
cache = hitrate.Cache(sys.argv[1], prefix="p", local=hitrate.Local(max_staleness=3600))
def listen():
    cache.get("k")
    while not cache.stats()["local"]["feed"]["fresh"]:
        time.sleep(0.01)
cache.set("k", 1)
listen()
assert (cache.get("k"), cache.get("k")) == (1, 1)
child = os.fork()
if child == 0:
    fresh = cache.stats()["local"]["entries"] == 0 and cache.get("k") == 1
    listen()
    os._exit(0 if fresh and cache.get("k") == 1 and cache.stats()["local"]["hits"] else 1)
assert os.waitpid(child, 0)[1] == 0
before = cache.stats()["local"]["hits"]
assert cache.get("k") == 1 and cache.stats()["local"]["hits"] == before + 1
assert cache.stats()["local"]["resets"]["connection"] == 0
"""


def test_a_forked_child_begins_with_an_empty_one_and_the_parent_goes_on(own_server: Server) -> None:
    done = run_python(FORK, own_server.url, flags=("-W", "ignore:This process:DeprecationWarning"))
    assert (done.returncode, done.stderr) == (0, "")


END = """
import sys, time
import hitrate
cache = hitrate.Cache(sys.argv[1], prefix="p", serializer="pickle", local=True)
cache.set_many({str(number): [{"n": number}] for number in range(1000)})
cache.get_many([str(number) for number in range(1000)])
if sys.argv[2] == "deleted":
    del cache
"""


@pytest.mark.parametrize("how", ["held", "deleted"])
def test_a_process_ends_with_one_as_without(own_server: Server, how: str) -> None:
    done = run_python(END, own_server.url, how)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_hung_server_is_heard_again_without_a_new_connection(own_server: Server, missing_cache: MakeCache) -> None:
    cache = missing_cache(local=hitrate.Local(max_staleness=0.5))
    cache.set("k", 1)
    cache.get("k")
    until(lambda: cache.stats()["local"]["feed"]["fresh"], "the feed has begun")
    with frozen(own_server):
        until(lambda: not cache.stats()["local"]["feed"]["fresh"], "the feed is not trusted any more")
    until(lambda: cache.stats()["local"]["feed"]["fresh"], "it is trusted again")
    assert cache.stats()["local"]["resets"]["connection"] == 0


def test_a_network_that_swallows_everything_ends_the_feed(proxy: Proxy, missing_cache: MakeCache) -> None:
    cache = missing_cache(proxy.url, timeout=0.1, local=hitrate.Local(max_staleness=0.2))
    cache.set("k", 1)
    cache.get("k")
    until(lambda: cache.stats()["local"]["feed"]["fresh"], "the feed has begun")
    proxy.fault = swallow
    until(lambda: cache.stats()["local"]["resets"]["silence"] >= 1, "nothing was heard for long")
    proxy.fault = healthy
    until(lambda: cache.stats()["local"]["feed"]["fresh"], "there is another feed")


def test_a_flood_of_writes_is_not_listened_to(own_server: Server, missing_cache: MakeCache) -> None:
    cache = missing_cache(local=hitrate.Local(max_staleness=0.2))
    cache.get("k")
    until(lambda: cache.stats()["local"]["feed"]["fresh"], "the feed has begun")
    script = "for i = 1, 30000 do redis.call('SET', KEYS[1] .. i, 1) end"
    own_server.execute("EVAL", script, 1, cache.make_key("flood"), timeout=30)
    until(lambda: cache.stats()["local"]["resets"]["flood"] == 1, "it is a flood")
    assert "more keys are written" in cache.stats()["local"]["feed"]["lost"]
    # A copy lives as long as it may without the server's word.
    cache.set("k", 1)
    before = cache.stats()["local"]["hits"]
    assert [cache.get("k") for _ in range(3)] == [1, 1, 1]
    assert cache.stats()["local"]["hits"] >= before


@pytest.mark.parametrize("verb", ["sync", "async"])
def test_a_name_that_leads_elsewhere_ends_the_trust_in_the_feed(start_server: Callable[..., Server], verb: str) -> None:
    """As after a failover: the listener is with the old server, and new connections with another."""
    old, new = start_server(), start_server()
    with proxy_to(old.url) as before:
        # The name has two addresses, of which the second is tried when the first refuses.
        url = f"redis://localhost:{before.port}"
        cache = hitrate.Cache(url, prefix="p", local=hitrate.Local(max_staleness=0.3))
        cache.get("k")
        until(lambda: cache.stats()["local"]["feed"]["fresh"], "the feed has begun")
        before.refuse()
        with proxy_to(new.url, place=("::1", before.port)) as after:
            until(lambda: open_another(cache, verb) and after.connections > 0, "a connection leads elsewhere")
            until(lambda: cache.stats()["local"]["resets"]["failover"] == 1, "it is noticed")
            assert not cache.stats()["local"]["feed"]["fresh"]
            cache.close()


def open_another(cache: hitrate.Cache, verb: str) -> bool:
    """Read by so many at once that the open connections are too few."""
    keys = [f"other{number}" for number in range(16)]
    if verb == "async":

        async def read() -> None:
            await asyncio.gather(*map(cache.aget, keys))

        asyncio.run(read())
    else:
        with ThreadPoolExecutor(len(keys)) as pool:
            list(pool.map(cache.get, keys))
    return True


def test_a_server_that_became_a_replica_is_not_trusted(own_server: Server, missing_cache: MakeCache) -> None:
    cache = missing_cache(local=hitrate.Local(max_staleness=3600))
    cache.set("k", 1)
    cache.get("k")
    until(lambda: cache.stats()["local"]["feed"]["fresh"], "the feed has begun")
    assert (cache.get("k"), cache.get("k")) == (1, 1)
    # Of a primary that does not answer: the data stays.
    own_server.execute("REPLICAOF", "127.0.0.1", free_port())
    assert not cache.set("other", 1)
    until(lambda: cache.stats()["local"]["resets"]["failover"] == 1, "it is noticed")
    found = cache.stats()["local"]
    assert (found["entries"], found["feed"]["fresh"]) == (0, False)
