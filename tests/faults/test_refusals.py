"""A server that answers, and says no: understood, counted, said once; the site goes on."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import pytest

import hitrate
from hitrate.exceptions import (
    AuthenticationError,
    ServerConnectionError,
    ServerError,
    ServerPermissionError,
    ServerResponseError,
    ServerStateError,
    ServerUnavailableError,
)
from hitrate.testing import Server, free_port
from tests.faults.conftest import MakeCache, until, until_healed
from tests.integration.conftest import Verbs

AsVerbs = Callable[[hitrate.Cache], Verbs]


def lines(caplog: pytest.LogCaptureFixture, word: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if word in record.getMessage()]


async def test_a_full_server_drops_sets_and_serves_reads(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs, caplog: pytest.LogCaptureFixture
) -> None:
    cache = missing_cache(timeout=60)
    verbs = as_verbs(cache)
    await verbs.set_many({"k": "v", "n": 1})
    own_server.execute("CONFIG", "SET", "maxmemory", "1")
    for _ in range(10):
        assert await verbs.set("k", "new") is False
        assert await verbs.get("k") == "v"
        assert await verbs.delete("absent") is False  # succeeds: frees memory
        assert await verbs.get_or_set("absent", "computed") == "computed"
        assert await verbs.set_many({"a": 1, "b": 2}) == ["a", "b"]
    for call in (verbs.add("l", 1), verbs.incr("n"), verbs.lock("job").acquire()):
        with pytest.raises(ServerStateError, match="maxmemory"):
            await call
    stats = cache.stats()
    assert stats["errors"]["state"] >= 30
    assert stats["dropped_sets"] >= 30
    assert stats["breaker"]["opened"] == 0
    assert len(lines(caplog, "refuses")) == 1, caplog.text
    own_server.execute("CONFIG", "SET", "maxmemory", "0")
    assert await verbs.set("k", "new") is True
    assert await verbs.get("k") == "new"


async def test_a_replica_serves_reads_and_takes_back_what_was_deleted(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs, caplog: pytest.LogCaptureFixture
) -> None:
    cache = missing_cache(timeout=60)
    verbs = as_verbs(cache)
    await verbs.set_many({"k": "v", "gone": "old", "p:1": "old", "p:2": "old"})
    own_server.execute("REPLICAOF", "127.0.0.1", str(free_port()))
    assert await verbs.set("k", "new") is False
    with pytest.raises(ServerStateError, match="READONLY"):
        await verbs.add("l", 1)
    assert await verbs.get("k") == "v"
    assert await verbs.delete("gone") is False
    assert await verbs.delete_pattern("p:*") is None
    for _ in range(10):
        await expect_gone(verbs)
    own_server.execute("REPLICAOF", "NO", "ONE")
    until_healed(cache)
    await expect_gone(verbs)
    assert await verbs.get("k") == "v"
    assert await verbs.add("l", 1) is True
    assert len(lines(caplog, "READONLY")) <= 2, caplog.text


async def test_a_connection_to_what_became_a_replica_is_not_kept(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    verbs = as_verbs(missing_cache(timeout=60))
    await verbs.set("k", "v")
    before = connections(own_server)
    own_server.execute("REPLICAOF", "127.0.0.1", str(free_port()))
    assert await verbs.set("k", "new") is False
    assert await verbs.get("k") == "v"
    assert connections(own_server).isdisjoint(before)


def connections(server: Server) -> set[bytes]:
    """The identifiers of hitrate's connections, as the server has them."""
    clients = server.execute("CLIENT", "LIST").splitlines()
    return {client.split()[0] for client in clients if b"name=hitrate" in client}


async def expect_gone(verbs: Verbs) -> None:
    """What was deleted is not there, in whatever way one asks."""
    assert await verbs.get("gone") is None
    assert await verbs.has("p:1") is False
    assert await verbs.ttl("p:2") == 0
    assert await verbs.get_many(["gone", "p:1", "p:2"]) == {}
    assert [key for key in await verbs.keys("*") if key in {"gone", "p:1", "p:2"}] == []
    assert await verbs.get_or_set("gone", "fresh") == "fresh"
    await verbs.delete("gone")


