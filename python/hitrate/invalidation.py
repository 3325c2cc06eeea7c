"""
What is to be forgotten: keys, patterns and tags, collected first, then forgotten in one go.

An entry of ours never stands under a key that other code reads. It stands below one, at ``{key}:{parts}:h1``, so to
forget a key is to delete it and what is below it. A pattern that ends in ``*`` covers what is below by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hitrate._native import escape_glob, glob_matches
from hitrate.exceptions import ServerError

if TYPE_CHECKING:
    from collections.abc import Generator

    from hitrate._native import Client

__all__ = ["NATIVE_SUFFIX", "Forgetting", "aforget", "forget", "postpone"]

# How the key of an entry of ours ends.
NATIVE_SUFFIX = ":h1"

_ELEMENT = re.compile(r"\\(.)|([*?\[])|(.)", re.DOTALL)

Call = tuple[str, tuple[Any, ...]]
"""A verb of the client, and its arguments."""


@dataclass
class Forgetting:
    """
    What is to be forgotten in one cache.

    Attributes:
        keys: without what the cache puts in front.
        patterns: globs for such keys, each with something to match.
        tags: names.
    """

    keys: set[str] = field(default_factory=set)
    patterns: set[str] = field(default_factory=set)
    tags: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, *, patterns: Iterable[str] = (), keys: Iterable[str] = (), tags: Iterable[str] = ()) -> Forgetting:
        """Collect; a pattern in which nothing is to be matched is the key that it spells."""
        found = cls(set(keys), set(), set(tags))
        for pattern in patterns:
            spelled = _literal(pattern)
            if spelled is None:
                found.patterns.add(pattern)
            else:
                found.keys.add(spelled)
        return found

    def __bool__(self) -> bool:
        return bool(self.keys or self.patterns or self.tags)

    def add(self, other: Forgetting) -> None:
        """Collect what the other one has, too."""
        self.keys |= other.keys
        self.patterns |= other.patterns
        self.tags |= other.tags

    def affects(self, key: str, tags: Iterable[str] = ()) -> bool:
        """
        Tell whether an entry would be forgotten.

        Args:
            key: under which it is known, or at which it stands.
            tags: that it has.
        """
        if not self.tags.isdisjoint(tags) or key in self.keys:
            return True
        if self.keys and any(above in self.keys for above in _above(key)):
            return True
        return any(glob_matches(glob, key) for pattern in self.patterns for glob in _both(pattern))

    def exact(self) -> list[str]:
        """Return the keys to delete: those given, and those of our own entries at them."""
        return sorted({*self.keys, *(key + NATIVE_SUFFIX for key in self.keys)})

    def globs(self, names_critical: Callable[[str], bool] = lambda _: False) -> list[str]:
        """
        Return the patterns to look for: those given, and those for what is below keys; none that another covers.

        Args:
            names_critical: whether a pattern is one that takes critical keys, too, which others leave alone.
        """
        wanted = {glob for pattern in self.patterns for glob in _both(pattern)}
        wanted.update(_below(escape_glob(key)) for key in self.keys)
        found: list[str] = []
        beginnings: dict[bool, list[str]] = {False: [], True: []}
        # The shortest first, so that of two that cover each other one is kept.
        for glob in sorted(wanted, key=lambda glob: (len(glob), glob)):
            is_naming = names_critical(glob)
            if glob.startswith(tuple(beginnings[is_naming])):
                continue
            found.append(glob)
            if _covers_all_it_begins(glob):
                for covered in {False, is_naming}:
                    beginnings[covered].append(glob[:-1])
        return sorted(found)


def forget(cache: Client, what: Forgetting, version: Any = None) -> int | None:
    """
    Forget; see `hitrate.Cache.invalidate`.

    Raises:
        ServerError: the server is away, and ``on_error="raise"``. What could be forgotten was.
    """
    calls = _calls(cache, what, version)
    answer: Any = None
    while True:
        try:
            verb, arguments = calls.send(answer)
        except StopIteration as end:
            return _count(end.value)
        try:
            answer = getattr(cache, verb)(*arguments)
        except ServerError as error:
            answer = error
        except BaseException:
            # A signal ended the wait: what has not begun yet is not begun any more.
            _write_down(cache, what, version)
            raise


async def aforget(cache: Client, what: Forgetting, version: Any = None) -> int | None:
    """Forget, as `forget` does."""
    calls = _calls(cache, what, version)
    answer: Any = None
    while True:
        try:
            verb, arguments = calls.send(answer)
        except StopIteration as end:
            return _count(end.value)
        twin = f"_a{verb[1:]}" if verb.startswith("_") else f"a{verb}"
        try:
            answer = await getattr(cache, twin)(*arguments)
        except ServerError as error:
            answer = error
        except BaseException:
            # Cancelled. What is under way goes on by itself; the rest would never begin.
            _write_down(cache, what, version)
            raise


def postpone(cache: Client, patterns: Iterable[str], version: Any = None) -> None:
    """
    Let what matches be forgotten as soon as the server answers: for who has just waited for that in vain.

    Args:
        cache: the cache, in which it is a miss from now on.
        patterns: globs, as `hitrate.Cache.invalidate` takes them.
        version: key version, where keys have one.
    """
    _write_down(cache, Forgetting.of(patterns=patterns), version)


def _write_down(cache: Client, what: Forgetting, version: Any) -> None:
    if what.keys or what.patterns:
        # Verbs of the client for this module alone.
        cache._postpone(what.exact(), what.globs(cache._names_critical), version)  # noqa: SLF001


def _calls(cache: Client, what: Forgetting, version: Any) -> Generator[Call, Any, list[Any]]:
    """Yield what is to be called, get the results or errors, return those that count."""
    results: list[Any] = []
    if what.tags:
        results.append((yield "_forget_tags", (sorted(what.tags), version)))
    if what.keys or what.patterns:
        # First: a loader that read in an older snapshot, and fills after the deletion, must find it.
        noted = yield "_note_forgotten", (version,)
        if isinstance(noted, ServerError):
            results.append(noted)
    if what.keys:
        results.append((yield "delete_many", (what.exact(), version)))
    if what.keys or what.patterns:
        names_critical = cache._names_critical  # noqa: SLF001 (as the verbs here are)
        results.append((yield "_forget_patterns", (what.globs(names_critical), version)))
    return results


def _count(results: Iterable[Any]) -> int | None:
    """Add up the results; None if one is not known yet. Raise the first error among them."""
    total = 0
    is_known = True
    for result in results:
        if isinstance(result, ServerError):
            raise result
        is_known = is_known and result is not None
        total += result or 0
    return total if is_known else None


def _literal(pattern: str) -> str | None:
    """Return the only text that the pattern matches; None if it may match several."""
    spelled = []
    for escaped, special, plain in _ELEMENT.findall(pattern):
        if special:
            return None
        spelled.append(escaped or plain)
    return "".join(spelled)


def _both(pattern: str) -> tuple[str, ...]:
    """Return the pattern, and those of our entries at and below what it matches, unless it covers these itself."""
    return (pattern,) if _ends_in_star(pattern) else (pattern, pattern + NATIVE_SUFFIX, _below(pattern))


def _below(pattern: str) -> str:
    return f"{pattern}:*{NATIVE_SUFFIX}"


def _ends_in_star(pattern: str) -> bool:
    return bool(re.search(r"(?<!\\)(\\\\)*\*\Z", pattern))


def _covers_all_it_begins(pattern: str) -> bool:
    """Tell whether it covers every pattern that begins as it does without its star."""
    # Within brackets, a star at the end would be no star.
    return "[" not in pattern and _ends_in_star(pattern)


def _above(key: str) -> Iterator[str]:
    """Yield the keys at or below which an entry of ours at this one may stand."""
    if not key.endswith(NATIVE_SUFFIX):
        return
    key = key.removesuffix(NATIVE_SUFFIX)
    at = key.find(":")
    while at >= 0:
        yield key[:at]
        at = key.find(":", at + 1)
    yield key
