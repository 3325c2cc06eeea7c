"""The examination: every check in its order, each with what it needs."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress

from hitrate import Cache, ServerError, ServerPermissionError
from hitrate.cli.doctor import access, keyspace, latency, limits, memory, persistence, reach, security, server, verbs
from hitrate.cli.doctor.facts import Facts, Interview, gather
from hitrate.cli.doctor.finding import Finding, Level, info
from hitrate.cli.doctor.report import Report
from hitrate.cli.exits import is_unreachable
from hitrate.cli.output import Advance
from hitrate.cli.target import Target

Progress = Callable[[str, int | None], AbstractContextManager[Advance]]
"""What `hitrate.cli.output.Output.progress` is."""

# What the server said of itself is all that these need.
BY_FACTS: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    reach.check_user,
    reach.check_tls,
    server.check_version,
    server.check_role,
    server.check_statistics,
    memory.check_limit,
    memory.check_policy,
    memory.check_fragmentation,
    memory.check_huge_pages,
    persistence.check_snapshots,
    persistence.check_append_only,
    persistence.check_forks,
    security.check_password,
    security.check_protected_mode,
    security.check_user_rights,
    limits.check_clients,
    limits.check_timeouts,
    limits.check_output_buffers,
    limits.check_lazy_free,
    keyspace.check_neighbours,
)
# What stays unknown without a command.
HIDDEN = {
    "INFO": "version, role, memory, persistence, clients and statistics",
    "DBSIZE": "the number of keys",
    "CONFIG GET": "settings: policy, persistence, protected mode, buffers, timeouts",
    "ACL WHOAMI": "the name of the user",
    "ACL GETUSER": "whether the user 'default' needs a password",
    "SCAN": "keys and their sizes",
    "MEMORY USAGE": "what keys take in memory",
}


def examine(target: Target, progress: Progress, *, samples: int = 1000, keys: int = 1000) -> Report:
    """
    Examine a server, and the way to it. What is stored for that has random keys and a lifetime, and is deleted.

    Args:
        target: the server.
        progress: shows how far the long checks are.
        samples: round trips that are timed.
        keys: keys that are looked at.

    Raises:
        ConfigError: the URL or an option is wrong.
    """
    cache = target.open()
    try:
        return _examine(cache, target, progress, samples=samples, keys=keys)
    finally:
        cache.close()


def _examine(cache: Cache, target: Target, progress: Progress, *, samples: int, keys: int) -> Report:
    findings: list[Finding] = []
    is_reachable = True
    try:
        findings.append(reach.contact(cache, target))
        facts = gather(cache, target)
        for check in BY_FACTS:
            findings += check(facts)
        findings += _by_doing(cache, facts, progress, samples=samples, keys=keys)
    except ServerError as error:
        # Whatever was found until then stays.
        is_reachable = bool(findings) or not is_unreachable(error)
        findings.append(reach.explain(error, target))
    findings.sort(key=lambda finding: _order(finding.check))
    return Report(target.address, cache.make_key(""), is_reachable, tuple(findings))


def _by_doing(cache: Cache, facts: Facts, progress: Progress, *, samples: int, keys: int) -> Iterator[Finding]:
    # Nobody has these keys, and nobody can guess them.
    name = f"hitrate-doctor-{secrets.token_hex(8)}"
    yield from access.check_commands(cache, facts, cache.make_key(f"{name}-access"))
    working = list(verbs.check_verbs(cache, facts, f"{name}-verbs"))
    yield from working
    if working[-1].level is Level.OK:
        # Where these fail there is nothing to time.
        yield from verbs.check_speed(facts, f"{name}-speed")
    # A user who may not even read was found out above; a replica can be read, and so timed.
    with suppress(ServerPermissionError), progress("timing round trips", samples) as advance:
        yield from latency.check_latency(facts, f"{name}-latency", samples=samples, advance=advance)
    with progress("looking at keys", keys) as advance:
        interview = Interview(cache)
        yield from keyspace.check_keyspace(interview, facts, cache.make_key(""), limit=keys, advance=advance)
    yield from check_sight(facts, interview.refused)


def check_sight(facts: Facts, refused: Sequence[str] = ()) -> Iterator[Finding]:
    """What could not be seen, and how to let it be seen; `refused` are commands besides those of the facts."""
    if facts.target.is_embedded:
        yield info(
            "sight.embedded",
            "the store lives in this process, and ends with it: there is no server to examine",
            why="every other process has one of its own, so what one worker deletes, another still serves",
            advice="use a server as soon as there is more than one worker",
        )
        return
    hidden = {name: HIDDEN[name] for name in [*facts.refused, *refused] if name in HIDDEN}
    if hidden:
        user = facts.user or facts.target.username or "default"
        rights = " ".join(f"+{name.lower().replace(' ', '|')}" for name in hidden)
        yield info(
            "sight.refused",
            f"not seen: {'; '.join(f'{what} ({name})' for name, what in hidden.items())}",
            list(hidden),
            why="hitrate itself needs none of these; this examination is the poorer for it",
            advice=f"ACL SETUSER {user} {rights}; or run it as a user who may, with --url",
        )


def _order(check: str) -> int:
    groups = "reach server access verbs latency memory persistence security limits keyspace sight".split()
    return groups.index(check.partition(".")[0])
