"""What is written to disk, which for a cache is little."""

from __future__ import annotations

from collections.abc import Iterator

from hitrate.cli.doctor.facts import Facts
from hitrate.cli.doctor.finding import Finding, config_set, info, ok, problem, warning
from hitrate.cli.timing import duration

# Microseconds.
LONG_FORK = 100_000
FOR_A_CACHE = "a cache can be computed again; persist only if sessions or other data that must last live here too"


def check_snapshots(facts: Facts) -> Iterator[Finding]:
    """RDB: when, and whether it worked."""
    save = facts.config.get("save")
    check = "persistence.snapshots"
    if facts.info.get("rdb_last_bgsave_status") == "err":
        stops = facts.config.get("stop-writes-on-bgsave-error", "yes") == "yes" and save != ""
        yield problem(
            check,
            "the last snapshot failed",
            {"save": save, "last_status": "err"},
            why="the server refuses every write (MISCONF) until one works" if stops else "a restart finds old data",
            advice="see the server's log (disk full? rights?); a cache needs none: " + config_set({"save": '""'}),
        )
    elif save == "":
        yield ok(check, "no snapshots", {"save": save})
    elif save is not None:
        yield info(
            check,
            f"snapshots on (save {save})",
            {"save": save},
            why=f"each forks the server and may need twice the memory; {FOR_A_CACHE}",
            advice=config_set({"save": '""'}) + ", if it is a cache only",
        )


def check_append_only(facts: Facts) -> Iterator[Finding]:
    """AOF: whether, how often it waits for the disk, and whether it worked."""
    setting = facts.config.get("appendonly")
    is_on = facts.number("aof_enabled") == 1 if setting is None else setting == "yes"
    if setting is None and facts.number("aof_enabled") is None:
        return
    check = "persistence.append_only"
    sync = facts.config.get("appendfsync")
    value = {"appendonly": is_on, "appendfsync": sync}
    if not is_on:
        yield ok(check, "no append-only file", value)
    elif facts.info.get("aof_last_write_status") == "err":
        advice = "see the server's log: is the disk full?"
        yield problem(
            check, "the append-only file cannot be written", value, why="the server refuses writes", advice=advice
        )
    elif sync == "always":
        yield warning(
            check,
            "appendonly is yes with appendfsync always",
            value,
            why="every write waits for the disk, and all reads behind it do too",
            advice=config_set({"appendfsync": "everysec"}),
        )
    else:
        advice = config_set({"appendonly": "no"}) + ", if it is a cache only"
        found = f"append-only file on{f' (appendfsync {sync})' if sync else ''}"
        yield info(check, found, value, why=f"every write is written to disk as well; {FOR_A_CACHE}", advice=advice)


def check_forks(facts: Facts) -> Iterator[Finding]:
    """How long the server stood still for its last fork."""
    taken = facts.number("latest_fork_usec")
    if taken is not None and taken > LONG_FORK:
        yield warning(
            "persistence.forks",
            f"the last fork stopped the server for {duration(taken / 1e6)}",
            round(taken / 1e6, 6),
            why="nobody is served meanwhile; hitrate's deadline is half a second",
            advice="persist less often, lower maxmemory, or persist on a replica",
        )
