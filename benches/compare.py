"""
Compare hitrate with other libraries on one server, side by side in one run.

``python benches/compare.py --help`` tells the options; `README.md` beside this file tells how to read the result. The
server is the one in ``HITRATE_URL``, or one that is started for the run and gone afterwards.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cases
from bars import judge
from bench import Bench, Case
from harness import run_rounds
from peers import configure_django
from report import LEGEND, Result, machine, markdown, show, write_json
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hitrate.testing import throwaway_server


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    chosen = [case for case in cases.ALL if _is_chosen(case, options.only)]
    if options.list:
        for case in chosen:
            print(f"{case.name:18} {case.title}")
        return
    console = Console(width=None if os.isatty(1) else 180)
    rounds = options.rounds or (2 if options.quick else 7)
    seconds = options.seconds or (0.05 if options.quick else 0.2)
    configure_django()
    with _bench(seconds, options.quick) as bench:
        facts = machine(bench.server().version, rounds, seconds)
        console.print("\n".join(f"{name}: {value}" for name, value in facts.items()), LEGEND, "", sep="\n")
        results = [result for case in chosen if (result := _run(case, bench, rounds, console)) is not None]
    if options.json:
        write_json(options.json, results, facts)
    if options.markdown:
        print(markdown(results, facts))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Compare hitrate with other libraries on one server.")
    parser.add_argument("--only", metavar="CASE", nargs="+", help="these cases only; get* is every case that starts so")
    parser.add_argument("--list", action="store_true", help="name the cases and end")
    parser.add_argument("--rounds", type=int, help="samples per contender (7)")
    parser.add_argument("--seconds", type=float, help="length of a sample (0.2); some cases use a multiple of it")
    parser.add_argument("--quick", action="store_true", help="2 short rounds and less data: to try it, not to quote it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample to this file")
    parser.add_argument("--markdown", action="store_true", help="end with the tables of the README")
    return parser


def _is_chosen(case: Case, only: Sequence[str] | None) -> bool:
    return only is None or any(Path(case.name).match(pattern) for pattern in only)


@contextmanager
def _bench(seconds: float, quick: bool) -> Iterator[Bench]:
    if url := os.environ.get("HITRATE_URL"):
        yield Bench(url, None, None, seconds, quick)
        return
    with throwaway_server(unixsocket=True) as server:
        yield Bench(f"{server.url}/0", server.unix_url, server.pid, seconds, quick)


def _run(case: Case, bench: Bench, rounds: int, console: Console) -> Result | None:
    if why := case.why_skipped(bench):
        console.print(f"skipped: {case.title}: {why}\n", highlight=False)
        return None
    present, missing = case.available()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(case.name, total=rounds * len(present))
        pids = [bench.pid] if bench.pid else []
        with case.run(bench) as measure:
            rows = run_rounds(present, measure, rounds, pids, lambda _name: progress.advance(task))
    result = Result(case, rows, [judge(bar, rows) for bar in case.bars])
    show(console, result, missing)
    return result


if __name__ == "__main__":
    main()
