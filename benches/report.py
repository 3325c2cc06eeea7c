"""The results as a person reads them, as the README shows them, and as JSON."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bars import Verdict
from bench import Case
from harness import FOREIGN_LIMIT, Row
from peers import DJANGO, DJANGO_REDIS, GLIDE, HITRATE, HITRATE_OFF, LOCMEM, REDIS_PY, VCACHE
from rich.console import Console
from rich.table import Table

PACKAGES = (
    "hitrate",
    "Django",
    "django-redis",
    "redis",
    "hiredis",
    "django-vcache",
    "valkey-glide-sync",
    "valkey-glide",
)
README_COLUMNS = (HITRATE, HITRATE_OFF, DJANGO_REDIS, DJANGO, VCACHE, REDIS_PY, GLIDE, LOCMEM)


@dataclass(frozen=True)
class Result:
    """A case that was run."""

    case: Case
    rows: Mapping[str, Row]
    verdicts: Sequence[Verdict]


def machine(server: str, rounds: int, seconds: float) -> dict[str, Any]:
    """Where and how this run was made."""
    return {
        "machine": f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} cores",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "server": server,
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "rounds": rounds,
        "seconds per sample": seconds,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def number(value: float) -> str:
    """Three digits that count, and thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def cell(row: Row | None, metric: str) -> str:
    """Median and p25–p75."""
    median = row.median(metric) if row else None
    if row is None or median is None:
        return "–"
    low, high = row.spread(metric)
    return f"{number(median)} [{number(low)}–{number(high)}]"


def show(console: Console, result: Result, missing: Mapping[str, str]) -> None:
    """Print one case: a table, who is missing, and its bars."""
    table = Table(title=result.case.title, title_justify="left", title_style="bold")
    table.add_column(r"median \[p25–p75]")
    for column in result.case.columns:
        table.add_column(column, justify="right")
    for name, row in result.rows.items():
        table.add_row(name + _mark(row), *(cell(row, column) for column in result.case.columns))
    console.print(table)
    for name, why in missing.items():
        console.print(f"  skipped: {name}: {why}", highlight=False)
    for verdict in result.verdicts:
        colour = {True: "green", False: "red", None: "yellow"}[verdict.passed]
        console.print(f"  {verdict.text}", style=colour, highlight=False)
    console.print()


def _mark(row: Row) -> str:
    noisy = f" *{row.noisy}/{len(row.samples)}" if row.noisy else ""
    return noisy + (f" (missed {row.missed})" if row.missed else "")


LEGEND = (
    f"*n/m: n of m samples were taken beside more than {FOREIGN_LIMIT:g} core of foreign CPU, after repeats. "
    "wall: per operation. CPU: of the client process, its own threads included, per operation."
)


def markdown(results: Sequence[Result], facts: Mapping[str, Any]) -> str:
    """The README's tables: the first column of each case, what does not fit there, and the bars."""
    where = "; ".join(facts[name] for name in ("machine", "python", "server"))
    packages = ", ".join(f"{name} {found}" for name, found in facts["packages"].items())
    lines = [
        f"{where}; {packages}; median [p25–p75] of {facts['rounds']} interleaved rounds.",
        "",
        "| case | " + " | ".join(README_COLUMNS) + " |",
        "|---" * (len(README_COLUMNS) + 1) + "|",
    ]
    others: list[str] = []
    for result in results:
        metric = result.case.columns[0]
        label = f"{result.case.title}, {metric}"
        if any(name in result.rows for name in README_COLUMNS):
            cells = [cell(result.rows.get(name), metric) for name in README_COLUMNS]
            lines.append(f"| {label} | " + " | ".join(cells) + " |")
        rest = [f"{name} {cell(row, metric)}" for name, row in result.rows.items() if name not in README_COLUMNS]
        others += [f"- {label}: {', '.join(rest)}"] if rest else []
    lines += ["", *others, "", "| what must hold | found | |", "|---|---|---|"]
    for result in results:
        lines += [_bar_line(result.case, verdict) for verdict in result.verdicts]
    return "\n".join(lines)


def _bar_line(case: Case, verdict: Verdict) -> str:
    word = {True: "pass", False: "**no**", None: "not measured"}[verdict.passed]
    found = "–" if verdict.value is None else number(verdict.value)
    return f"| {case.title}: {verdict.bar.text} | {found} | {word} |"


def write_json(path: Path, results: Iterable[Result], facts: Mapping[str, Any]) -> None:
    """Everything, every sample included."""
    cases = [
        {
            "name": result.case.name,
            "title": result.case.title,
            "contenders": {
                name: {"samples": row.samples, "noisy": row.noisy, "missed": row.missed}
                for name, row in result.rows.items()
            },
            "bars": [{"text": v.bar.text, "value": v.value, "passed": v.passed} for v in result.verdicts],
        }
        for result in results
    ]
    document = {**facts, "command": sys.argv, "cases": cases}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
