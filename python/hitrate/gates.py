"""Limits before a view, in every framework: on whom a request is counted, and what clients are told."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from hitrate.cache import Cache
from hitrate.exceptions import ConfigError
from hitrate.http import Refused, rate_limit_fields, refused
from hitrate.http.refusal import RefusalLayout, original_of
from hitrate.http.text import digest
from hitrate.limits import Decision, Limit, RateLimiter

__all__ = [
    "LISTS",
    "By",
    "Limiters",
    "Readers",
    "Subject",
    "Subjects",
    "Telling",
    "limiters_of",
    "methods_of",
    "subject_name",
]

By: TypeAlias = str | Callable[[Any], object]
"""``"ip"``, ``"user"``, ``"header:X-Api-Key"``, or a function of the request."""

Subject: TypeAlias = Callable[[Any], Any]
"""Tells whom a request is counted on, as a text; None: on nobody. Or something to await, where that is allowed."""

# Structured fields that are lists: of several limits that were declared one by one, they go on.
LISTS = frozenset({"RateLimit-Policy", "RateLimit"})
# With the prefix of a cache, and what a limiter adds, keys stay below the 250 characters that Django warns of.
_LONGEST = 128
_SURROGATE = re.compile("[\ud800-\udfff]")
# The name of a header, by RFC 9110.
_TOKEN = re.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def subject_name(text: str) -> str:
    """
    Whom a limit is about, as a part of a key: the text, or its digest.

    What is long gets one, and what UTF-8 cannot hold: clients can send lone surrogates, ``"\\ud800"`` in JSON.
    """
    return digest(text) if len(text) > _LONGEST or _SURROGATE.search(text) else text


class Limiters:
    """
    Makes the limiter of each cache that it is asked for, once.

    Args:
        arguments: of `hitrate.RateLimiter`, after the cache.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._arguments, self._options = arguments, options
        # Clients change with the settings, and are not to be kept by us.
        self._made: WeakKeyDictionary[Cache, RateLimiter] = WeakKeyDictionary()

    def on(self, client: Cache) -> RateLimiter:
        """Find the limiter that counts on a cache."""
        found = self._made.get(client)
        if found is None:
            # Of two threads that come at once, one made its limiter in vain: what they count stands on the server.
            found = self._made.setdefault(client, RateLimiter(client, *self._arguments, **self._options))
        return found


@lru_cache(maxsize=256)
def limiters_of(
    limits: str | tuple[int, float], algorithm: str = "sliding_window", *, name: str | None = None, **options: Any
) -> Limiters:
    """
    Find the limiters of arguments: the same for all who ask, so that they also share what this process counts alone.

    Args:
        limits: ``"5/s, 100/minute"``; or requests and seconds.
        algorithm: of `hitrate.RateLimiter`, as are `options`.
        name: of the limit that is made of two numbers.
    """
    given = Limit(*limits, name=name) if isinstance(limits, tuple) else limits
    return Limiters(given, algorithm, **options)


@dataclass(frozen=True)
class Telling:
    """
    What clients are told.

    Attributes:
        fields: ``RateLimit-Policy`` and ``RateLimit`` on every answer.
        legacy: ``X-RateLimit-*``, too.
        layout: the body of a known system.

    Raises:
        ConfigError: `layout` is unknown, which would otherwise be said to the first client who is refused.
    """

    fields: bool
    legacy: bool
    layout: RefusalLayout | None

    def __post_init__(self) -> None:
        if self.layout is not None:
            original_of(self.layout)

    def refusal(self, decision: Decision, accept: str | None) -> Refused:
        """Make the answer to a request that is refused; `accept`: what it takes."""
        answer = refused(decision, accept=accept, legacy=self.legacy, layout=self.layout)
        lines = tuple(line for line in answer.headers if self.fields or line[0] not in LISTS)
        return Refused(answer.status, lines, answer.body)

    def lines(self, decision: Decision) -> Iterator[tuple[str, str]]:
        """Yield how things stand, for an answer of the view."""
        for line in rate_limit_fields(decision, legacy=self.legacy):
            if self.fields or line[0] not in LISTS:
                yield line


