"""Settings of the server that bound what clients may take, and how long they may be silent."""

from __future__ import annotations

from collections.abc import Iterator

from hitrate.cli.doctor.facts import Facts
from hitrate.cli.doctor.finding import Finding, config_set, info, ok, problem, warning

LAZY_FREE = ("lazyfree-lazy-eviction", "lazyfree-lazy-expire", "lazyfree-lazy-server-del", "lazyfree-lazy-user-del")
# Seconds after which hitrate itself closes an idle connection.
IDLE_TIMEOUT = 60
PUBSUB = "pubsub 33554432 8388608 60"


def check_clients(facts: Facts) -> Iterator[Finding]:
    """How many may connect, and do."""
    limit, connected = facts.number("maxclients"), facts.number("connected_clients")
    if limit is None and facts.config.get("maxclients", "").isdecimal():
        limit = int(facts.config["maxclients"])
    if not limit or connected is None:
        return
    rejected = facts.number("rejected_connections") or 0
    value = {"maxclients": limit, "connected": connected, "rejected": rejected}
    found = f"{connected:,.0f} of {limit:,.0f} clients (maxclients)"
    check = "limits.clients"
    advice = config_set({"maxclients": f"{int(limit) * 2}"}) + "; and lower max_connections of each process"
    if connected > 0.95 * limit:
        yield problem(check, found, value, why="the next workers are refused and read misses only", advice=advice)
    elif connected > 0.8 * limit:
        yield warning(check, found, value, why="a deployment doubles the workers for a while", advice=advice)
    elif rejected:
        found += f", {rejected:,.0f} were refused since the server started"
        yield warning(check, found, value, why="who was refused had no cache", advice=advice)
    else:
        yield ok(check, found, value)


def check_timeouts(facts: Facts) -> Iterator[Finding]:
    """Who closes silent connections, and when."""
    timeout, keepalive = facts.config.get("timeout"), facts.config.get("tcp-keepalive")
    if timeout is None:
        return
    check = "limits.timeouts"
    value = {"timeout": int(timeout), "tcp_keepalive": int(keepalive or 0)}
    found = f"timeout {timeout} s, tcp-keepalive {keepalive or 0} s"
    if keepalive == "0" and timeout == "0":
        why = "connections of machines that vanished stay for ever and count as clients"
        yield warning(check, found, value, why=why, advice=config_set({"tcp-keepalive": "300"}))
    elif 0 < int(timeout) < IDLE_TIMEOUT:
        why = "the server closes idle connections before hitrate does, which costs a new one at the next call"
        advice = f"{config_set({'timeout': '0'})}; or give hitrate idle_timeout={max(int(timeout) - 1, 1)}"
        yield info(check, found, value, why=why, advice=advice)
    else:
        yield ok(check, found, value)


def check_output_buffers(facts: Facts) -> Iterator[Finding]:
    """Whether a subscriber that no longer reads can fill the server's memory."""
    setting = facts.config.get("client-output-buffer-limit")
    if setting is None:
        return
    words = setting.split()
    limits = {words[at]: words[at + 1 : at + 4] for at in range(0, len(words) - 3, 4)}
    pubsub = limits.get("pubsub", [])
    check = "limits.pubsub_buffer"
    if pubsub[:2] == ["0", "0"]:
        yield warning(
            check,
            "client-output-buffer-limit of pubsub is 0: no limit",
            setting,
            why="a stopped worker that listens to the server makes it keep all its messages, until memory is full",
            advice=config_set({"client-output-buffer-limit": f'"{PUBSUB}"'}),
        )
    elif pubsub:
        yield ok(check, f"client-output-buffer-limit is pubsub {' '.join(pubsub)}", setting)


def check_lazy_free(facts: Facts) -> Iterator[Finding]:
    """Whether freeing a large value stops the server."""
    found = {name: facts.config[name] for name in LAZY_FREE if name in facts.config}
    if not found:
        return
    eager = [name for name, setting in found.items() if setting == "no"]
    if eager:
        why = "evicting, expiring or overwriting a large value then stops the server while its memory is freed"
        advice = config_set(dict.fromkeys(eager, "yes"))
        yield info("limits.lazy_free", f"{', '.join(eager)}: no", found, why=why, advice=advice)
    else:
        yield ok("limits.lazy_free", "values are freed in the background", found)
