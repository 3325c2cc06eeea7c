"""For whom an answer is computed, as a part of its key: the meaning of ``vary_on``."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, TypeAlias
from uuid import UUID

from hitrate.asgi.scopes import Scope, cookie_values, header_lines, host_of
from hitrate.exceptions import ConfigError
from hitrate.http.text import bounded, digest, escaped

Aspect: TypeAlias = Callable[[Scope], "str | Awaitable[str]"]
"""Tells one thing about a request, as escaped text."""

EVERYBODY = "all"


class Nobody(str):
    """What is told of an asker whom those who know users do not know; as a text, a part of the key like others."""

    __slots__ = ()


ANONYMOUS = Nobody("anonymous")

# Where objects of users and tenants have what tells them from others.
_NAMES = ("identity", "pk", "id", "username")
# Of which different ones have different texts.
_PLAIN = (str, int, float, bytes, Decimal, UUID, date, time, timedelta)


def text_of(value: object, what: str) -> str:
    """
    What tells a value from others: its text, or that of its ``identity``, ``pk``, ``id`` or ``username``.

    Of several the first that is there and not None counts: what stands behind it may be the same for different people.

    Raises:
        ConfigError: it has none of these, or one whose text may be that of another one.
    """
    if value is None:
        return ""
    plain = _plain_text(value)
    if plain is not None:
        return "=" + plain
    kind = type(value).__name__
    for name in _NAMES:
        try:
            found = getattr(value, name)
        except (AttributeError, NotImplementedError):
            continue
        if found is None:
            continue
        plain = _plain_text(found)
        if plain is None:
            raise ConfigError(
                f"askers are told apart by {what!r}, a {kind} whose {name!r} is a {type(found).__name__}; that may "
                "look like another one; give a function of the request that returns a text"
            )
        # Two models may give the same number to different people.
        return f"={escaped(kind)}.{plain}"
    raise ConfigError(
        f"askers are told apart by {what!r}, which is a {kind} without {', '.join(_NAMES)}; "
        "give a function of the request that returns a text"
    )


def _plain_text(value: object) -> str | None:
    if isinstance(value, Enum):
        # What a member calls itself is up to its class.
        return escaped(str(value.name or value.value))
    if isinstance(value, bytes):
        return escaped(repr(value))
    return escaped(str(value)) if isinstance(value, _PLAIN) else None


def user_of(scope: Scope) -> Any:
    """The user whom a middleware authenticated; None where none did."""
    return scope.get("user")


def is_known(user: Any) -> bool:
    """Whether this is somebody rather than anybody."""
    return user is not None and bool(getattr(user, "is_authenticated", True))


def asker_text(value: object, what: str) -> str:
    """What tells one who asks from others: `text_of` him, or `ANONYMOUS` where nobody was found, or nobody known."""
    return text_of(value, what) if is_known(value) else ANONYMOUS


def by_user(scope: Scope) -> str:
    """The user in the scope."""
    if "user" not in scope:
        raise ConfigError(
            "vary_on names 'user', and nothing put one into the scope; "
            "let a middleware that does (starlette's AuthenticationMiddleware) stand outside"
        )
    return asker_text(scope["user"], "user")


def _by_host(scope: Scope) -> str:
    return escaped(host_of(scope))


def _by_header(name: str) -> Aspect:
    key = name.lower().encode("latin-1")

    return lambda scope: _digest_of(header_lines(scope, key))


def _by_cookie(name: str) -> Aspect:
    return lambda scope: _digest_of(cookie_values(scope, name))


def _digest_of(values: list[str]) -> str:
    # The lengths keep one value from looking like two.
    return "=" + digest("".join([f"{len(value)}:{value}" for value in values])) if values else ""


def _by_name(name: str) -> Aspect:
    def read(scope: Scope) -> str:
        for owner in (scope, scope.get("state") or {}):
            if name in owner:
                return asker_text(owner[name], name)
        raise ConfigError(
            f"vary_on names {name!r}, and neither the scope nor its state has it; set it in a middleware outside"
        )

    return read


def by_name(name: str) -> Aspect:
    """What a plain name means: the user, the host, or what a middleware put into the scope or its state."""
    return _KNOWN.get(name) or _by_name(name)


_KNOWN: dict[str, Aspect] = {"user": by_user, "host": _by_host}
_FAMILIES: dict[str, Callable[[str], Aspect]] = {"header": _by_header, "cookie": _by_cookie}


def aspects_of(
    declared: Iterable[Any] | Callable[[Any], object],
    *,
    asker: Callable[[Scope], Any] = lambda scope: scope,
    named: Callable[[str], Aspect] = by_name,
) -> tuple[Aspect, ...]:
    """
    Read ``vary_on``.

    Args:
        declared: names, or functions of the request, which may be coroutine functions.
        asker: makes what functions are given.
        named: what a name without a colon means.

    Raises:
        ConfigError: a member that cannot be meant.
    """
    several = (declared,) if isinstance(declared, str) or callable(declared) else tuple(declared)
    return tuple(_aspect(one, asker, named) for one in several)


def _aspect(declared: Any, asker: Callable[[Scope], Any], named: Callable[[str], Aspect]) -> Aspect:
    if callable(declared):
        return _by_function(declared, asker)
    if not isinstance(declared, str) or not declared:
        raise ConfigError(f"vary_on holds {declared!r}; use names such as 'user' or 'header:X-Plan', or functions")
    family, colon, name = declared.partition(":")
    if not colon:
        return named(declared)
    if family not in _FAMILIES or not name:
        raise ConfigError(f"vary_on holds {declared!r}; use 'header:NAME' or 'cookie:NAME'")
    return _FAMILIES[family](name)


def _by_function(function: Callable[[Any], Any], asker: Callable[[Scope], Any]) -> Aspect:
    def read(scope: Scope) -> str | Awaitable[str]:
        found = function(asker(scope))
        return _awaited(found) if inspect.isawaitable(found) else _text(found)

    return read


async def _awaited(found: Awaitable[Any]) -> str:
    return _text(await found)


def _text(value: object) -> str:
    return "=" + bounded(_said(value))


def _said(value: object) -> str:
    if isinstance(value, (tuple, list)):
        return f"({','.join(map(_said, value))})"
    kind = type(value)
    if kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__:
        # Its text is its address in memory, which the next one may have.
        return text_of(value, "what a function of vary_on returns")
    return escaped(str(value))


async def identity(scope: Scope, aspects: tuple[Aspect, ...]) -> str:
    """For whom the answer to a request is, as one part of a key: a `Nobody` if one of the aspects tells one."""
    if not aspects:
        return EVERYBODY
    parts = []
    is_nobody = False
    for read in aspects:
        found = read(scope)
        part = found if isinstance(found, str) else await found
        is_nobody = is_nobody or isinstance(part, Nobody)
        parts.append(part)
    who = bounded("&".join(parts))
    return Nobody(who) if is_nobody else who