@dataclass(frozen=True)
class Readers:
    """
    How a framework's requests are read.

    Each puts a word of its own before the address of whom it does not know: a view with a limit by address, and another
    one of the same text by user, would count a stranger's request twice.

    Attributes:
        address: the client's address, with its family: ``"ip:203.0.113.7"``.
        user: the user, and whom nobody knows by his address.
        header: given a name, what this header holds, and who sends none by his address.
        awaits: functions of the project may be coroutine functions.
        asker: makes what these functions are given.
    """

    address: Subject
    user: Subject
    header: Callable[[str], Subject]
    awaits: bool
    asker: Callable[[Any], Any] = lambda request: request

    def subject(self, by: object) -> Subject:
        """
        Read one ``by``.

        Raises:
            ConfigError: it cannot be meant.
        """
        if callable(by):
            return self._function(by)
        if by == "ip":
            return self.address
        if by == "user":
            return self.user
        family, _, name = by.partition(":") if isinstance(by, str) else ("", "", "")
        if family == "header" and _TOKEN.fullmatch(name):
            return self.header(name)
        raise ConfigError(f"'by' is {by!r:.100}; use 'ip', 'user', 'header:X-Api-Key' or a function of the request")

    def _function(self, function: Callable[[Any], Any]) -> Subject:
        if not self.awaits and inspect.iscoroutinefunction(function):
            raise ConfigError(
                f"'by' is the coroutine function {function.__qualname__!r}; use a function that returns a text"
            )

        def read(request: Any) -> Any:
            value = function(self.asker(request))
            return _awaited(value) if self.awaits and inspect.isawaitable(value) else _own(value)

        return read


async def _awaited(value: Awaitable[Any]) -> str | None:
    return _own(await value)


def _own(value: object) -> str | None:
    if inspect.isawaitable(value):
        # Each is an object of its own, so that everybody would have a budget of his own for each request.
        if inspect.iscoroutine(value):
            value.close()
        raise ConfigError(f"'by' returned a {type(value).__name__}; use a function that returns a text")
    return None if value is None else f"own:{value}"


class Subjects:
    """
    Whom each of several limits is about.

    Attributes:
        has_addresses: a client's address may count.
        has_users: the user may count.
        has_functions: a function of the project's own is called.
    """

    def __init__(self, by: By | Mapping[str, By], names: Sequence[str], readers: Readers) -> None:
        """
        Args:
            by: for all limits, or by the name of each.
            names: of the limits.
            readers: how requests are read.

        Raises:
            ConfigError: it cannot be meant, or names other limits.
        """
        self._each = None
        if isinstance(by, Mapping):
            if set(by) != set(names):
                raise ConfigError(
                    f"'by' names {sorted(map(str, by))!r:.200}, and the limits are {sorted(names)!r:.200}"
                )
            self._each = {name: readers.subject(by[name]) for name in names}
        else:
            self._all = readers.subject(by)
        given = list(by.values()) if isinstance(by, Mapping) else [by]
        self.has_functions = any(callable(one) for one in given)
        self.has_users = "user" in given
        self.has_addresses = any(not callable(one) for one in given)

    def of(self, request: Any, place: str) -> str | dict[str, str | None] | None:
        """
        Tell on whom a request is counted.

        Args:
            request: that the view gets.
            place: what is limited.

        Returns:
            What a limiter takes; None for a request that no limit is about.
        """
        if self._each is None:
            return _named(place, self._all(request))
        return _some({name: _named(place, told(request)) for name, told in self._each.items()})

    async def aof(self, request: Any, place: str) -> str | dict[str, str | None] | None:
        """Tell on whom a request is counted, as `of` does, where that may have to be awaited."""
        if self._each is None:
            return _named(place, await _now(self._all(request)))
        return _some({name: _named(place, await _now(told(request))) for name, told in self._each.items()})


async def _now(who: Any) -> Any:
    return await who if inspect.isawaitable(who) else who


def _named(place: str, who: str | None) -> str | None:
    return None if who is None else subject_name(f"{place}:{who}")


def _some(each: dict[str, str | None]) -> dict[str, str | None] | None:
    return None if all(who is None for who in each.values()) else each


def methods_of(given: Any) -> frozenset[str] | None:
    """
    Read which methods of requests are counted; None: all. ``GET`` stands for ``HEAD``, too, which runs the same view.

    Raises:
        ConfigError: one that is none.
    """
    if given is None:
        return None
    found = frozenset((given,) if isinstance(given, str) else given)
    if not found or not all(isinstance(name, str) and name.isalpha() for name in found):
        raise ConfigError(f"'methods' is {given!r:.100}; use a name such as 'POST', or several")
    names = frozenset(name.upper() for name in found)
    return names | {"HEAD"} if "GET" in names else names
