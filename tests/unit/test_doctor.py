"""What the examination makes of what servers say: the judgements, on facts that no test server can be brought to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hitrate.cli.doctor import Finding, Level, access, latency, limits, memory, persistence, security, server
from hitrate.cli.doctor.examination import check_sight
from hitrate.cli.doctor.facts import Facts, is_about_key, mapping
from hitrate.cli.doctor.keyspace import group_of
from hitrate.cli.doctor.reach import check_tls
from hitrate.cli.target import Target
from hitrate.cli.timing import Timings, duration, size

ROOT = Path(__file__).parents[2]
MIB = 1 << 20
LOCAL = "redis://localhost:6379/0"
REMOTE = "redis://cache.example.com/0"
Check = Callable[[Facts], Iterator[Finding]]


def facts(url: str = LOCAL, *, config: dict[str, str] | None = None, **info: Any) -> Facts:
    return Facts(Target(url), info, config or {})


def only(found: Iterator[Finding]) -> Finding:
    (finding,) = found
    return finding


@pytest.mark.parametrize(
    ("info", "level"),
    [
        ({"redis_version": "7.0.15"}, Level.OK),
        ({"redis_version": "6.2.0"}, Level.OK),
        ({"redis_version": "6.0.16"}, Level.PROBLEM),
        ({"redis_version": "5.0"}, Level.PROBLEM),
        ({"server_name": "valkey", "redis_version": "7.2.4", "valkey_version": "9.1.2"}, Level.OK),
        ({"server_name": "valkey", "redis_version": "7.2.4", "valkey_version": "7.2.0"}, Level.OK),
        ({"server_name": "valkey", "redis_version": "7.2.4", "valkey_version": "7.0.1"}, Level.PROBLEM),
        ({"server_name": "other", "redis_version": "7.2.4", "other_version": "1.0"}, Level.INFO),
    ],
)
def test_a_server_must_be_new_enough(info: dict[str, str], level: Level) -> None:
    assert only(server.check_version(facts(**info))).level is level


@pytest.mark.parametrize(
    ("check", "given", "level", "word"),
    [
        (memory.check_limit, facts(maxmemory=0, used_memory=5), Level.WARNING, "CONFIG SET maxmemory"),
        (memory.check_limit, facts(maxmemory=0, used_memory=1024 * MIB), Level.WARNING, "CONFIG SET maxmemory 1536mb"),
        (memory.check_limit, facts(maxmemory=8, used_memory=5, total_system_memory=8), Level.WARNING, "CONFIG SET"),
        (memory.check_limit, facts(maxmemory=4, used_memory=2, total_system_memory=8), Level.OK, ""),
        (memory.check_limit, facts(config={"maxmemory": "0"}), Level.WARNING, "CONFIG SET maxmemory"),
        (memory.check_policy, facts(maxmemory=4, maxmemory_policy="noeviction"), Level.PROBLEM, "allkeys-lru"),
        (memory.check_policy, facts(maxmemory=0, maxmemory_policy="noeviction"), Level.INFO, ""),
        (memory.check_policy, facts(maxmemory=4, maxmemory_policy="volatile-ttl"), Level.INFO, "allkeys-lru"),
        (memory.check_policy, facts(maxmemory=4, maxmemory_policy="allkeys-lfu"), Level.OK, ""),
        (memory.check_fragmentation, facts(mem_fragmentation_ratio=9.0, used_memory=MIB), Level.OK, ""),
        (
            memory.check_fragmentation,
            facts(mem_fragmentation_ratio=2.0, used_memory=900 * MIB),
            Level.WARNING,
            "activedefrag",
        ),
        (
            memory.check_fragmentation,
            facts(mem_fragmentation_ratio=0.5, used_memory=900 * MIB),
            Level.WARNING,
            "swappiness",
        ),
        (memory.check_huge_pages, facts(config={"disable-thp": "no"}), Level.WARNING, "disable-thp yes"),
        (
            persistence.check_snapshots,
            facts(config={"save": "60 1"}, rdb_last_bgsave_status="err"),
            Level.PROBLEM,
            "CONFIG SET save",
        ),
        (persistence.check_snapshots, facts(config={"save": "60 1"}), Level.INFO, "CONFIG SET save"),
        (persistence.check_snapshots, facts(config={"save": ""}), Level.OK, ""),
        (
            persistence.check_append_only,
            facts(config={"appendonly": "yes"}, aof_last_write_status="err"),
            Level.PROBLEM,
            "disk",
        ),
        (persistence.check_append_only, facts(aof_enabled=1), Level.INFO, "appendonly no"),
        (persistence.check_forks, facts(latest_fork_usec=400_000), Level.WARNING, "persist"),
        (limits.check_clients, facts(maxclients=100, connected_clients=99), Level.PROBLEM, "maxclients 200"),
        (limits.check_clients, facts(maxclients=100, connected_clients=85), Level.WARNING, "maxclients 200"),
        (
            limits.check_clients,
            facts(maxclients=100, connected_clients=1, rejected_connections=7),
            Level.WARNING,
            "maxclients",
        ),
        (limits.check_timeouts, facts(config={"timeout": "0", "tcp-keepalive": "0"}), Level.WARNING, "tcp-keepalive"),
        (limits.check_timeouts, facts(config={"timeout": "10", "tcp-keepalive": "300"}), Level.INFO, "idle_timeout=9"),
        (
            limits.check_output_buffers,
            facts(config={"client-output-buffer-limit": "normal 0 0 0 slave 256 64 60 pubsub 0 0 0"}),
            Level.WARNING,
            "33554432",
        ),
        (server.check_role, facts(role="slave", master_host="10.0.0.1", master_port=6379), Level.PROBLEM, "10.0.0.1"),
        (
            server.check_statistics,
            facts(uptime_in_seconds=9, keyspace_hits=400, keyspace_misses=600, hit_rate=0.4, evicted_keys=9),
            Level.WARNING,
            "maxmemory",
        ),
    ],
)
def test_what_a_server_says_is_judged(check: Check, given: Facts, level: Level, word: str) -> None:
    finding = only(check(given))
    assert finding.level is level
    assert word in finding.advice
    if level in (Level.WARNING, Level.PROBLEM):
        assert finding.why


@pytest.mark.parametrize("mode", [{"cluster_enabled": 1}, {"redis_mode": "cluster"}, {"redis_mode": "sentinel"}])
def test_a_cluster_and_a_sentinel_are_problems(mode: dict[str, Any]) -> None:
    assert [finding.check for finding in server.check_role(facts(**mode))] == ["server.mode"]


@pytest.mark.parametrize(
    ("url", "config", "default_user", "level"),
    [
        (LOCAL, {"bind": "127.0.0.1 -::1"}, None, Level.OK),
        ("unix:///run/redis.sock", {"bind": "127.0.0.1 -::1"}, None, Level.OK),
        (LOCAL, {"bind": "* -::*", "protected-mode": "yes"}, None, Level.WARNING),
        (LOCAL, {"bind": "* -::*", "protected-mode": "no"}, None, Level.PROBLEM),
        (LOCAL, {"bind": "127.0.0.1 10.0.0.5", "protected-mode": "no"}, None, Level.PROBLEM),
        (REMOTE, {}, None, Level.PROBLEM),
        ("redis://:pw@cache.example.com", {}, None, Level.INFO),
        ("redis://:pw@cache.example.com", {}, {"on", "nopass"}, Level.PROBLEM),
        ("redis://:pw@cache.example.com", {}, {"on"}, Level.OK),
        ("redis://ann:pw@cache.example.com", {}, {"off", "nopass"}, Level.OK),
    ],
)
def test_a_server_without_a_password_is_judged_by_who_reaches_it(
    url: str, config: dict[str, str], default_user: set[str] | None, level: Level
) -> None:
    flags = None if default_user is None else frozenset(default_user)
    assert only(security.check_password(Facts(Target(url), {}, config, default_user=flags))).level is level


@pytest.mark.parametrize(
    ("url", "options", "level"),
    [
        (LOCAL, {}, Level.OK),
        (REMOTE, {}, Level.WARNING),
        ("rediss://cache.example.com", {}, Level.OK),
        ("rediss://cache.example.com?ssl_cert_reqs=none", {}, Level.PROBLEM),
        ("rediss://cache.example.com?tls_verify=false", {}, Level.PROBLEM),
        ("rediss://cache.example.com?tls_verify=No", {}, Level.PROBLEM),
        ("rediss://cache.example.com?tls_verify=0", {}, Level.PROBLEM),
        ("rediss://cache.example.com?tls_verify=off", {"tls_verify": True}, Level.OK),
        ("rediss://cache.example.com", {"tls_verify": False}, Level.PROBLEM),
    ],
)
def test_the_way_to_the_server_is_judged(url: str, options: dict[str, Any], level: Level) -> None:
    assert only(check_tls(Facts(Target(url, options)))).level is level


def test_nothing_is_said_of_what_the_server_does_not_tell() -> None:
    silent = facts()
    for check in (server.check_version, server.check_role, server.check_statistics, memory.check_limit):
        assert list(check(silent)) == []
    for check in (memory.check_policy, memory.check_fragmentation, memory.check_huge_pages, limits.check_clients):
        assert list(check(silent)) == []
    for check in (persistence.check_snapshots, persistence.check_append_only, limits.check_timeouts):
        assert list(check(silent)) == []


def test_the_embedded_store_has_no_server_to_judge() -> None:
    embedded = facts("memory://")
    assert list(check_tls(embedded)) == list(security.check_password(embedded)) == []
    assert only(check_sight(embedded)).check == "sight.embedded"


def test_round_trips_are_judged_by_their_median_and_tail() -> None:
    def judged(*seconds: float) -> Finding:
        return latency.judge_round_trips(latency.Measured(Timings(seconds), [], {}))

    assert judged(0.00002, 0.00003).level is Level.OK
    assert judged(0.002, 0.003).level is Level.WARNING
    assert judged(*[0.00002] * 50, 0.05).level is Level.WARNING
    assert "20 cache reads" in judged(0.002).why


@pytest.mark.parametrize(
    ("enabled", "cores", "buckets", "level", "word"),
    [
        (True, 2, [(2e-5, 90), (5e-5, 5), (None, 5)], Level.OK, "95%"),
        (True, 2, [(2e-5, 1), (5e-4, 99)], Level.INFO, "1%"),
        (False, 1, [(2e-5, 90)], Level.INFO, "one core"),
        (False, 4, [(2e-5, 90)], Level.INFO, "setting"),
    ],
)
def test_the_staged_wait_is_judged(
    enabled: bool, cores: int, buckets: list[tuple[float | None, int]], level: Level, word: str
) -> None:
    staged = {"enabled": enabled, "hits": 3, "misses": 1}
    finding = latency.judge_staged_wait(latency.Measured(Timings((1e-5,)), buckets, staged), cores=cores)
    assert finding.level is level
    assert word in finding.found


@pytest.mark.parametrize(
    ("key", "own", "group"),
    [
        ("shop:1:products:7", "shop:1:", "shop:1:products:*"),
        ("shop:1:top", "shop:1:", "shop:1:*"),
        ("shop:1:42:profile", "shop:1:", "shop:1:<id>:*"),
        ("shop:1:3f2a9c1b-0000:profile", "shop:1:", "shop:1:<id>:*"),
        ("shop:1:django.contrib.sessions.cachek3j2", "shop:1:", "shop:1:*"),
        ("other:x", "shop:1:", "other:*"),
        ("other", "shop:1:", "(no prefix)"),
        ("a:b", "", "a:*"),
        (f"{'secret' * 10}:x", "", "<id>:*"),
        ("ann@example.com:cart", "", "<id>:*"),
        ("10.0.0.7:hits", "", "<id>:*"),
        ("sess-Zx81kQpLm2Ws9:x", "", "<id>:*"),
        ("view_count:10.0.0.7", "", "view_count:*"),
        ("shop:1:hitrate:tag:product:5", "shop:1:", "shop:1:hitrate:* (records of tags)"),
    ],
)
def test_keys_are_grouped_without_naming_anybody(key: str, own: str, group: str) -> None:
    assert group_of(key, own) == group


@pytest.mark.parametrize(
    ("refusal", "about_key"),
    [
        ("NOPERM this user has no permissions to run the 'get' command", False),  # Redis 6.2, 7.0
        ("NOPERM User web has no permissions to run the 'config|get' command", False),  # Redis 7.2, Valkey
        ("NOPERM this user has no permissions to access one of the keys used as arguments", True),
        ("NOPERM No permissions to access a key", True),
        ("User web has no permissions to access the 'x' key", True),
    ],
)
def test_a_refusal_is_about_a_command_or_a_key(refusal: str, about_key: bool) -> None:
    assert is_about_key(refusal) is about_key


def test_maps_of_both_protocols_are_read() -> None:
    assert (
        mapping([b"save", b"", b"bind", b"x"]) == mapping({b"save": b"", b"bind": b"x"}) == {"save": b"", "bind": b"x"}
    )
    assert mapping(None) == mapping([]) == {}


@pytest.mark.parametrize(
    ("url", "options", "address"),
    [
        ("redis://ann:S3CRET@h:7000/2", {}, "redis://h:7000/2"),
        ("redis://", {}, "redis://localhost:6379/0"),
        ("redis://:p@s:S3CRET@[::1]", {}, "redis://[::1]:6379/0"),
        ("redis://ann:[S3CRET@h", {}, "redis://h:6379/0"),
        ("redis://:S3CRET\u2100@[::1]", {}, "redis://[::1]:6379/0"),
        ("rediss://h?password=S3CRET&db=3", {}, "rediss://h:6379/3"),
        ("redis://h", {"db": 4, "password": "S3CRET"}, "redis://h:6379/4"),
        ("unix://ann:S3CRET@/run/a%20b.sock?db=1", {}, "unix:///run/a b.sock"),
        ("memory://", {}, "memory://"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, options: dict[str, Any], address: str) -> None:
    target = Target(url, options)
    assert target.address == address
    assert target.has_password is ("S3CRET" in f"{url}{options}")
    assert "S3CRET" not in repr(target)


def test_every_command_that_the_core_sends_is_looked_at() -> None:
    sources = [
        path.read_text("utf-8") for path in (ROOT / "src" / "store").rglob("*") if path.suffix in (".rs", ".lua")
    ]
    sent = {name for text in sources for name in re.findall(r"""(?:cmd\("|redis\.call\(')([A-Z]+)""", text)}
    assert sent
    assert sent - {need.name for need in access.NEEDS} == set()


def test_quantiles_are_values_that_were_measured() -> None:
    timings = Timings(tuple(float(at) for at in range(1, 101)))
    assert (timings.median, timings.quantile(0.99), timings.quantile(1)) == (50.0, 99.0, 100.0)
    assert Timings((3.0,)).as_dict() == {"count": 1, "p50": 3.0, "p99": 3.0, "max": 3.0, "mean": 3.0}


def test_durations_and_sizes_are_readable() -> None:
    assert [duration(taken) for taken in (0.0000614, 0.00152, 0.1234, 2)] == ["61 µs", "1.52 ms", "123 ms", "2.00 s"]
    assert [size(found) for found in (0, 1536, 5 * MIB, 3 << 40)] == ["0 bytes", "1.5 KiB", "5.0 MiB", "3.0 TiB"]
