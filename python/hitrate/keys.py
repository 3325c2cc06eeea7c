"""A call of a function as a key. Pure."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from hitrate.exceptions import ConfigError
from hitrate.http.text import bounded, escaped

# Their repr() tells everything about them, and the same in every process.
_PLAIN = (type(None), bool, int, float, complex, str, bytes, Decimal, date, datetime, time, timedelta, UUID)


def call_key(
    function: Callable[..., Any], signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> str:
    """
    Spell a call as a part of a key.

    Args:
        function: that is called.
        signature: its signature. Calls that mean the same have the same key: ``f(1)`` and ``f(x=1)``.
        args: positional arguments.
        kwargs: arguments by name.

    Returns:
        ``"x=1&y=%27a%27"``, or a digest where that is longer than 200 characters.

    Raises:
        TypeError: the function cannot be called so.
        ConfigError: an argument of a type whose text does not tell all about it.
    """
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    parts = []
    for name, value in bound.arguments.items():
        text = _text(value)
        if text is None:
            kind = type(value).__qualname__
            raise ConfigError(
                f"argument {name!r} of {function.__qualname__}() holds a {kind}, of which no key can be made; "
                "give key=, a function of the arguments"
            )
        parts.append(f"{escaped(name)}={escaped(text)}")
    return bounded("&".join(parts))


def require_own_name(function: Callable[..., Any]) -> None:
    """
    Make sure that its name tells a function from all others.

    Raises:
        ConfigError: others may have the same: it is a lambda or a bound method, or depends on variables of the function
            around it, which are as good as arguments and in no key.
    """
    inner = inspect.unwrap(function)
    name = function.__qualname__
    # `super()` makes a variable of the class.
    variables = [one for one in getattr(getattr(inner, "__code__", None), "co_freevars", ()) if one != "__class__"]
    if variables:
        problem = f"{name}() depends on {', '.join(map(repr, variables))} around it"
    elif inspect.ismethod(inner):
        problem = f"{name}() is a method that is bound to its object"
    elif inner.__name__ == "<lambda>":
        problem = "a lambda has no name of its own"
    else:
        return
    raise ConfigError(
        f"{problem}, so that another one would share its values; give prefix=, a name of its own, or key="
    )


def _text(value: Any) -> str | None:
    """What tells a value from every other one; None if nothing is known to. Types count: 1 is not True nor 1.0."""
    kind = type(value)
    if kind in _PLAIN:
        return f"{value!r}" if kind in {int, str, type(None), bool} else f"{kind.__name__}({value!r})"
    if isinstance(value, Enum):
        # Flags together, or none of them, have no name in every Python.
        name: str | None = value.name
        member = _text(value.value) if name is None else name
        return None if member is None else f"{kind.__module__}.{kind.__qualname__}.{member}"
    if kind in {list, tuple}:
        return _joined(kind, [_text(item) for item in value])
    if kind in {set, frozenset}:
        members = [_text(item) for item in value]
        return None if None in members else _joined(kind, sorted(members, key=str))
    if kind is dict:
        pairs = [(_text(name), _text(item)) for name, item in value.items()]
        # Order is no part of what a dictionary says.
        return _joined(kind, sorted((None if None in pair else f"{pair[0]}:{pair[1]}" for pair in pairs), key=str))
    return None


def _joined(kind: type, parts: list[str | None]) -> str | None:
    if None in parts:
        return None
    return f"{kind.__name__}({','.join(map(str, parts))})"
