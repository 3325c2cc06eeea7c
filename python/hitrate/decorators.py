"""`cached`: keep what a function returns."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from hitrate._native import Lease
from hitrate.cache import Cache
from hitrate.exceptions import ConfigError
from hitrate.http.text import bounded, escaped
from hitrate.keys import call_key, require_own_name
from hitrate.lease import Found, Made, Place, Rules, Times, reading, run

Function = TypeVar("Function", bound=Callable[..., Any])

# As `hitrate.django` ends the keys of its entries: no argument can write it.
SUFFIX = "h1"


def cached(
    cache: Cache | Callable[[], Cache],
    ttl: float = 300,
    *,
    key: Callable[..., str] | None = None,
    prefix: str | None = None,
    tags: Iterable[str] | Callable[..., Iterable[str]] = (),
    stale: float = 0,
    stale_on_error: float = 0,
    skip: Callable[[Any], bool] | None = None,
    lease: float = 10,
    wait: float = 5,
    jitter: float = 0.05,
) -> Callable[[Function], Function]:
    """
    Keep what a function returns, by its arguments: for functions and coroutine functions.

    One call computes, of all threads, tasks and processes that ask at a time; the others wait for it, bounded. A value
    computed before an invalidation and stored after it is dropped. What is kept can be told apart from nothing, so
    ``None`` is kept as well. Exceptions are not.

    Args:
        cache: where, or a function that returns it at the first call.
        ttl: seconds for which a value is fresh; 0, without `stale` and `stale_on_error`: nothing is kept.
        key: makes the key of the arguments, for those that have no text of their own (objects, ``self``).
        prefix: first part of the key; module and name of the function by default, for one that shares them with no
            other: no lambda, no bound method, and none that depends on variables of a function around it.
        tags: names by which values are forgotten: ``cache.invalidate(tags=["prices"])``; or a function of the arguments
            that returns some.
        stale: seconds after `ttl` in which a value is still returned while one call computes it anew.
        stale_on_error: seconds after `ttl` in which it is returned when the function raises.
        skip: tells of a value that it is not to be kept.
        lease: seconds after which a computation is given up for dead, and another call begins one.
        wait: seconds for which others wait for one before they compute for themselves.
        jitter: part of `ttl` by which it is shortened at random.

    Returns:
        A decorator. The decorated function has ``forget(*args, **kwargs)``, which forgets the value of these arguments,
        and ``aforget``.

    Raises:
        ConfigError: an option that cannot be meant, or a function that needs a `prefix` or `key`; at a call, an
            argument of which no key can be made.
    """
    rules = Rules(ttl, stale, stale_on_error, lease, wait, jitter)
    if isinstance(tags, str):
        raise ConfigError(f"tags is the text {tags!r}; use a list of names")

    def decorate(function: Function) -> Function:
        calls = _Calls(function, cache, key, prefix, tags if callable(tags) else tuple(tags), rules, skip)
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def acall(*args: Any, **kwargs: Any) -> Any:
                return await calls.acall(args, kwargs)

            decorated: Any = acall
        else:

            @functools.wraps(function)
            def call(*args: Any, **kwargs: Any) -> Any:
                return calls.call(args, kwargs)

            decorated = call
        decorated.forget, decorated.aforget = calls.forget, calls.aforget
        return cast(Function, decorated)

    return decorate


class _Calls:
    """The calls of one function."""

    def __init__(
        self,
        function: Callable[..., Any],
        cache: Cache | Callable[[], Cache],
        key: Callable[..., str] | None,
        prefix: str | None,
        tags: tuple[str, ...] | Callable[..., Iterable[str]],
        rules: Rules,
        skip: Callable[[Any], bool] | None,
    ) -> None:
        self._function, self._cache, self._key, self._rules = function, cache, key, rules
        self._tags, self._skip = tags, skip
        self._signature = inspect.signature(function)
        if prefix is None and key is None:
            require_own_name(function)
        self._prefix = f"{function.__module__}.{function.__qualname__}" if prefix is None else prefix

    def _place(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Place:
        if callable(self._cache):
            self._cache = self._cache()
        if self._key is None:
            arguments = call_key(self._function, self._signature, args, kwargs)
        else:
            # Colons part what patterns can name; nothing else in it means anything.
            arguments = bounded(":".join(map(escaped, self._key(*args, **kwargs).split(":"))))
        tags = self._tags(*args, **kwargs) if callable(self._tags) else self._tags
        return Place(self._cache, f"{self._prefix}:{arguments}:{SUFFIX}", tuple(tags))

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        place = self._place(args, kwargs)
        if self._rules.keep_nothing or reading.bypasses(place):
            return self._function(*args, **kwargs)
        entry = place.look()
        if entry is not None and entry.fresh_for > 0:
            return entry.value

        def make(lease: Lease | None) -> Made[Any]:
            older_by = reading.older_by()
            value = self._function(*args, **kwargs)
            times = self._times(place, value, older_by)
            stored = times is not None and place.keep_value(lease, value, times)
            return Made(value, was_stored=stored, may_be_stored=times is not None)

        return _value(run(place, self._rules, entry, make, _is_failure))

    async def acall(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        from hitrate.lease.tasks import arun

        place = self._place(args, kwargs)
        if self._rules.keep_nothing or reading.bypasses(place):
            return await self._function(*args, **kwargs)
        entry = await place.alook()
        if entry is not None and entry.fresh_for > 0:
            return entry.value

        async def make(lease: Lease | None) -> Made[Any]:
            older_by = reading.older_by()
            value = await self._function(*args, **kwargs)
            times = self._times(place, value, older_by)
            stored = times is not None and await place.akeep_value(lease, value, times)
            return Made(value, was_stored=stored, may_be_stored=times is not None)

        return _value(await arun(place, self._rules, entry, make, _is_failure))

    def _times(self, place: Place, value: Any, older_by: float | None) -> Times | None:
        """For how long a value is kept; None: it is not."""
        if older_by is None or reading.bypasses(place) or (self._skip is not None and self._skip(value)):
            return None
        return self._rules.times(older_by=older_by)

    def forget(self, *args: Any, **kwargs: Any) -> bool | None:
        """Forget the value of these arguments; tell whether there was one, None if the server is away."""
        return self._place(args, kwargs).forget()

    async def aforget(self, *args: Any, **kwargs: Any) -> bool | None:
        """Forget the value of these arguments, as `forget` does."""
        return await self._place(args, kwargs).aforget()


def _is_failure(_error: Exception) -> bool:
    return True


def _value(outcome: Found | Made[Any]) -> Any:
    return outcome.entry.value if isinstance(outcome, Found) else outcome.result
