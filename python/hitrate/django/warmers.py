"""Warmers: functions that fill a cache before anybody asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from hitrate.exceptions import ConfigError

AnyFunction = TypeVar("AnyFunction", bound=Callable[[], Any])

_warmers: dict[str, Callable[[], Any]] = {}


@overload
def warmer(function: AnyFunction, /) -> AnyFunction: ...
@overload
def warmer(*, name: str) -> Callable[[AnyFunction], AnyFunction]: ...
def warmer(function: AnyFunction | None = None, /, *, name: str = "") -> Any:
    """
    Register a function that ``manage.py hitrate warmup`` calls, in the order in which they were registered.

    Args:
        function: takes no arguments; does its work and may return how many entries it filled, or yields something after
            each, for the progress bar.
        name: by which ``warmup NAME`` calls it alone; the function's own, if none is given.

    Raises:
        ConfigError: another function has this name.
    """
    if function is None:
        return lambda given: _register(given, name)
    return _register(function, name)


def warmers() -> dict[str, Callable[[], Any]]:
    """Return the registered functions by their names."""
    return dict(_warmers)


def _register(function: AnyFunction, name: str) -> AnyFunction:
    found = name or function.__name__
    known = _warmers.setdefault(found, function)
    # A module that is loaded again brings its functions again.
    if (known.__module__, known.__qualname__) != (function.__module__, function.__qualname__):
        raise ConfigError(f"two warmers are called '{found}'; give one of them another name")
    _warmers[found] = function
    return function
