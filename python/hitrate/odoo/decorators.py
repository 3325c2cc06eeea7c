"""`cached`: keep what a method of a model or of a controller returns."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from hitrate.exceptions import ConfigError
from hitrate.http.text import bounded, escaped
from hitrate.keys import call_key
from hitrate.odoo.commit import invalidate
from hitrate.odoo.entries import remember
from hitrate.odoo.parts import declared_context

if TYPE_CHECKING:
    from odoo.api import Environment

Method = TypeVar("Method", bound=Callable[..., Any])

# What is being computed: the implementation that was called, by the model and the name of its method.
_computing: ContextVar[Mapping[tuple[str, str], Callable[..., Any]]] = ContextVar(
    "hitrate_odoo_computing", default=MappingProxyType({})
)


def cached(
    ttl: float = 300,
    *,
    vary: Iterable[str],
    prefix: str | None = None,
    key: Callable[..., str] | None = None,
    tags: Iterable[str] | Callable[..., Iterable[str]] = (),
    stale: float = 0,
    skip: Callable[[Any], bool] | None = None,
) -> Callable[[Method], Method]:
    """
    Keep what a method returns, by its arguments, those by name too; ``None`` is kept as well, exceptions are not.

    Of a model's method, the ids of ``self`` are in the key, and on a miss the method runs on a cursor of its own, so
    that what it read is newer than whatever was forgotten before. A controller's reads with the request's cursor.

    A method may override another one that is kept, and call it by ``super()``: what the whole returns is kept, and no
    part of it.

    Whoever calls a model's method must be allowed to read the records, as if it were computed for him; that alone is
    looked at, and not by ``"user"`` in `vary`, whose values nobody else gets. What depends on more (fields for some
    groups, other records) needs ``"groups"`` or ``"user"`` in `vary`.

    Args:
        ttl: seconds for which a value is fresh.
        vary: what the value depends on besides the arguments; ``()`` says that it is the same for everybody. Names:
            ``"company"`` (those that are allowed), ``"lang"``, ``"website"``, ``"pricelist"`` (with the fiscal
            position, unless the context names a pricelist), ``"currency"``, ``"user"``, ``"groups"``, ``"timezone"``,
            ``"host"``, and ``"context.{key}"``.
            The database is always in the key. Of the context, the method sees what is named here alone; what it makes
            of anything else of the request, such as the cart, is not kept.
        prefix: first part of the key; model and method by default.
        key: makes the key of the arguments, without ``self``, for those that have no text of their own.
        tags: names by which values are forgotten; or a function of ``self`` and the arguments that returns some.
        stale: seconds after `ttl` in which a value is still returned while one call computes it anew.
        skip: tells of a value that it is not to be kept.

    Returns:
        A decorator. The decorated method has ``forget(self, *args, **kwargs)``, which forgets the values of these
        arguments, whomever they are for, once the transaction is committed.

    Raises:
        ConfigError: `vary` or `tags` is one text; at a call, an argument of which no key can be made.
        SerializationError: at a call, a value that JSON cannot hold.
        AccessError: of Odoo, at a call: the records may not be read by the one who calls.
    """
    for name, given in (("vary", vary), ("tags", tags)):
        if isinstance(given, str):
            raise ConfigError(f"{name} is the text {given!r:.100}; use a list of names")
    parts = tuple(vary)

    def decorate(method: Method) -> Method:
        spell = _spelling(method, prefix, key)

        @functools.wraps(method)
        def call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            env, is_model = _environment(self)
            name = (_kind_of(self), method.__name__)
            if _computing.get().get(name, method) is not method:
                # Called by `super()`, for a part of the value that stands under this key.
                return method(self, *args, **kwargs)
            if is_model and not all(self._ids):
                # A record that is not in the database yet: nobody else will ever ask for it.
                return method(self, *args, **kwargs)
            if is_model and self._ids and "user" not in parts:
                _check_readable(self.with_env(env(context=declared_context(env, parts))))
            names = tags(self, *args, **kwargs) if callable(tags) else tags

            def compute(computing: Environment) -> Any:
                with _noted(name, method):
                    return method(self.with_env(computing) if is_model else self, *args, **kwargs)

            return remember(
                env,
                spell(self, args, kwargs),
                compute,
                ttl=ttl,
                vary=parts,
                tags=names,
                stale=stale,
                skip=skip,
                own_cursor=is_model,
            ).value

        def forget(self: Any, /, *args: Any, **kwargs: Any) -> None:
            invalidate(_environment(self)[0], keys=[spell(self, args, kwargs)])

        decorated: Any = call
        decorated.forget = forget
        return cast(Method, decorated)

    return decorate


def _spelling(
    method: Callable[..., Any], prefix: str | None, key: Callable[..., str] | None
) -> Callable[[Any, tuple[Any, ...], dict[str, Any]], str]:
    full = inspect.signature(method)
    # Without `self`, whose ids stand in the key.
    signature = full.replace(parameters=list(full.parameters.values())[1:])

    def spell(owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        first = prefix if prefix is not None else f"{_kind_of(owner)}.{method.__name__}"
        if key is None:
            text = call_key(method, signature, args, kwargs)
        else:
            text = bounded(":".join(map(escaped, key(*args, **kwargs).split(":"))))
        ids = ",".join(map(str, getattr(owner, "_ids", ())))
        return f"{first}:{bounded(escaped(ids))}:{text}"

    return spell


def _kind_of(owner: Any) -> str:
    """The model, or the class of a controller."""
    return getattr(owner, "_name", None) or f"{type(owner).__module__}.{type(owner).__qualname__}"


@contextmanager
def _noted(name: tuple[str, str], method: Callable[..., Any]) -> Iterator[None]:
    token = _computing.set({**_computing.get(), name: method})
    try:
        yield
    finally:
        _computing.reset(token)


def _check_readable(records: Any) -> None:
    """Have Odoo refuse whoever may not read these records: a value may have been computed for somebody who may."""
    if hasattr(records, "check_access"):
        records.check_access("read")
    else:
        # Odoo 17.
        records.check_access_rights("read")
        records.check_access_rule("read")


def _environment(owner: Any) -> tuple[Environment, bool]:
    """The environment of a recordset, or of the request that a controller answers; and which of them it is."""
    env = getattr(owner, "env", None)
    if env is not None and hasattr(owner, "with_env"):
        return env, True
    from odoo.http import request

    return request.env, False
