"""What the documents' tools ask of the server: RedisInsight, which shows keys, and Datadog, which counts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

import hitrate
from hitrate.layouts.quelyos_ecommerce import ENTRIES
from hitrate.testing import HOST, Server
from tests.with_odoo.client import Browser
from tests.with_odoo.site import Site
from tests.with_odoo.test_api import view
from tests.with_odoo.test_products import LIST, details

GUIDE = (Path(__file__).resolve().parents[2] / "docs/guides/odoo.md").read_text()
# Of the integration, and where it finds them: the numbers that both documents name.
METRICS = {
    "redis.mem.used": "used_memory",
    "redis.mem.maxmemory": "maxmemory",
    "redis.net.clients": "connected_clients",
    "redis.net.instantaneous_ops_per_sec": "instantaneous_ops_per_sec",
    "redis.net.commands": "total_commands_processed",
    "redis.stats.keyspace_hits": "keyspace_hits",
    "redis.stats.keyspace_misses": "keyspace_misses",
    "redis.keys.evicted": "evicted_keys",
    "redis.keys.expired": "expired_keys",
}


@pytest.fixture
def filled(site: Site, redis: Server, product: int) -> int:
    """A product, after visitors have asked for it and for a list, and viewed it."""
    visitor = site.browser()
    slug = visitor.call(details(product))["data"]["slug"]
    visitor.call(LIST)
    view(visitor, slug)
    return product


@contextmanager
def user(redis: Server, name: str) -> Iterator[hitrate.Cache]:
    """Somebody with the rights that the guide gives him."""
    (rules,) = re.findall(rf"ACL SETUSER {name} ((?:.*\\\n)*.*)", GUIDE)
    redis.execute("ACL", "SETUSER", name, "reset", *rules.replace("\\\n", " ").replace("'", "").split())
    try:
        with closing(hitrate.Cache(f"redis://{name}:a-long-random-password@{HOST}:{redis.port}")) as found:
            yield found
    finally:
        redis.execute("ACL", "DELUSER", name)


def walk(who: hitrate.Cache, pattern: str) -> list[str]:
    """All keys, as tools walk over them."""
    found, cursor = [], "0"
    while True:
        at, some = who.execute("SCAN", cursor, "MATCH", pattern, "COUNT", "500")
        found += [key.decode() for key in some]
        cursor = at.decode() if isinstance(at, bytes) else str(at)
        if cursor == "0":
            return sorted(found)


def info(who: hitrate.Cache, *section: str) -> dict[str, str]:
    lines = who.execute("INFO", *section).decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def test_redisinsight_shows_names_lifetimes_sizes_and_values(redis: Server, filled: int) -> None:
    with user(redis, "insight") as insight:
        (entry,) = walk(insight, "product:*:h1")
        assert entry.startswith(f"product:api:{filled}:db=shop&")
        assert re.fullmatch(r"products:list:[0-9a-f]{32}:db=shop&.*:h1", walk(insight, "products:*:h1")[0])
        assert walk(insight, "view_count:*") == [f"view_count:{HOST}:{filled}"]
        for key in walk(insight, "*"):
            assert insight.execute("TYPE", key) in {b"string", "string"}, key
            assert insight.execute("MEMORY", "USAGE", key, "SAMPLES", "0") > 0
            # Whatever is there ends by itself.
            assert insight.execute("TTL", key) > 0, key
        # Lifetimes are spread a little.
        assert 0.8 * (ENTRIES[0].ttl or 0) < insight.execute("TTL", entry) <= (ENTRIES[0].ttl or 0)
        # The layout's JSON can be read in the middle of the envelope.
        assert b'"name": "Lamp 0"' in insight.execute("GET", entry)
        assert b"name=hitrate" in insight.execute("CLIENT", "LIST")
        assert isinstance(insight.execute("SLOWLOG", "GET", "50"), list)
        assert int(insight.execute("DBSIZE")) == len(walk(insight, "*"))
        assert info(insight)["redis_version"]
        # He looks, and that is all.
        for command in (["SET", entry, "x"], ["UNLINK", entry], ["FLUSHDB"], ["CONFIG", "SET", "maxmemory", "1"]):
            with pytest.raises(hitrate.ServerPermissionError):
                insight.execute(*command)


def test_datadog_finds_the_numbers_of_the_documents(site: Site, admin: Browser, redis: Server, filled: int) -> None:
    with user(redis, "datadog") as datadog:
        before = info(datadog)
        assert {metric for metric, name in METRICS.items() if not re.fullmatch(r"\d+", before.get(name, ""))} == set()
        assert re.fullmatch(r"keys=\d+,expires=\d+,avg_ttl=\d+.*", before["db0"])
        assert re.fullmatch(r"\d+\.\d+[KMG]", before["used_memory_human"])
        assert all(site.browser().call(details(filled))["cached"] for _ in range(5))
        after = info(datadog)
        assert int(after["keyspace_hits"]) >= int(before["keyspace_hits"]) + 5
        assert info(datadog, "commandstats")["cmdstat_get"].startswith("calls=")
        assert datadog.execute("CONFIG", "GET", "slowlog-max-len")
        assert isinstance(datadog.execute("SLOWLOG", "GET", "128"), list)
        # Lengths of keys, by pattern.
        found = walk(datadog, "product:*")
        assert [datadog.execute("TYPE", key) in {b"string", "string"} for key in found] == [True] * len(found) != []
        for command in (["GET", found[0]], ["DEL", found[0]], ["CONFIG", "SET", "maxmemory", "1"], ["KEYS", "*"]):
            with pytest.raises(hitrate.ServerPermissionError):
                datadog.execute(*command)
