"""The commands that look and change nothing: ping, stats, keys, get, ttl."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from math import inf
from typing import Any

from hitrate import Cache
from hitrate.cli import exits
from hitrate.cli.doctor.facts import Facts, text
from hitrate.cli.doctor.server import STATISTICS, name_and_version
from hitrate.cli.entries import look_into, write
from hitrate.cli.output import Output
from hitrate.cli.session import Session
from hitrate.cli.timing import duration, measure, size
from hitrate.cli.values import CERTAIN, HEAD_BYTES, Stored, describe, own_kind

MISSING = object()


def ping(run: Session) -> int:
    """Time round trips to the server, the first with the connecting."""
    with run.output.progress("pinging", run.options.count) as advance:
        first = measure(lambda: run.cache.execute("PING"), 1, budget=inf)
        timings = measure(lambda: run.cache.execute("PING"), run.options.count, budget=inf, advance=advance)
    found = timings.as_dict()
    if run.options.json:
        run.output.json({"address": run.target.address, "connect": first.median, **found})
    else:
        run.output.line(
            f"PONG from {run.target.address}: median {duration(found['p50'])}, p99 {duration(found['p99'])}, max "
            f"{duration(found['max'])} of {found['count']:,}; the first, which connects, {duration(first.median)}"
        )
    return exits.FINE


def stats(run: Session) -> int:
    """Tell what the server says of itself."""
    info = run.cache.server_info()
    if run.options.json:
        run.output.json({"address": run.target.address, **info})
        return exits.FINE
    known = name_and_version(Facts(run.target, info))
    run.output.line(f"{' '.join(known) if known else 'server'} at {run.target.address}")
    for name in STATISTICS:
        if name in info:
            run.output.line(f"  {name:<26} {_readable(name, info[name])}")
    if info["missing"]:
        run.output.line(f"  not seen: this user may not run {', '.join(info['missing'])}")
    return exits.FINE


def _readable(name: str, value: Any) -> str:
    if name == "hit_rate":
        return f"{value:.2%}"
    if name == "used_memory":
        return size(value)
    return f"{value:,}"


def keys(run: Session) -> int:
    """Stream the keys that match, without what the cache puts in front."""
    for key in islice(run.cache.iter_keys(run.options.pattern), run.options.limit):
        found = _kind(key, run.cache) if run.options.long else None
        if run.options.json:
            run.output.json(key if found is None else {"key": key, **found}, is_compact=True)
        elif found is None:
            run.output.line(key)
        else:
            left = "for ever" if found["ttl"] is None else f"{found['ttl']:,} s"
            run.output.line(f"{found['kind']:<12}  {size(found['size_bytes']):>10}  {left:>12}  {key}")
    return exits.FINE


def _kind(key: str, cache: Cache) -> dict[str, Any]:
    """What stands at a key, from its first bytes; nothing is read of it."""
    full = cache.make_key(key)
    kind = text(cache.execute("TYPE", full))
    if kind != "string":
        return {"kind": kind, "size_bytes": 0, "ttl": cache.ttl(key)}
    head = _bytes(cache.execute("GETRANGE", full, 0, HEAD_BYTES - 1))
    return {
        "kind": own_kind(key, head) or "value",
        "size_bytes": cache.execute("STRLEN", full),
        "ttl": cache.ttl(key),
    }


def get(run: Session) -> int:
    """Show a value, with its form, type and size. It is unpickled only where the user says so."""
    key = run.options.key
    stored = run.cache.execute("GET", run.cache.make_key(key))
    if stored is None:
        return _no_key(key, run.output)
    kind = own_kind(key, _bytes(stored))
    if kind is not None:
        return _show_own(kind, _bytes(stored), run)
    found = describe(_bytes(stored))
    if run.options.unpickle and found.form not in CERTAIN:
        value = run.cache.get(key, MISSING)
        if value is not MISSING:
            found = replace(found, value=value, is_read=True)
        elif not found.is_read:
            how = run.options.serializer
            run.output.complain(
                f"hitrate get: the value cannot be read with serializer '{how}': damaged, or another form"
            )
            return exits.PROBLEM
    (_write_json if run.options.json else _write_text)(found, run)
    return exits.FINE


def _show_own(kind: str, stored: bytes, run: Session) -> int:
    """Show something of our own."""
    key = run.options.key
    found = look_into(run.cache, key, kind, stored)
    if found is None:
        run.output.complain(
            f"hitrate get: the {kind} cannot be opened: damaged, of another key, or signed with other keys"
        )
        return exits.PROBLEM
    if run.options.json:
        run.output.json({"key": key, "form": kind, "size_bytes": len(stored), **found})
        return exits.FINE
    run.output.line(f"{kind}, {len(stored):,} bytes")
    write(found, run.output)
    return exits.FINE


def _write_json(found: Stored, run: Session) -> None:
    shown: dict[str, Any] = {"key": run.options.key, "form": found.form, "size_bytes": found.size_bytes}
    if found.is_read:
        shown["type"] = type(found.value).__name__
        # JSON holds neither dates nor bytes.
        shown.update({"value": found.value} if _is_json(found.value) else {"repr": repr(found.value)})
    run.output.json(shown)


def _write_text(found: Stored, run: Session) -> None:
    kind = f" ({type(found.value).__name__})" if found.is_read else ""
    run.output.line(f"{found.form}{kind}, {found.size_bytes:,} bytes")
    if found.is_read:
        run.output.line(repr(found.value))
    else:
        run.output.line("not shown: reading it may run code that it names; if you trust who wrote it, say --unpickle")


def ttl(run: Session) -> int:
    """Tell how long a value still lives."""
    seconds = run.cache.ttl(run.options.key)
    if seconds == 0:
        return _no_key(run.options.key, run.output)
    if run.options.json:
        run.output.json({"key": run.options.key, "ttl": seconds}, is_compact=True)
    else:
        run.output.line("for ever" if seconds is None else f"{seconds} s")
    return exits.FINE


def _no_key(key: str, output: Output) -> int:
    output.complain(f"no key '{key[:100]}'")
    return exits.WARNING


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _bytes(reply: Any) -> bytes:
    return reply if isinstance(reply, bytes) else text(reply).encode()