async def test_a_replica_that_lost_its_primary_misses(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    cache = missing_cache(timeout=60)
    verbs = as_verbs(cache)
    await verbs.set("k", "v")
    own_server.execute("CONFIG", "SET", "replica-serve-stale-data", "no")
    own_server.execute("REPLICAOF", "127.0.0.1", str(free_port()))
    assert [await verbs.get("k") for _ in range(10)] == [None] * 10
    assert cache.stats()["errors"]["state"] > 0
    own_server.execute("REPLICAOF", "NO", "ONE")
    until_healed(cache)
    assert await verbs.get("k") == "v"


async def test_a_server_that_cannot_save_drops_sets_and_serves_reads(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    cache = missing_cache(timeout=60)
    verbs = as_verbs(cache)
    await verbs.set("k", "v")
    own_server.execute("CONFIG", "SET", "save", "3600 1")
    shutil.rmtree(own_server.directory)  # where it would write
    own_server.execute("BGSAVE")
    until(lambda: own_server.info("persistence")["rdb_last_bgsave_status"] == "err", "the save fails")
    assert await verbs.set("k", "new") is False
    assert await verbs.get("k") == "v"
    with pytest.raises(ServerStateError, match="MISCONF"):
        await verbs.add("l", 1)
    assert cache.stats()["errors"]["state"] == 2


async def test_a_server_that_loads_its_data_is_away_until_it_has(
    start_server: Callable[..., Server], make_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    options = ["--key-load-delay", "100", "--loading-process-events-interval-bytes", "1024"]
    try:
        server = start_server(args=options)
    except ServerConnectionError as error:
        if "Bad directive" in str(error):
            pytest.skip("this server knows no loading-process-events-interval-bytes, as those from Redis 7 on do")
        raise
    cache = make_cache(server.url, on_error="miss", timeout=5)
    verbs = as_verbs(cache)
    await verbs.set("k", "v")
    server.execute("EVAL", "for i = 1, 20000 do redis.call('SET', 'filler' .. i, i) end", 0)
    server.execute("SAVE")
    server.restart()
    if server.info("persistence")["loading"] != "1":
        pytest.skip("this server loads too fast to be seen loading")
    assert await verbs.get("k") is None
    assert await verbs.set("k", "lost") is False
    with pytest.raises(ServerError):
        await verbs.add("l", 1)
    until_healed(cache)
    until(lambda: cache.get("k") == "v", "hits are back")


async def test_a_password_that_changed_misses_and_is_said_without_the_password(
    start_server: Callable[..., Server], make_cache: MakeCache, as_verbs: AsVerbs, caplog: pytest.LogCaptureFixture
) -> None:
    server = start_server(password="old-s3cret")
    cache = make_cache(server.url, on_error="miss", timeout=60, critical=["session:"])
    verbs = as_verbs(cache)
    await verbs.set("k", "v")
    server.execute("CONFIG", "SET", "requirepass", "new-s3cret")
    server.url = server.url.replace("old-s3cret", "new-s3cret")
    server.execute("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert [await verbs.get("k") for _ in range(10)] == [None] * 10
    assert await verbs.set("k", "lost") is False
    # Every connection would meet this anew, so the breaker opens.
    for call in (verbs.get("session:1"), verbs.incr("k")):
        with pytest.raises((AuthenticationError, ServerUnavailableError)):
            await call
    assert cache.stats()["errors"]["authentication"] >= 1
    assert len(lines(caplog, "refuses")) == 1, caplog.text
    assert "s3cret" not in caplog.text
    server.execute("CONFIG", "SET", "requirepass", "old-s3cret")
    until_healed(cache)
    assert await verbs.get("k") == "v"


async def test_a_server_with_no_room_for_more_clients_misses(
    own_server: Server, make_cache: MakeCache, missing_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    cache = missing_cache(timeout=60)
    verbs, raising = as_verbs(cache), as_verbs(make_cache(own_server.url, timeout=60))
    missing_cache(timeout=60).set("k", "v")
    own_server.execute("CONFIG", "SET", "maxclients", "6")
    with ExitStack() as others:
        for _ in range(12):
            other = others.enter_context(socket.create_connection((own_server.host, own_server.port)))
            other.settimeout(5)
            with suppress(OSError):
                other.sendall(b"PING\r\n")
                other.recv(100)
        assert [await verbs.get("k") for _ in range(5)] == [None] * 5
        with pytest.raises((ServerStateError, ServerConnectionError)):
            await raising.get("k")
    until_healed(cache)
    until(lambda: cache.get("k") == "v", "hits are back")
    assert await verbs.get("k") == "v"


async def test_a_server_busy_with_a_script_misses(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs, caplog: pytest.LogCaptureFixture
) -> None:
    cache = missing_cache(timeout=5)
    verbs = as_verbs(cache)
    await verbs.set("k", "v")
    own_server.execute("CONFIG", "SET", "lua-time-limit", "10")

    def run_for_ever() -> None:
        with suppress(ServerResponseError):  # it is killed in the end
            own_server.execute("EVAL", "while true do end", 0, timeout=60)

    script = threading.Thread(target=run_for_ever)
    script.start()
    try:
        until(lambda: is_busy(own_server), "the script is seen to be slow")
        assert [await verbs.get("k") for _ in range(5)] == [None] * 5
        with pytest.raises((ServerStateError, ServerUnavailableError)):
            await verbs.add("l", 1)
        assert cache.stats()["errors"]["state"] >= 1
        # Its PING is refused too; a thread may still be sending it, and would open the breaker after all is well again.
        until(lambda: cache.stats()["breaker"]["state"] == "open", "it is taken for dead")
        assert len(lines(caplog, "BUSY")) <= 2, caplog.text
    finally:
        own_server.execute("SCRIPT", "KILL")
        script.join()
    until_healed(cache)
    assert await verbs.get("k") == "v"


def is_busy(server: Server) -> bool:
    try:
        server.execute("GET", "k")
    except ServerResponseError as error:
        return "BUSY" in str(error)
    return False


async def test_a_value_of_another_type_raises_and_hurts_nothing_else(
    own_server: Server, prefix: str, missing_cache: MakeCache, as_verbs: AsVerbs
) -> None:
    cache = missing_cache(timeout=60)
    verbs = as_verbs(cache)
    own_server.execute("LPUSH", f"{prefix}:list", "x")
    await verbs.set("k", "v")
    for _ in range(5):
        with pytest.raises(ServerResponseError, match="WRONGTYPE"):
            await verbs.get("list")
        assert await verbs.get("k") == "v"
        assert await verbs.get_many(["list", "k"]) == {"k": "v"}
    stats = cache.stats()
    assert stats["errors"]["command"] == 5
    assert stats["breaker"]["opened"] == 0
    assert stats["pool"]["connects"] <= 1
    assert await verbs.set("list", "text") is True
    assert await verbs.get("list") == "text"


async def test_what_is_forbidden_is_said_once_though_other_things_are_allowed(
    own_server: Server, missing_cache: MakeCache, as_verbs: AsVerbs, caplog: pytest.LogCaptureFixture
) -> None:
    own_server.execute("ACL", "SETUSER", "web", "on", ">pw", "~*", "&*", "+@all", "-unlink", "-del", "-scan")
    cache = missing_cache(own_server.url.replace("redis://", "redis://web:pw@"), timeout=60)
    verbs = as_verbs(cache)
    for number in range(10):
        assert await verbs.set("k", number) is True
        calls: list[tuple[Any, str]] = [(verbs.delete("k"), "unlink|del"), (verbs.clear(), "scan")]
        for call, missing in calls:
            with pytest.raises(ServerPermissionError, match=f"(?i){missing}"):
                await call
        assert await verbs.get("k") == number
    breaker = cache.stats()["breaker"]
    assert (breaker["state"], breaker["opened"], breaker["journal"]) == ("closed", 0, 0)
    assert len(lines(caplog, "refuses")) <= 1, caplog.text


@pytest.mark.parametrize("renamed", ["PTTL", "EVALSHA", "MGET"])
async def test_answers_are_made_anew_whatever_the_server_has_against_keeping_them(
    start_server: Callable[..., Server], missing_cache: MakeCache, caplog: pytest.LogCaptureFixture, renamed: str
) -> None:
    # As by proxies and providers that know no scripts, say.
    server = start_server(args=["--rename-command", renamed, ""])
    cache = missing_cache(server.url, timeout=60)
    runs = []

    @hitrate.cached(cache, prefix="page", tags=["pages"])
    def page() -> int:
        runs.append(1)
        return len(runs)

    @hitrate.cached(cache, prefix="apage", tags=["pages"])
    async def apage() -> int:
        return page()

    for number in range(1, 10, 2):
        assert (page(), await apage()) == (number, number + 1)
    assert len(lines(caplog, "refuses")) == 1, caplog.text
    assert "unknown command" in caplog.text
    if renamed != "EVALSHA":
        raising = hitrate.cached(missing_cache(server.url, timeout=60, on_error="raise"), tags=["pages"])(len)
        with pytest.raises(ServerResponseError, match="unknown command"):
            raising("")


async def test_a_list_in_the_place_of_an_answer_is_no_answer(own_server: Server, missing_cache: MakeCache) -> None:
    cache = missing_cache(own_server.url, timeout=60, prefix="p", layout="plain")

    @hitrate.cached(cache, prefix="page")
    def page() -> str:
        return "made"

    page()
    (key,) = cache.keys()
    own_server.execute("DEL", f"p:{key}")
    own_server.execute("RPUSH", f"p:{key}", "x")
    assert page() == "made"
