"""What runs there, in which role, and how it does."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hitrate.cli.doctor.facts import Facts
from hitrate.cli.doctor.finding import Finding, info, ok, problem, warning
from hitrate.cli.timing import counted, size

OLDEST = {"redis": (6, 2), "valkey": (7, 2)}
# Fewer reads than this say nothing about a hit rate.
ENOUGH_READS = 1000
# What is counted since the server started.
STATISTICS = (
    "connected_clients",
    "used_memory",
    "total_keys",
    "keyspace_hits",
    "keyspace_misses",
    "hit_rate",
    "evicted_keys",
    "expired_keys",
    "rejected_connections",
    "instantaneous_ops_per_sec",
    "uptime_in_seconds",
)


def name_and_version(facts: Facts) -> tuple[str, str] | None:
    """Return what runs there, ``("valkey", "9.1.2")``; None if the server does not say."""
    name = str(facts.info.get("server_name", "redis"))
    version = facts.info.get(f"{name}_version") or facts.info.get("redis_version")
    return None if version is None else (name, str(version))


def check_version(facts: Facts) -> Iterator[Finding]:
    """Is the server new enough."""
    known = name_and_version(facts)
    if known is None:
        return
    name, version = known
    value = {"name": name, "version": version}
    oldest = OLDEST.get(name)
    if oldest is None:
        why = "hitrate is tested with Redis and Valkey only"
        yield info("server.version", f"{name} {version}", value, why=why)
    elif tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < oldest:
        needed = ".".join(map(str, oldest))
        yield problem(
            "server.version",
            f"{name} {version} is older than {needed}",
            value,
            why="commands that hitrate sends are missing there, and nobody mends its security",
            advice=f"upgrade to {name} {needed} or newer",
        )
    else:
        yield ok("server.version", f"{name} {version}", value)


def check_role(facts: Facts) -> Iterator[Finding]:
    """Is it a server that takes writes, for all keys."""
    role = facts.info.get("role")
    if role == "slave":
        primary = f"{facts.info.get('master_host')}:{facts.info.get('master_port')}"
        link = facts.info.get("master_link_status")
        yield problem(
            "server.role",
            f"a replica of {primary}, link {link}",
            {"role": "replica", "primary": primary, "link": link},
            why="it refuses writes (READONLY): nothing is stored, and deletions wait",
            advice=f"connect to the primary, {primary}, or to a name that follows it",
        )
    elif role is not None:
        replicas = facts.info.get("connected_slaves", 0)
        value = {"role": "primary", "replicas": replicas}
        yield ok("server.role", f"a primary with {counted(replicas, 'replica')}" if replicas else "a primary", value)
    mode = facts.info.get("redis_mode") or facts.info.get("server_mode")
    if facts.number("cluster_enabled") or mode == "cluster":
        yield problem(
            "server.mode",
            "cluster mode is on",
            "cluster",
            why="keys of other nodes are answered with MOVED, which this release does not follow",
            advice="use a server with cluster-enabled no, or a proxy that speaks for the cluster",
        )
    elif mode == "sentinel":
        yield problem(
            "server.mode",
            "this is a Sentinel",
            "sentinel",
            why="a Sentinel knows where the primary is and stores nothing",
            advice="ask it: SENTINEL GET-MASTER-ADDR-BY-NAME <name>; and connect there",
        )


def check_statistics(facts: Facts) -> Iterator[Finding]:
    """How it has done since it started."""
    value = {name: facts.info[name] for name in STATISTICS if name in facts.info}
    if "uptime_in_seconds" not in value:
        return
    reads = facts.info.get("keyspace_hits", 0) + facts.info.get("keyspace_misses", 0)
    words = [
        counted(value["total_keys"], "key") if "total_keys" in value else "",
        f"{size(value['used_memory'])} used" if "used_memory" in value else "",
        counted(value["connected_clients"], "client") if "connected_clients" in value else "",
        f"hit rate {value['hit_rate']:.1%} of {reads:,} reads" if reads else "no reads yet",
        f"{counted(value.get('evicted_keys', 0), 'key')} evicted",
        f"up for {value['uptime_in_seconds'] / 3600:,.1f} h",
    ]
    found = ", ".join(word for word in words if word)
    if reads >= ENOUGH_READS and value["hit_rate"] < 0.5 and value.get("evicted_keys", 0) > 0:
        yield warning(
            "server.statistics",
            found,
            value,
            why="most reads miss while the server throws keys away: it has too little memory for what is cached",
            advice="raise maxmemory, or cache less: see keyspace.sizes",
        )
    else:
        yield info("server.statistics", found, value)
