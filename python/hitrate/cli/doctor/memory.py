"""What happens when memory is full, and what it is wasted on."""

from __future__ import annotations

from collections.abc import Iterator

from hitrate.cli.doctor.facts import Facts
from hitrate.cli.doctor.finding import Finding, config_set, info, ok, problem, warning
from hitrate.cli.timing import size

EVICTING = "allkeys-lru"
UNLESS_SHARED = "; if data that must stay lives here too, give the cache a server of its own instead"
# Below this the process itself outweighs the data, and the ratio says nothing.
WORTH_A_LOOK = 64 << 20
FRAGMENTED = 1.5


def check_limit(facts: Facts) -> Iterator[Finding]:
    """Is there a bound, and a sensible one."""
    limit = facts.maxmemory
    if limit is None:
        return
    check = "memory.limit"
    used = facts.number("used_memory") or 0
    machine = facts.number("total_system_memory") or 0
    value = {"maxmemory": limit, "used_memory": used, "total_system_memory": machine or None}
    if limit == 0:
        yield warning(
            check,
            f"maxmemory is 0: no limit ({size(used)} used)",
            value,
            why="a cache fills what it is given; without a limit the kernel kills the server, or the machine swaps",
            advice=config_set({"maxmemory-policy": EVICTING, "maxmemory": f"{max(256, int(used * 1.5) >> 20)}mb"})
            + UNLESS_SHARED,
        )
    elif machine and limit > 0.9 * machine:
        yield warning(
            check,
            f"maxmemory is {size(limit)} of {size(machine)} that the machine has",
            value,
            why="buffers, fragmentation and a fork for a snapshot come on top, and the kernel kills the server",
            advice=config_set({"maxmemory": f"{int(machine * 0.7) >> 20}mb"}),
        )
    else:
        yield ok(check, f"maxmemory is {size(limit)}, {used / limit:.0%} used", value)


def check_policy(facts: Facts) -> Iterator[Finding]:
    """What goes when memory is full."""
    policy, limit = facts.policy, facts.maxmemory
    if policy is None or limit is None:
        return
    check = "memory.policy"
    fill = (facts.number("used_memory") or 0) / limit if limit else 0.0
    if policy == "noeviction" and limit:
        yield problem(
            check,
            f"maxmemory-policy is noeviction with a maxmemory of {size(limit)} ({fill:.0%} used)",
            policy,
            why="when memory is full every write is refused (OOM), in place of old values going",
            advice=config_set({"maxmemory-policy": EVICTING}) + UNLESS_SHARED,
        )
    elif policy.startswith("volatile-"):
        yield info(
            check,
            f"maxmemory-policy is {policy}",
            policy,
            why="only keys with a lifetime are evicted; when none is left, writes are refused (OOM)",
            advice=config_set({"maxmemory-policy": EVICTING}) + UNLESS_SHARED,
        )
    elif limit == 0:
        yield info(check, f"maxmemory-policy is {policy}, and without a maxmemory it does nothing", policy)
    else:
        yield ok(check, f"maxmemory-policy is {policy}", policy)


def check_fragmentation(facts: Facts) -> Iterator[Finding]:
    """Does the process hold more memory than its data, or less."""
    ratio, used = facts.number("mem_fragmentation_ratio"), facts.number("used_memory")
    if ratio is None or used is None:
        return
    check = "memory.fragmentation"
    rss = facts.number("used_memory_rss") or used * ratio
    value = {"ratio": ratio, "used_memory": used, "used_memory_rss": rss}
    found = f"fragmentation ratio {ratio:.2f} ({size(rss)} resident for {size(used)})"
    if used < WORTH_A_LOOK:
        yield ok(check, f"{found}: too little data to say anything", value)
    elif ratio > FRAGMENTED:
        advice = config_set({"activedefrag": "yes"}) + "; where that is refused, restart the server at a quiet time"
        why = f"{size(rss - used)} are lost to the machine, and are counted against no maxmemory"
        yield warning(check, found, value, why=why, advice=advice)
    elif ratio < 0.95:
        why = "part of the data is swapped out, and reading it takes milliseconds"
        advice = "lower maxmemory below what the machine can spare, or turn swapping off: sysctl vm.swappiness=0"
        yield warning(check, found, value, why=why, advice=advice)
    else:
        yield ok(check, found, value)


def check_huge_pages(facts: Facts) -> Iterator[Finding]:
    """Transparent huge pages, as far as the server says whether it runs with them."""
    setting = facts.config.get("disable-thp")
    if setting == "no":
        yield warning(
            "memory.huge_pages",
            "disable-thp is no: the server lets the kernel use transparent huge pages",
            setting,
            why="after each fork a write copies 2 MiB in place of 4 KiB, which stalls it and doubles memory",
            advice="set disable-thp yes in the configuration file and restart; or, on the machine: "
            "echo never > /sys/kernel/mm/transparent_hugepage/enabled",
        )
    elif setting is not None:
        yield ok("memory.huge_pages", "disable-thp is yes: no transparent huge pages", setting)
