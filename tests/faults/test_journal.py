"""Deletions made while the server is away: written down, and made up for before this process reads again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

import hitrate
from hitrate.exceptions import ServerError
from hitrate.invalidation import postpone
from hitrate.testing import Server, free_port
from tests.faults.conftest import MakeCache, frozen, until, until_healed
from tests.faults.proxy import Proxy, delay, healthy, swallow
from tests.integration.conftest import Verbs

AsVerbs = Callable[[hitrate.Cache], Verbs]
KEYS = [f"k{number}" for number in range(20)]

DELETIONS: dict[str, list[tuple[str, tuple[Any, ...]]]] = {
    "delete": [("delete", (key,)) for key in KEYS],
    "delete_many": [("delete_many", (KEYS,))],
    "delete_pattern": [("delete_pattern", ("k*",))],
    "clear": [("clear", ())],
    "set-with-no-ttl-left": [("set", (key, 1, 0)) for key in KEYS],
}


class Readers:
    """Threads that read keys all the time within the `with` block, and remember what they found."""

    def __init__(self, cache: hitrate.Cache, keys: list[str]) -> None:
        self._cache = cache
        self._keys = keys
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._read) for _ in range(4)]
        self.deleted = threading.Event()
        self.before: list[Any] = []
        self.after: list[Any] = []
        """Found by reads that began when `deleted` was set already."""

    def _read(self) -> None:
        while not self._ended.is_set():
            for key in self._keys:
                found = self.after if self.deleted.is_set() else self.before
                if (value := self._cache.get(key)) is not None:
                    found.append((key, value))

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()


def until_read(readers: Readers) -> None:
    until(lambda: readers.before, "somebody reads")


def until_tried(proxy: Proxy) -> None:
    connections = proxy.connections
    proxy.accept()
    until(lambda: proxy.connections > connections, "it tries")


@pytest.mark.parametrize("deletion", list(DELETIONS))
async def test_a_key_deleted_while_the_server_was_away_is_never_read_again(
    own_server: Server, proxy: Proxy, missing_cache: MakeCache, as_verbs: AsVerbs, deletion: str
) -> None:
    cache = missing_cache(proxy.url, timeout=5)
    verbs, witness = as_verbs(cache), missing_cache(own_server.url, timeout=60)
    await verbs.set_many(dict.fromkeys(KEYS, "old"))
    proxy.refuse()
    proxy.cut()
    for verb, args in DELETIONS[deletion]:
        await getattr(verbs, verb)(*args)
    assert cache.stats()["breaker"]["journal"] > 0
    assert witness.get_many(KEYS) == dict.fromkeys(KEYS, "old")  # still there, for everybody else
    with (readers := Readers(cache, KEYS)):
        readers.deleted.set()
        proxy.fault = delay(0.05)  # makes the replay last
        proxy.accept()
        until_healed(cache)
        assert witness.get_many(KEYS) == {}
        proxy.fault = healthy
        await verbs.set("other", "new")
        until(lambda: cache.get("other") == "new", "hits are back")
    assert readers.after == []
    breaker = cache.stats()["breaker"]
    assert breaker["journal"] == 0
    assert breaker["replayed"] >= len(DELETIONS[deletion])


async def test_forgetting_keys_and_patterns_waits_once_for_a_hung_server(
    own_server: Server, proxy: Proxy, missing_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    cache = missing_cache(proxy.url, timeout=1)
    verbs, witness = as_verbs(cache), missing_cache(own_server.url, timeout=60)
    await verbs.set_many(dict.fromkeys(KEYS, "old"))
    proxy.fault = swallow
    assert await verbs.invalidate("k1*", keys=["k2"]) is None
    assert cache.stats()["timeouts"] == 1
    assert await verbs.get("k2") is None
    proxy.fault = healthy
    until_healed(cache)
    left = {key: "old" for key in KEYS if key != "k2" and not key.startswith("k1")}
    assert witness.get_many(KEYS) == left


async def test_what_is_forgotten_later_is_a_miss_at_once_and_gone_when_the_server_answers(
    own_server: Server, missing_cache: MakeCache
) -> None:
    cache, witness = missing_cache(timeout=60), missing_cache(own_server.url, timeout=60)
    cache.set_many(dict.fromkeys(KEYS, "old"))
    with frozen(own_server):
        postpone(cache, ["k1*", "k2"])
        assert [cache.get(key) for key in ("k1", "k19", "k2")] == [None] * 3
        assert cache.stats()["timeouts"] == 0
    until_healed(cache)
    assert set(witness.get_many(KEYS)) == {key for key in KEYS if key != "k2" and not key.startswith("k1")}


async def test_a_key_deleted_while_the_server_was_stopped_is_never_read_again(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    cache = missing_cache(timeout=0.3)
    verbs = as_verbs(cache)
    for _ in range(5):
        # A PING of the round before that was late may open the breaker once more, on a busy machine, and drop this.
        while await verbs.set_many(dict.fromkeys(KEYS, "old")):
            until_healed(cache)
        with (readers := Readers(cache, KEYS[:10])):
            until_read(readers)
            with frozen(own_server):
                for key in KEYS[:10]:
                    await verbs.delete(key)
                readers.deleted.set()
            until_healed(cache)
            assert await verbs.get_many(KEYS) == dict.fromkeys(KEYS[10:], "old")
        assert readers.after == []


async def test_a_deletion_whose_replay_fails_is_replayed_again(
    own_server: Server, proxy: Proxy, missing_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    cache = missing_cache(proxy.url, timeout=5)
    verbs = as_verbs(cache)
    await verbs.set_many(dict.fromkeys(KEYS, "old"))
    proxy.refuse()
    proxy.cut()
    await verbs.delete_many(KEYS)
    with (readers := Readers(cache, KEYS)):
        readers.deleted.set()
        for _ in range(5):
            until_tried(proxy)
            proxy.refuse()
            proxy.cut()
        proxy.fault = swallow
        until_tried(proxy)
        proxy.fault = healthy
        until_healed(cache)
    assert readers.after == []
    assert await verbs.get_many(KEYS) == {}


def refused(server: Server) -> int:
    """How often the server has refused to write for lack of replicas."""
    return int(server.info("errorstats").get("errorstat_NOREPLICAS", "count=0").removeprefix("count="))


@pytest.mark.parametrize("verb", ["set", "set_many"])
async def test_a_new_value_settles_a_deletion_that_waits(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs, verb: str
) -> None:
    cache = missing_cache(timeout=60)
    verbs = as_verbs(cache)
    kept = []
    for _ in range(5):
        await verbs.set("k", "old")
        own_server.execute("CONFIG", "SET", "min-replicas-to-write", "1")
        assert await verbs.delete("k") is False
        own_server.execute("CONFIG", "RESETSTAT")
        until(lambda: refused(own_server) > 0, "a replay was refused")
        own_server.execute("CONFIG", "SET", "min-replicas-to-write", "0")
        await (verbs.set_many({"k": "new"}) if verb == "set_many" else verbs.set("k", "new"))
        kept.append(await verbs.get("k"))
        until_healed(cache)
        kept.append(await verbs.get("k"))
    # A replay that is under way at that very moment may still delete it.
    assert kept.count("new") >= 5, kept


@pytest.mark.parametrize("critical", ["session:", "we[i]rd*\\?:"])
@pytest.mark.parametrize("layout", ["plain", "django"])
async def test_an_overflowing_journal_clears_this_cache_but_its_critical_keys(
    own_server: Server,
    prefix: str,
    missing_cache: MakeCache,
    as_verbs: AsVerbs,
    layout: str,
    critical: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cache = missing_cache(timeout=0.3, layout=layout, journal_max_keys=10, critical=[critical])
    verbs = as_verbs(cache)
    versions = [1, 2] if layout == "django" else [None]
    spared = [f"{critical}{number}" for number in range(3)]
    for version in versions:
        await verbs.set_many(dict.fromkeys([*KEYS, *spared], "old"), 1000, version)
    own_server.execute("SET", f"{prefix}ing:1", "foreign")
    with frozen(own_server):
        for key in KEYS[:16]:
            await verbs.delete(key)
        # Fewer are remembered by name than were deleted.
        assert cache.stats()["breaker"]["journal"] < 16
    until_healed(cache)
    for version in versions:
        assert await verbs.get_many([*KEYS, *spared], version) == dict.fromkeys(spared, "old"), version
    assert own_server.execute("GET", f"{prefix}ing:1") == b"foreign"
    assert sum("too many deletions" in record.message for record in caplog.records) == 1


@pytest.mark.parametrize(("layout", "neighbour"), [("django", "eu"), ("django", "1"), ("plain", "eu")])
async def test_an_overflow_and_a_replayed_clear_spare_what_is_another_cache_s(
    own_server: Server, prefix: str, missing_cache: MakeCache, as_verbs: AsVerbs, layout: str, neighbour: str
) -> None:
    options = {"timeout": 0.3, "layout": layout, "critical": ["session:"]}
    other = as_verbs(missing_cache(prefix=f"{prefix}:{neighbour}", **options))
    verbs = as_verbs(cache := missing_cache(journal_max_keys=10, **options))
    for each in (verbs, other):
        await each.set_many(dict.fromkeys([*KEYS, "session:1"], "old"))
    with frozen(own_server):
        for key in KEYS[:16]:
            await verbs.delete(key)
    until_healed(cache)
    assert await verbs.get_many([*KEYS, "session:1"]) == {"session:1": "old"}
    assert await other.get("session:1") == "old"
    is_told_apart = (layout, neighbour) == ("django", "eu")
    assert len(await other.get_many(KEYS)) == (len(KEYS) if is_told_apart else 0)
    if is_told_apart:
        with frozen(own_server):
            assert await verbs.clear() is None
        until_healed(cache)
        assert await verbs.get("session:1") is None
        assert len(await other.get_many([*KEYS, "session:1"])) == len(KEYS) + 1


async def test_an_overflow_does_not_lose_the_deletion_of_a_critical_key(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    cache = missing_cache(timeout=0.3, journal_max_keys=10, critical=["session:"])
    verbs = as_verbs(cache)
    await verbs.set_many(dict.fromkeys([*KEYS, "session:out", "session:in"], "old"))
    with frozen(own_server):
        with pytest.raises(ServerError):
            await verbs.delete("session:out")
        for key in KEYS[:16]:
            await verbs.delete(key)
    until_healed(cache)
    # Who logged out stays logged out.
    assert await verbs.get_many([*KEYS, "session:out", "session:in"]) == {"session:in": "old"}


async def test_a_replayed_pattern_spares_what_a_pattern_spares(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    verbs = as_verbs(cache := missing_cache(timeout=0.3, critical=["session:"]))
    await verbs.set_many(dict.fromkeys(["session:1", "session:2", "k1"], "old"))
    with frozen(own_server):
        assert await verbs.invalidate(["*", "session:2*"]) is None
    until_healed(cache)
    assert await verbs.get_many(["session:1", "session:2", "k1"]) == {"session:1": "old"}


async def test_a_replayed_clear_clears_what_clear_clears(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    verbs = as_verbs(cache := missing_cache(timeout=0.3, critical=["session:"]))
    values = dict.fromkeys(["session:1", "k1"], "old")
    await verbs.set_many(values)
    assert await verbs.clear() == 2
    await verbs.set_many(values)
    with frozen(own_server):
        assert await verbs.clear() is None
    until_healed(cache)
    assert await verbs.get_many(list(values)) == {}


async def test_a_pattern_that_takes_longer_than_the_bulk_deadline_is_replayed_in_the_end(
    own_server: Server, proxy: Proxy, missing_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    cache = missing_cache(proxy.url, timeout=1, bulk_timeout=1)
    verbs = as_verbs(cache)
    # 40 pages of SCAN, 50 ms each: two bulk deadlines.
    own_server.execute("EVAL", "for i = 1, 40000 do redis.call('SET', 'filler' .. i, '') end", 0)
    await verbs.set("k", "old")
    proxy.refuse()
    proxy.cut()
    await verbs.delete_pattern("k*")
    proxy.fault = delay(0.05)
    proxy.accept()
    until_healed(cache)
    assert await verbs.get("k") is None


@pytest.mark.parametrize("write", ["add", "lock", "incr"])
async def test_a_deletion_that_is_made_up_for_late_does_not_undo_an_exact_write_after_it(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs, write: str
) -> None:
    cache = missing_cache(timeout=60)
    verbs = as_verbs(cache)
    await verbs.get("k")
    own_server.execute("REPLICAOF", "127.0.0.1", str(free_port()))
    await verbs.delete("k")  # a replica refuses: written down
    own_server.execute("REPLICAOF", "NO", "ONE")
    try:
        if write == "lock":
            done = await verbs.lock("k", ttl=100).acquire(blocking=False)
        else:
            done = await verbs.add("k", 1)
        if write == "incr":
            await verbs.incr("k")
    except ServerError:
        done = False  # the honest answer, as long as the server still has to be told
    until_healed(cache)
    assert await verbs.has("k") is done


@pytest.mark.parametrize("threads", [1, 8])
def test_each_change_of_state_is_one_log_line_without_the_password(
    start_server: Callable[..., Server], make_cache: MakeCache, caplog: pytest.LogCaptureFixture, threads: int
) -> None:
    server = start_server(password="s3cret-Pa55")
    cache = make_cache(server.url, on_error="miss", timeout=0.2)
    caplog.set_level(logging.DEBUG)
    ended = threading.Event()

    def call() -> None:
        while not ended.is_set():
            cache.get("k")
            cache.set("k", 1)
            cache.delete("k")

    callers = [threading.Thread(target=call) for _ in range(threads)]
    for caller in callers:
        caller.start()
    try:
        for cycle in range(1, 4):
            with frozen(server):
                until_opened(cache, cycle)
                # A deletion that was on its way is a failure of its own; let it fail now.
                until(lambda: cache.stats()["pool"]["in_use"] == 0, "nobody waits for the server")
            until_healed(cache)
            until_more_sets(cache)
    finally:
        ended.set()
        for caller in callers:
            caller.join()
    cache.stats()
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("hitrate")]
    kinds = ["away" if " is away " in line else "back" if " is back " in line else line for line in lines]
    assert kinds == ["away", "back"] * 3
    assert "s3cret" not in caplog.text
    assert "s3cret" not in repr(cache)


def until_opened(cache: hitrate.Cache, times: int) -> None:
    until(lambda: cache.stats()["breaker"]["opened"] == times, "the breaker opens")


def until_more_sets(cache: hitrate.Cache) -> None:
    sets = cache.stats()["sets"]
    until(lambda: cache.stats()["sets"] > sets, "sets are served")


def test_no_error_shows_the_password(start_server: Callable[..., Server], make_cache: MakeCache) -> None:
    server = start_server(password="s3cret-Pa55")
    wrong = make_cache(server.url.replace("Pa55", "wrong"), timeout=0.2)
    right = make_cache(server.url, timeout=0.2)
    texts = errors_of(wrong)
    with frozen(server):
        texts += errors_of(right)
    assert [text for text in texts if "s3cret" in text] == []


def errors_of(cache: hitrate.Cache) -> list[str]:
    texts = []
    for call in (lambda: cache.get("k"), lambda: cache.add("k", 1), lambda: cache.execute("PING")):
        with pytest.raises(ServerError) as caught:
            call()
        texts.append(f"{caught.value!s} {caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}")
    return texts


async def test_a_deletion_that_the_user_may_never_do_does_not_keep_the_others_from_being_made_up_for(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs, caplog: pytest.LogCaptureFixture
) -> None:
    own_server.execute("ACL", "SETUSER", "app", "on", ">hush", "~*", "+@all", "-scan")
    cache = missing_cache(f"redis://app:hush@127.0.0.1:{own_server.port}", timeout=0.2)
    verbs = as_verbs(cache)
    await verbs.set_many({"a": 1, "b": 2})
    with frozen(own_server):
        until(lambda: cache.get("a") is None and cache.stats()["breaker"]["state"] == "open", "it is found dead")
        assert await verbs.delete_pattern("x*") is None
        assert await verbs.delete("a") is False
    until_healed(cache)
    assert await verbs.get_many(["a", "b"]) == {"b": 2}
    refused = [record.getMessage() for record in caplog.records if "for good" in record.getMessage()]
    assert len(refused) == 1
    assert "scan" in refused[0].lower()
    assert "hush" not in caplog.text
