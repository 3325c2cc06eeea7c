"""What both documents say of watching Redis: their commands, on the server that the site uses."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from hitrate.testing import Server
from tests.with_odoo.client import Browser, RefusedError
from tests.with_odoo.site import Odoo, Site
from tests.with_odoo.test_administration import CLEAR, STATS, WARMUP
from tests.with_odoo.test_api import READY, view
from tests.with_odoo.test_failing import json_of
from tests.with_odoo.test_products import LIST, details, keys


def redis_cli(redis: Server, *command: str) -> list[str]:
    """What ``redis-cli`` prints; where it is not installed, what it would have been told."""
    if shutil.which("redis-cli"):
        words = ["redis-cli", "-h", redis.host, "-p", str(redis.port), *command]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        return done.stdout.strip().splitlines()
    found = redis.execute(*command)
    answers = found if isinstance(found, list) else [b"" if found is None else found]
    return "\n".join(one.decode() if isinstance(one, bytes) else str(one) for one in answers).strip().splitlines()


def info(redis: Server, section: str) -> dict[str, str]:
    lines = redis_cli(redis, "INFO", section)
    return dict(line.strip().split(":", 1) for line in lines if ":" in line)


def test_the_shell_shows_what_is_kept(site: Site, redis: Server, product: int) -> None:
    assert redis_cli(redis, "PING") == ["PONG"]
    site.browser().call(details(product))
    (entry,) = [key for key in redis_cli(redis, "KEYS", "product:*") if key.endswith(":h1")]
    assert entry.startswith(f"product:api:{product}:db=shop&")
    # At the original's key stands what an old worker stored, and nothing of ours: it would be in one language.
    assert redis_cli(redis, "GET", f"product:api:{product}") == []


@pytest.mark.parametrize("path", [STATS, WARMUP, CLEAR])
def test_the_document_s_calls_with_an_empty_body_are_understood(site: Site, admin: Browser, path: str) -> None:
    assert admin.call(path, top_level={})["success"] is True
    # As they stand there, without a session, they are nobody's.
    with pytest.raises(RefusedError, match="SessionExpired"):
        site.browser().call(path, top_level={})


def test_hits_are_counted_by_the_server_and_told_by_readiness(site: Site, redis: Server, product: int) -> None:
    site.browser().call(details(product))
    redis.execute("CONFIG", "RESETSTAT")
    for _ in range(10):
        assert site.browser().call(details(product))["cached"] is True
    assert int(info(redis, "stats")["keyspace_hits"]) >= 10
    answer = json_of(site.browser(), READY)["redis"]
    found = info(redis, "stats")
    hits, misses = int(found["keyspace_hits"]), int(found["keyspace_misses"])
    assert answer["hit_rate"] == round(hits / (hits + misses) * 100, 2)


def test_statistics_are_what_the_server_says_of_itself(admin: Browser, redis: Server) -> None:
    for number in range(7):
        redis.execute("SET", f"other:{number}", "1")
    data = admin.call(STATS)["data"]
    assert data["total_keys"] == int(redis_cli(redis, "DBSIZE")[0].removeprefix("(integer) ")) == 7
    assert re.fullmatch(r"\d+\.\d+[KMG]", data["used_memory"])
    assert info(redis, "memory")["used_memory_human"][-1] in "KMG"
    assert abs(data["connected_clients"] - int(info(redis, "clients")["connected_clients"])) <= 2


def test_nothing_walks_over_all_keys_at_once(site: Site, admin: Browser, redis: Server, product: int) -> None:
    before = {command: calls(redis, command) for command in ("keys", "flushdb", "flushall")}
    for number in range(3000):
        redis.execute("SET", f"other:{number}", "1")
    redis.execute("CONFIG", "SET", "slowlog-log-slower-than", "10000")
    redis.execute("SLOWLOG", "RESET")
    for price in (11.0, 12.0):
        site.browser().call(details(product))
        site.browser().call(LIST)
        admin.kw("product.template", "write", [product], {"list_price": price})
    assert admin.call(CLEAR)["success"] is True
    assert admin.call(CLEAR, pattern="product:*")["success"] is True
    assert {command: calls(redis, command) for command in before} == before
    slow = "\n".join(redis_cli(redis, "SLOWLOG", "GET", "10")).upper()
    assert "KEYS" not in slow.split()
    assert int(redis_cli(redis, "DBSIZE")[0].removeprefix("(integer) ")) >= 3000


def calls(redis: Server, command: str) -> int:
    """How often the server ran a command."""
    found = re.search(rf"cmdstat_{command}:calls=(\d+)", redis.execute("INFO", "commandstats").decode())
    return int(found[1]) if found else 0


def test_counted_views_are_shown_with_what_is_left_of_their_minute(site: Site, redis: Server, product: int) -> None:
    view(site.browser(), site.browser().call(details(product))["data"]["slug"])
    (key,) = redis_cli(redis, "KEYS", "view_count:*")
    assert key == f"view_count:127.0.0.1:{product}"
    assert 0 < int(redis_cli(redis, "TTL", key)[0].removeprefix("(integer) ")) <= 60


def test_a_hit_asks_the_database_less_than_a_miss(site: Site, admin: Browser, product: int) -> None:
    visitor = site.browser()
    for path, params in ((details(product), {}), (LIST, {"limit": 20})):
        visitor.call(path, **params)
        mark = site.mark()
        # Each of two workers reads first what Odoo itself keeps in memory.
        assert all(visitor.call(path, **params)["cached"] for _ in range(12))
        hits = queries(site, path, mark)
        admin.kw("product.template", "write", [product], {"description_sale": path})
        assert visitor.call(path, **params)["cached"] is False
        assert min(hits) <= 1
        assert queries(site, path, mark)[-1] > 10


def queries(site: Site, path: str, since: int) -> list[int]:
    """How many queries Odoo counted for each answer."""
    found = [re.search(r'HTTP/1.1" 200 - (\d+) ', line) for line in site.lines(f"POST {path} ", since)]
    return [int(match[1]) for match in found if match]


def test_each_worker_counts_a_view_once_while_redis_is_away(odoo: Odoo, redis: Server, product: int) -> None:
    with odoo.serve("shop") as fresh:
        slug = fresh.browser().call(details(product))["data"]["slug"]
        redis.kill()
        counted = [view(fresh.browser(), slug) for _ in range(12)]
        # What is in memory is not shared: two workers, at most two views.
        assert 1 <= counted[-1] <= 2
        assert fresh.lines("Could not connect to Redis: ")
        assert fresh.lines("Falling back to in-memory cache.")
        status, _, body = fresh.browser().fetch(READY)
        assert (status, json.loads(body)["redis"]["status"]) == (503, "error")
        redis.restart()
    assert keys(redis, "view_count:*") == []
