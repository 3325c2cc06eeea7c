"""``hitrate bench``: what get, set and get_many take against this server, from here."""

from __future__ import annotations

import secrets

from hitrate.cli import exits
from hitrate.cli.session import Session
from hitrate.cli.timing import duration, measure, size

TTL = 300


def bench(run: Session) -> int:
    """Time each verb, one call after the other; the keys are random, and deleted afterwards."""
    name = f"hitrate-bench-{secrets.token_hex(8)}"
    value = "x" * run.options.size
    many = {f"{name}-{at}": value for at in range(run.options.many)}
    verbs = {
        "set": lambda: run.cache.set(name, value, ttl=TTL),
        "get": lambda: run.cache.get(name),
        f"set_many of {run.options.many}": lambda: run.cache.set_many(many, ttl=TTL),
        f"get_many of {run.options.many}": lambda: run.cache.get_many(many),
    }
    try:
        run.cache.execute("PING")  # connects
        results = {}
        for verb, call in verbs.items():
            with run.output.progress(verb, run.options.count) as advance:
                results[verb] = measure(call, run.options.count, budget=run.options.seconds, advance=advance)
    finally:
        run.cache.delete_many([name, *many])
    if run.options.json:
        measured = {verb: timings.as_dict() for verb, timings in results.items()}
        run.output.json({"address": run.target.address, "value_bytes": run.options.size, "verbs": measured})
        return exits.FINE
    run.output.line(f"{run.target.address}, values of {size(run.options.size)}, one caller; medians of whole calls")
    for verb, timings in results.items():
        run.output.line(
            f"  {verb:<18} {duration(timings.median):>9}   p99 {duration(timings.quantile(0.99)):>9}"
            f"   {1 / timings.median:>9,.0f}/s   {len(timings.seconds):,} calls"
        )
    return exits.FINE
