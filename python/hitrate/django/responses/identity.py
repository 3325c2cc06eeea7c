"""
For whom an answer is computed, as a part of its key.

Unless the developer says otherwise that is the user. Whom nobody knows (no user, and credentials that somebody may read
past Django's authentication) goes past the cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from asgiref.sync import sync_to_async
from django.utils.functional import LazyObject, SimpleLazyObject
from django.utils.translation import get_language

from hitrate.exceptions import ConfigError
from hitrate.http.text import bounded, digest, escaped

Aspect: TypeAlias = Callable[[Any], str]
"""Tells one thing about a request, as escaped text. It is given the request that the view gets."""

ANONYMOUS = "anonymous"
EVERYBODY = "all"
# The attribute of a request that holds whom `auser()` finds, where that is not its user.
_OTHER = "_hitrate_other_user"


def user_of(request: Any) -> Any:
    """The user whom Django or REST framework authenticated; None where neither does."""
    return getattr(request, "user", None)


def is_known(user: Any) -> bool:
    """Whether this is somebody rather than anybody."""
    return user is not None and bool(user.is_authenticated)


def by_user(request: Any) -> str:
    """The user by primary key; users without one (of tokens, of other services) by their text."""
    return _name_of(user_of(request))


def _name_of(user: Any) -> str:
    if not is_known(user):
        return ANONYMOUS
    # The class of a lazy user is that of the user. Two models may give the same number to different people.
    model = user.__class__
    meta = getattr(model, "_meta", None)
    kind = f"{model.__module__}.{model.__qualname__}" if meta is None else meta.label
    return f"{escaped(kind)}.{_text(user, 'the user')}"


async def load_user(request: Any) -> bool:
    """
    Load the user of a request from the database, outside of the event loop.

    Whom a middleware has put into the place of Django's own (of a token, of an impersonation, nobody for an account
    that is suspended) stays there: ``request.auser()`` knows him mostly not.

    Returns:
        Whether ``request.auser()`` cannot be somebody else.
    """
    user, ask = vars(request).get("user"), getattr(request, "auser", None)
    if ask is not None and _is_djangos(user, ask):
        request.user = await ask()
        return True
    if isinstance(user, LazyObject):
        await sync_to_async(is_known)(user)
    return ask is None


async def tell_users_apart(request: Any) -> None:
    """Have keys tell ``request.auser()``, whom a view may ask for, from another one in ``request.user``."""
    other = _name_of(await request.auser())
    if other != by_user(request):
        setattr(getattr(request, "_request", request), _OTHER, other)


def _is_djangos(user: Any, ask: Any) -> bool:
    """Whether Django's own middleware has put both there, and nobody another one since."""
    makes_user = vars(user).get("_setupfunc") if isinstance(user, SimpleLazyObject) else None
    makers = {getattr(function, "__module__", None) for function in (makes_user, getattr(ask, "func", None))}
    return makers == {"django.contrib.auth.middleware"}


def _by_groups(request: Any) -> str:
    user = user_of(request)
    if not is_known(user):
        return ANONYMOUS
    numbers = sorted(user.groups.values_list("pk", flat=True))
    # Whom Django allows everything, whatever his groups are.
    everything = ["superuser"] if getattr(user, "is_superuser", False) else []
    return bounded(".".join([*everything, *map(str, numbers)]))


def _by_language(_request: Any) -> str:
    return escaped(get_language() or "")


def _by_host(request: Any) -> str:
    return escaped(request.get_host())


def _by_header(name: str) -> Aspect:
    key = "HTTP_" + name.upper().replace("-", "_")

    def read(request: Any) -> str:
        value = request.META.get(key)
        return "" if value is None else "=" + digest(value)

    return read


def _by_cookie(name: str) -> Aspect:
    def read(request: Any) -> str:
        value = request.COOKIES.get(name)
        return "" if value is None else "=" + digest(value)

    return read


def _by_attribute(name: str) -> Aspect:
    def read(request: Any) -> str:
        for owner in (request, user_of(request)):
            if hasattr(owner, name):
                value = getattr(owner, name)
                return "" if value is None else "=" + _text(value, f"{name!r}")
        raise ConfigError(f"vary_on names {name!r}, and neither the request nor its user has it; set request.{name}")

    return read


def _text(value: Any, what: str) -> str:
    """Who or what this is: by its primary key, or by its own text; of several, by those of all."""
    if isinstance(value, (tuple, list)):
        return f"({','.join([_text(one, what) for one in value])})"
    pk = getattr(value, "pk", None)
    if pk is not None:
        return escaped(str(pk))
    model = value.__class__
    if model.__str__ is object.__str__ and model.__repr__ is object.__repr__:
        # Its text is its address in memory, which the next one may have.
        raise ConfigError(
            f"cached answers are told apart by {what}, a {model.__qualname__} with neither a primary key nor a text of "
            "its own; give it a `pk` or a `__str__`, or say vary_on=... or shared=True"
        )
    return escaped(str(value))


_KNOWN: dict[str, Aspect] = {
    "user": by_user,
    "group": _by_groups,
    "groups": _by_groups,
    "language": _by_language,
    "host": _by_host,
}
_FAMILIES: dict[str, Callable[[str], Aspect]] = {"header": _by_header, "cookie": _by_cookie}


def aspect(declared: Any) -> Aspect:
    """
    Read one member of ``vary_on``.

    Args:
        declared: ``"user"``, ``"group"``, ``"language"``, ``"host"``, ``"header:X-Plan"``, ``"cookie:currency"``; any
            other name is an attribute of the request or its user (``"tenant"``, ``"company"``), of which the primary
            key counts if it has one; or a function that is given the request and returns what counts, one or several,
            each read in the same way.

    Raises:
        ConfigError: none of these.
    """
    if callable(declared):
        return lambda request: "=" + bounded(_text(declared(request), "what a function of vary_on returns"))
    if not isinstance(declared, str) or not declared:
        raise ConfigError(f"vary_on holds {declared!r}; use names such as 'tenant' or 'header:X-Plan', or functions")
    family, colon, name = declared.partition(":")
    if not colon:
        return _KNOWN.get(declared) or _by_attribute(declared)
    if family not in _FAMILIES or not name:
        raise ConfigError(f"vary_on holds {declared!r}; use 'header:NAME' or 'cookie:NAME'")
    return _FAMILIES[family](name)


def identity(request: Any, aspects: tuple[Aspect, ...] | None, *, shared: bool) -> str:
    """
    For whom the answer is, as one part of a key.

    Args:
        request: as the view gets it.
        aspects: of ``vary_on``; None without.
        shared: everybody may be given the answer, but for these aspects.
    """
    if aspects is None and shared:
        return EVERYBODY
    other = getattr(getattr(request, "_request", request), _OTHER, None)
    if aspects is None and other is None:
        return by_user(request)
    parts = [read(request) for read in aspects or (by_user,)]
    return bounded("&".join(parts if other is None else [*parts, f"auser={other}"]))
