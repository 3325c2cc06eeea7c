"""How many keys there are, under which prefixes, and how large: from a sample, by ``SCAN``, within bounds."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hitrate.cli.doctor.facts import Facts, Interview, text
from hitrate.cli.doctor.finding import Finding, info, ok, warning
from hitrate.cli.output import Advance
from hitrate.cli.timing import counted, size

# Seconds for the whole sample, however slow the server is.
BUDGET = 10.0
STEP = 500
GROUPS_SHOWN = 12
LARGE = 1 << 20
NO_PREFIX = "(no prefix)"
# What is an identifier and no name of a kind: numbers, network addresses, digests, UUIDs, mail addresses, tokens.
IDENTIFIER = re.compile(r"[\d.]+|[0-9a-fA-F-]{8,}|.*@.*|(?=.*\d).{16,}|.{33,}", re.DOTALL)


@dataclass
class Group:
    """
    Keys of the sample with one prefix.

    Attributes:
        keys: how many.
        sized: those whose size is known.
        total_bytes: of those.
        largest_bytes: of the largest.
        lasting: those without a lifetime.
    """

    keys: int = 0
    sized: int = 0
    total_bytes: int = 0
    largest_bytes: int = 0
    lasting: int = 0

    def add(self, size_bytes: int | None, *, is_lasting: bool) -> None:
        """Count one key."""
        self.keys += 1
        self.lasting += is_lasting
        if size_bytes is not None:
            self.sized += 1
            self.total_bytes += size_bytes
            self.largest_bytes = max(self.largest_bytes, size_bytes)

    @property
    def mean_bytes(self) -> float | None:
        """Mean size of those whose size is known; None if none is."""
        return self.total_bytes / self.sized if self.sized else None

    def as_dict(self, scale: float) -> dict[str, Any]:
        """What was seen, and estimates for the whole: `scale` keys are there for each in the sample."""
        mean = self.mean_bytes
        return {
            "keys_sampled": self.keys,
            "keys_estimated": round(self.keys * scale),
            "mean_bytes": None if mean is None else round(mean),
            "largest_bytes": None if mean is None else self.largest_bytes,
            "bytes_estimated": None if mean is None else round(self.keys * scale * mean),
            "without_lifetime": self.lasting,
        }


def check_keyspace(interview: Interview, facts: Facts, own: str, *, limit: int, advance: Advance) -> Iterator[Finding]:
    """
    Look at a sample of the keys of this database, whoever wrote them.

    Args:
        interview: asks for them.
        facts: what is known of the server.
        own: what this cache puts in front of its keys; these are grouped by what follows it.
        limit: keys that are looked at; fewer if it takes longer than ten seconds.
        advance: told about each.
    """
    total = facts.number("total_keys")
    groups: dict[str, Group] = {}
    seen, is_whole = _sample(interview, own, limit, groups, advance)
    if "SCAN" in interview.refused:
        return
    scale = total / seen if total and seen and not is_whole else 1.0
    how_sized = "STRLEN" if "MEMORY USAGE" in interview.refused else "MEMORY USAGE"
    there = f"{counted(int(total), 'key')} in this database" if total is not None else f"at least {seen:,} keys"
    yield info(
        "keyspace.count",
        f"{there}, {'all' if is_whole else f'{seen:,}'} of them looked at",
        {"total": total, "sampled": seen, "is_whole": is_whole},
    )
    if not groups:
        return
    largest = sorted(groups.items(), key=lambda item: item[1].total_bytes, reverse=True)
    shown = {name: group.as_dict(scale) for name, group in largest[:GROUPS_SHOWN]}
    rest = largest[GROUPS_SHOWN:]
    yield info(
        "keyspace.sizes",
        f"sizes by prefix ({how_sized}{'' if is_whole else ', estimated from the sample'})"
        + (f"; {len(rest):,} more prefixes with {sum(group.keys for _, group in rest):,} sampled keys" if rest else ""),
        shown,
    )
    yield from _judge(groups, facts, seen)


def check_neighbours(facts: Facts) -> Iterator[Finding]:
    """Whether this cache takes keys of another one for its own."""
    near = facts.target.neighbours
    if near:
        yield warning(
            "keyspace.neighbours",
            f"keys of {' and '.join(near)} look like keys of this cache, for its prefix begins theirs",
            list(near),
            why="clear() deletes them too, and so does an overflow of the journal, but for critical keys",
            advice="choose prefixes of which none begins with another, or another database for one of them",
        )


def table(groups: dict[str, dict[str, Any]]) -> list[str]:
    """Lay the value of ``keyspace.sizes`` out as lines of text."""
    rows = [("prefix", "keys", "mean", "largest", "in all")]
    for name, group in groups.items():
        sizes = [group["mean_bytes"], group["largest_bytes"], group["bytes_estimated"]]
        mean, largest, whole = ("?" if found is None else size(found) for found in sizes)
        rows.append((name, f"{group['keys_estimated']:,}", mean, largest, whole))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return [
        f"{row[0]:<{widths[0]}}  " + "  ".join(f"{cell:>{widths[at]}}" for at, cell in enumerate(row) if at)
        for row in rows
    ]


def group_of(key: str, own: str) -> str:
    """
    Tell under which prefix a key stands.

    Args:
        key: full key.
        own: what this cache puts in front of its own; may be empty.

    Returns:
        ``"shop:1:products:*"``, ``"other:*"``, ``"shop:1:*"`` for own keys without a further part. What looks like an
        identifier is replaced, so that neither ids of sessions nor thousands of prefixes turn up. The records of tags,
        which hitrate keeps beside, are named.
    """
    front = own if own and key.startswith(own) else ""
    first, colon, _ = key[len(front) :].partition(":")
    if not colon:
        return f"{front}*" if front else NO_PREFIX
    if front and first == "hitrate":
        return f"{front}hitrate:* (records of tags)"
    return f"{front}{'<id>' if IDENTIFIER.fullmatch(first) else first}:*"


def _sample(interview: Interview, own: str, limit: int, groups: dict[str, Group], advance: Advance) -> tuple[int, bool]:
    """Fill `groups`; return how many keys were seen, and whether these are all."""
    end = time.monotonic() + BUDGET
    seen: set[bytes] = set()
    cursor = 0
    while True:
        page = interview.ask("SCAN", cursor, "COUNT", min(limit, STEP))
        if page is None:
            return 0, False
        cursor = int(page[0])
        for key in page[1]:
            if len(seen) >= limit or time.monotonic() > end:
                return len(seen), False
            if key not in seen:
                seen.add(key)
                is_lasting, size_bytes = _look(interview, key)
                groups.setdefault(group_of(text(key), own), Group()).add(size_bytes, is_lasting=is_lasting)
                advance(1)
        if cursor == 0:
            return len(seen), True


def _look(interview: Interview, key: bytes) -> tuple[bool, int | None]:
    """Whether a key has no lifetime, and how many bytes it takes, as far as this user may ask."""
    is_lasting = interview.ask("PTTL", key) == -1
    found = interview.ask("MEMORY", "USAGE", key, words=2)
    return is_lasting, interview.ask("STRLEN", key) if "MEMORY USAGE" in interview.refused else found


def _judge(groups: dict[str, Group], facts: Facts, seen: int) -> Iterator[Finding]:
    large = {name: group.largest_bytes for name, group in groups.items() if group.largest_bytes > LARGE}
    if large:
        names = ", ".join(f"{name} ({size(found)})" for name, found in list(large.items())[:GROUPS_SHOWN])
        yield warning(
            "keyspace.large",
            f"values larger than {size(LARGE)}: {names}",
            large,
            why="while one is sent, every other client of the server waits",
            advice="split them or cache less; redis-cli --memkeys finds them by name",
        )
    lasting = sum(group.lasting for group in groups.values())
    value = {"sampled": seen, "without_lifetime": lasting}
    if not lasting:
        yield ok("keyspace.lifetime", "every key of the sample has a lifetime", value)
    elif (facts.policy or "").startswith("allkeys-"):
        yield info("keyspace.lifetime", f"{lasting:,} of {seen:,} keys of the sample have no lifetime", value)
    else:
        names = ", ".join(name for name, group in groups.items() if group.lasting)
        yield warning(
            "keyspace.lifetime",
            f"{lasting:,} of {seen:,} keys of the sample have no lifetime ({names[:200]})",
            value,
            why="nothing ever removes them: they are not evicted under this policy, and a lost deletion is for ever",
            advice="give them a ttl; or CONFIG SET maxmemory-policy allkeys-lru, if all of it is a cache",
        )
