"""``hitrate doctor``: examine a server and write the report."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from hitrate.cli.arguments import count
from hitrate.cli.doctor.examination import examine
from hitrate.cli.output import Output
from hitrate.cli.target import Target


def add_arguments(parser: ArgumentParser) -> None:
    """Add what the examination takes, besides the server; `manage.py hitrate doctor` takes the same."""
    parser.add_argument("--json", action="store_true", help="write JSON, as docs/guides/doctor.md describes it")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if there are warnings")
    parser.add_argument(
        "--samples", type=count, default=1000, metavar="N", help="round trips that are timed (default: 1000)"
    )
    parser.add_argument("--keys", type=count, default=1000, metavar="N", help="keys that are looked at (default: 1000)")


def doctor(target: Target, options: Namespace, output: Output) -> int:
    """Examine the server, and return the exit code that says how it is."""
    report = examine(target, output.progress, samples=options.samples, keys=options.keys)
    if options.json:
        output.json(report.as_dict())
    else:
        report.write(output)
    return report.exit_code(is_strict=options.strict)
