"""All findings of one examination, as JSON and as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hitrate import __version__
from hitrate.cli import exits
from hitrate.cli.doctor.finding import Finding, Level
from hitrate.cli.doctor.keyspace import table
from hitrate.cli.output import Output
from hitrate.cli.timing import counted, duration

# Raised when a member of the JSON is renamed, removed or changes its meaning; new ones may come without.
SCHEMA = 1
STYLES = {Level.OK: "green", Level.INFO: "cyan", Level.WARNING: "yellow", Level.PROBLEM: "bold red"}
BAR = 40


@dataclass(frozen=True)
class Report:
    """
    What an examination found.

    Attributes:
        address: of the server, without user and password.
        prefix: what the cache puts in front of its keys.
        is_reachable: whether the server answered at all.
        findings: in the order in which they were made.
    """

    address: str
    prefix: str
    is_reachable: bool
    findings: tuple[Finding, ...]

    @property
    def level(self) -> Level:
        """The worst level of all findings."""
        return max((finding.level for finding in self.findings), key=lambda level: level.severity, default=Level.OK)

    def exit_code(self, *, is_strict: bool) -> int:
        """The exit code that says this; `is_strict`: warnings count, too."""
        if not self.is_reachable:
            return exits.UNREACHABLE
        if self.level is Level.PROBLEM:
            return exits.PROBLEM
        return exits.WARNING if is_strict and self.level is Level.WARNING else exits.FINE

    def counts(self) -> dict[str, int]:
        """How many findings there are of each level."""
        return {level.value: sum(finding.level is level for finding in self.findings) for level in Level}

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON has it; docs/guides/doctor.md describes it."""
        return {
            "schema": SCHEMA,
            "hitrate": __version__,
            "address": self.address,
            "prefix": self.prefix,
            "is_reachable": self.is_reachable,
            "level": self.level.value,
            "counts": self.counts(),
            "findings": [finding.as_dict() for finding in self.findings],
        }

    def write(self, output: Output) -> None:
        """Write the report for people."""
        output.line(f"hitrate {__version__} examined {self.address}, prefix '{self.prefix}'")
        group = None
        for finding in self.findings:
            if finding.check.partition(".")[0] != group:
                group = finding.check.partition(".")[0]
                output.line()
                output.line((group, "bold"))
            output.line("  ", (f"{finding.level.value:<8}", STYLES[finding.level]), f" {finding.found}")
            for line in _details(finding):
                output.line(f"           {line}")
            if finding.why:
                output.line(("           why: ", "dim"), finding.why)
            if finding.advice:
                output.line(("           do:  ", "dim"), finding.advice)
        counts = self.counts()
        output.line()
        nouns = {Level.PROBLEM: "problem", Level.WARNING: "warning", Level.INFO: "note"}
        words = [counted(counts[level.value], noun) for level, noun in nouns.items()]
        output.line((", ".join([*words, f"{counts['ok']} ok"]), STYLES[self.level]))


def _details(finding: Finding) -> Iterator[str]:
    if finding.check == "keyspace.sizes":
        yield from table(finding.value)
    elif finding.check == "latency.round_trip" and finding.value:
        yield from _histogram(finding.value["buckets"])


def _histogram(buckets: list[list[Any]]) -> Iterator[str]:
    """A bar for each bucket between the first and the last that hold any."""
    filled = [at for at, (_, count) in enumerate(buckets) if count]
    if not filled:
        return
    most = max(count for _, count in buckets)
    for at in range(filled[0], filled[-1] + 1):
        bound, count = buckets[at]
        label = f"> {duration(buckets[at - 1][0])}" if bound is None else f"<= {duration(bound)}"
        yield f"{label:>10}  {count:>7,}  {'#' * (count * BAR // most)}".rstrip()
