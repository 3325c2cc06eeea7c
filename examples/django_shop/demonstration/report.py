"""The results, as a table for people or as JSON for programs."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.table import Table


def console(*, stderr: bool = False) -> Console:
    """Colours and the width of the window on a terminal; plain text of a fixed width anywhere else."""
    if (sys.stderr if stderr else sys.stdout).isatty():
        return Console(stderr=stderr, highlight=False)
    return Console(stderr=stderr, highlight=False, width=110, no_color=True)


def show(result: dict[str, Any]) -> None:
    """Print the whole result."""
    out = console()
    out.print(_table(result["endpoints"]))
    totals = result["totals"]
    out.print(
        f"{totals['cached_requests']:,} requests answered from the cache, {totals['queries_avoided']:,} database "
        f"queries avoided; median ratio {totals['median_ratio']}"
    )
    for line in _counter_lines(result["cache_counters"]):
        out.print(line, markup=False)
    change, session = result["change"], result["session"]
    out.print(
        f"change: {change['product']} went from {change['old']} to {change['new']}; the next answer of "
        f"{_workers(change['workers'])} was new, and {change['hits_after']} of the answers after it were hits",
        markup=False,
    )
    out.print(f"session: the cart over {session['total']} was the same in {_workers(session['workers'])}")


def _table(endpoints: list[dict[str, Any]]) -> Table:
    table = Table(title="median of one request over HTTP, in one process and in turns")
    table.add_column("endpoint", no_wrap=True)
    for name in ("uncached ms", "cached ms", "ratio", "queries", "avoided", "bytes"):
        table.add_column(name, justify="right")
    for row in endpoints:
        table.add_row(
            row["name"],
            f"{row['uncached_ms']:.2f}",
            f"{row['cached_ms']:.2f}",
            f"[bold green]{row['ratio']:.1f}[/]",
            f"{row['uncached_queries']} → {row['cached_queries']}",
            f"{row['queries_avoided']:,}",
            f"{row['answer_bytes']:,}",
        )
    return table


def _counter_lines(counters: list[dict[str, Any]]) -> list[str]:
    lines = []
    for found in counters:
        hits, misses = found.get("hits"), found.get("misses")
        if isinstance(hits, int) and isinstance(misses, int):
            share = 100 * hits / max(hits + misses, 1)
            lines.append(f"cache of worker {found['worker']}: {hits:,} hits, {misses:,} misses ({share:.1f} % hits)")
    return lines


def _workers(count: int) -> str:
    return "1 worker" if count == 1 else f"all {count} workers"
