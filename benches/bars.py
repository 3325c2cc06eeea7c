"""What the comparison must show: a bar is a limit on the ratio, or on the difference, of two medians of one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness import Row

NOISE = 1.10  # differences under 10 % between two runs of the same code are what this kind of measurement gives


@dataclass(frozen=True)
class Bar:
    """
    One limit. Exactly one of `at_most`, `at_least` (both on the ratio) and `at_most_more` (on the difference) is set.

    Attributes:
        contender, metric: what is judged.
        against: the contender it is compared with.
    """

    contender: str
    metric: str
    against: str
    at_most: float | None = None
    at_least: float | None = None
    at_most_more: float | None = None

    @property
    def text(self) -> str:
        if self.at_most_more is not None:
            limit = f"at most {self.at_most_more:,.0f} more than"
        elif self.at_most is not None:
            limit = f"at most {self.at_most:.3g} of"
        else:
            limit = f"at least {self.at_least:.3g} of"
        return f"{self.contender}: {self.metric} {limit} {self.against}"


@dataclass(frozen=True)
class Verdict:
    """A bar and what was found: `value` is the ratio or the difference; `passed` is None if a side was not measured."""

    bar: Bar
    value: float | None
    passed: bool | None

    @property
    def text(self) -> str:
        word = {True: "pass", False: "FAIL", None: "not measured"}[self.passed]
        found = "" if self.value is None else f" ({self.value:,.3g})"
        return f"{word}: {self.bar.text}{found}"


def judge(bar: Bar, rows: Mapping[str, Row]) -> Verdict:
    """Compare the medians."""
    ours, theirs = (rows[name].median(bar.metric) if name in rows else None for name in (bar.contender, bar.against))
    if ours is None or theirs is None:
        return Verdict(bar, None, None)
    if bar.at_most_more is not None:
        return Verdict(bar, ours - theirs, ours - theirs <= bar.at_most_more)
    ratio = ours / theirs
    if bar.at_most is not None:
        return Verdict(bar, ratio, ratio <= bar.at_most)
    assert bar.at_least is not None
    return Verdict(bar, ratio, ratio >= bar.at_least)
