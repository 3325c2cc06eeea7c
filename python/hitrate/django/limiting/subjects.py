"""Whom a limit is about: the meaning of ``by``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from hitrate.django.addresses import address_of
from hitrate.django.limiting.limiters import subject_name
from hitrate.django.responses.identity import by_user, is_known, user_of
from hitrate.exceptions import ConfigError
from hitrate.http.text import digest

By: TypeAlias = str | Callable[[Any], object]
"""``"ip"``, ``"user"``, ``"header:X-Api-Key"``, or a function of the request."""

Subject: TypeAlias = Callable[[Any], str | None]
"""Tells whom a request is counted on; None: on nobody."""


def _by_address(request: Any) -> str:
    """The client's address."""
    return f"ip:{address_of(request)}"


def _by_user_or_address(request: Any) -> str:
    """The user; whom nobody knows by his address."""
    return f"user:{by_user(request)}" if is_known(user_of(request)) else _by_address(request)


def _by_header(name: str) -> Subject:
    key = "HTTP_" + name.upper().replace("-", "_")

    def read(request: Any) -> str:
        value = request.META.get(key)
        # Who leaves the header out must not be free of the limit. What it holds is a secret, and no part of a key.
        return f"header:{digest(str(value))}" if value else _by_address(request)

    return read


def _by_function(function: Callable[[Any], object]) -> Subject:
    if inspect.iscoroutinefunction(function):
        raise ConfigError(
            f"'by' is the coroutine function {function.__qualname__!r}; use a function that returns a text"
        )

    def read(request: Any) -> str | None:
        value = function(request)
        return None if value is None else f"own:{value}"

    return read


def _subject(by: object) -> Subject:
    if callable(by):
        return _by_function(by)
    if by == "ip":
        return _by_address
    if by == "user":
        return _by_user_or_address
    family, _, name = by.partition(":") if isinstance(by, str) else ("", "", "")
    if family == "header" and name:
        return _by_header(name)
    raise ConfigError(f"'by' is {by!r:.100}; use 'ip', 'user', 'header:X-Api-Key' or a function of the request")


class Subjects:
    """
    Whom each of several limits is about.

    Attributes:
        has_addresses: a client's address may count.
        has_users: the user may count.
        has_functions: a function of the project's own is called.
    """

    def __init__(self, by: By | Mapping[str, By], names: Sequence[str]) -> None:
        """
        Args:
            by: for all limits, or by the name of each.
            names: of the limits.

        Raises:
            ConfigError: it cannot be meant, or names other limits.
        """
        self._each = None
        if isinstance(by, Mapping):
            if set(by) != set(names):
                raise ConfigError(
                    f"'by' names {sorted(map(str, by))!r:.200}, and the limits are {sorted(names)!r:.200}"
                )
            self._each = {name: _subject(by[name]) for name in names}
        else:
            self._all = _subject(by)
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
            who = self._all(request)
            return None if who is None else subject_name(f"{place}:{who}")
        each = {name: told(request) for name, told in self._each.items()}
        if all(who is None for who in each.values()):
            return None
        return {name: None if who is None else subject_name(f"{place}:{who}") for name, who in each.items()}
