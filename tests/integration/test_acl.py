"""A server whose ACL user may do little: everything works that can, the rest says what is missing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hitrate.exceptions import ServerPermissionError
from hitrate.testing import Server
from tests.integration.conftest import MakeCache, MakeVerbs, Verbs

PREFIX = "shop"


@pytest.fixture
def login(own_server: Server, protocol: int) -> Callable[..., str]:
    """Make an ACL user with the given rules and return a URL with it."""

    def make(*rules: str) -> str:
        own_server.execute("ACL", "SETUSER", "web", "reset", "on", ">hush", f"~{PREFIX}:*", "&*", *rules)
        return f"redis://web:hush@127.0.0.1:{own_server.port}"

    return make


@pytest.fixture
def cautious(own_server: Server, login: Callable[..., str], make_verbs: MakeVerbs, protocol: int) -> Verbs:
    """A cache whose user lacks what hosted servers withhold."""
    rules = ["+@all", "-keys", "-flushdb", "-flushall", "-config", "-info", "-debug"]
    # Redis 6.2 can take away whole commands only.
    if not own_server.version.startswith("redis 6."):
        rules += ["-client|list", "-client|kill"]
    url = login(*rules)
    return make_verbs(url, prefix=PREFIX, protocol=protocol)


async def test_every_verb_works_without_keys_flushdb_config_and_info(cautious: Verbs) -> None:
    assert await cautious.set("k", {"a": 1}) is True
    assert await cautious.get("k") == {"a": 1}
    assert await cautious.add("n", 1) is True
    assert await cautious.incr("n") == 2
    assert await cautious.has("n") is True
    assert await cautious.touch("n", 1000) is True
    assert await cautious.expire("n", 1000) is True
    assert 900 < await cautious.ttl("n") <= 1000
    assert await cautious.persist("n") is True
    assert await cautious.set_many({"x1": 1, "x2": 2}) == []
    assert await cautious.get_many(["x1", "x2"]) == {"x1": 1, "x2": 2}
    assert set(await cautious.keys()) == {"k", "n", "x1", "x2"}
    assert set(await cautious.iter_keys("x*")) == {"x1", "x2"}
    assert await cautious.delete_pattern("x*") == 2
    assert await cautious.delete("k") is True
    assert await cautious.get_or_set("k", 3) == 3
    assert await cautious.delete_many(["k"]) == 1
    lock = cautious.lock("job", ttl=60)
    assert await lock.acquire() is True
    await lock.extend(90)
    await lock.release()
    assert await cautious.clear() == 1
    assert await cautious.keys() == []
    assert (await cautious.stats())["hits"] > 0
    assert isinstance(await cautious.server_info(), dict)


async def test_what_is_forbidden_is_named(cautious: Verbs) -> None:
    with pytest.raises(ServerPermissionError, match=r"(?i)flushdb"):
        await cautious.clear(flush=True)
    with pytest.raises(ServerPermissionError, match=r"(?i)keys"):
        await cautious.execute("KEYS", "*")
    with pytest.raises(ServerPermissionError, match=r"(?i)config"):
        await cautious.execute("CONFIG", "GET", "*")
    assert await cautious.get("k") is None


async def test_keys_of_others_are_refused(login: Callable[..., str], make_verbs: MakeVerbs, protocol: int) -> None:
    verbs = make_verbs(login("+@all"), prefix="other", protocol=protocol)
    for act in (lambda: verbs.get("k"), lambda: verbs.set("k", 1), lambda: verbs.get_many(["k"])):
        with pytest.raises(ServerPermissionError):
            await act()


async def test_a_user_who_may_only_get_and_set_gets_and_sets(
    login: Callable[..., str], make_verbs: MakeVerbs, protocol: int
) -> None:
    # Not even the greeting's commands are allowed: HELLO, CLIENT, SELECT, PING.
    verbs = make_verbs(login("+get", "+set"), prefix=PREFIX, protocol=protocol)
    assert await verbs.set("k", 1) is True
    assert await verbs.get("k") == 1
    with pytest.raises(ServerPermissionError, match=r"(?i)unlink|del"):
        await verbs.delete("k")
    with pytest.raises(ServerPermissionError, match=r"(?i)scan"):
        await verbs.delete_pattern("*")
    with pytest.raises(ServerPermissionError, match=r"(?i)eval|incr"):
        await verbs.incr("k")
    assert isinstance(await verbs.server_info(), dict)


def test_a_refusal_does_not_open_the_breaker(login: Callable[..., str], make_cache: MakeCache) -> None:
    cache = make_cache(login("+@all", "-unlink", "-del"), prefix=PREFIX)
    cache.set("k", 1)
    for _ in range(20):
        with pytest.raises(ServerPermissionError):
            cache.delete("k")
    assert cache.get("k") == 1
