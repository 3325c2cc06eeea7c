"""
The answer cache of the shop: rendered JSON in `django.core.cache`, and how it is forgotten.

What is kept is the bytes of the answer, so that a hit reads no database and renders nothing, and a price stays the
text ``"19.90"``. Answers are the same for everyone: no host name, no user and no unknown parameter gets into them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from catalogue import keys

View = TypeVar("View", bound=Callable[..., Any])

# Listings, filters, top sellers, new arrivals and personal choices hold many products each: any change of a product
# may move them, and so may it move the recommendations of others.
DERIVED = ("products:*", "product:*:recommendations")


@dataclass
class Waiting:
    """What one transaction will forget."""

    names: set[str] = field(default_factory=set)
    patterns: set[str] = field(default_factory=set)


# Per database connection, and so per thread. A transaction that saves a thousand rows scans the cache once. What a
# rolled back transaction leaves here goes with the next commit: too much may be forgotten, never too little.
_waiting: WeakKeyDictionary[BaseDatabaseWrapper, Waiting] = WeakKeyDictionary()


def cached(place_of: Callable[..., keys.Place | None]) -> Callable[[View], View]:
    """
    Keep the answers of a view method.

    Args:
        place_of: called as ``place_of(request, **url_arguments)``; gives the place of the answer, or None for an
            answer that is not kept. May raise a ``ValidationError``, which becomes a 400.

    Returns:
        A decorator. Only answers with status 200 are kept.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(self: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
            place = place_of(request, **kwargs)
            if place is None:
                return cast(HttpResponse, view(self, request, *args, **kwargs))
            body = _find(place)
            if body is not None:
                return _json(body, "hit")
            response = view(self, request, *args, **kwargs)
            if response.status_code != 200:
                return cast(HttpResponse, response)
            body = JSONRenderer().render(response.data)
            if settings.SHOP_CACHE:
                cache.set(place.key, (place.question, body), place.ttl)
            return _json(body, "miss")

        return cast(View, answer)

    return decorate


def _find(place: keys.Place) -> bytes | None:
    entry = cache.get(place.key) if settings.SHOP_CACHE else None
    if isinstance(entry, tuple) and len(entry) == 2 and entry[0] == place.question:
        return cast(bytes, entry[1])
    return None


def _json(body: bytes, outcome: str) -> HttpResponse:
    response = HttpResponse(body, content_type="application/json")
    if settings.SHOP_DEBUG_HEADERS:
        response.headers["X-Cache"] = outcome
    return response


def forget_product(pk: int, *, using: str | None = None) -> None:
    """After the commit of database `using`, forget what shows this product: stock, price, listings with it."""
    _forget(keys.of_product(pk), DERIVED, using)


def forget_categories(*, using: str | None = None) -> None:
    """After the commit, forget the tree and all that shows a category: its name stands in every product."""
    _forget([keys.categories().key], ("category:*", "products:*", "product:*"), using)


def forget_colors(*, using: str | None = None) -> None:
    """After the commit, forget the colours and all that shows one."""
    _forget([keys.colors().key], ("products:*", "product:*"), using)


def forget_catalogue(*, using: str | None = None) -> None:
    """After the commit, forget every answer. For bulk changes, which send no signals. Sessions stay."""
    _forget([keys.categories().key, keys.colors().key], ("category:*", "products:*", "product:*"), using)


def _forget(names: Sequence[str], patterns: Sequence[str], using: str | None) -> None:
    connection = transaction.get_connection(using)
    waiting = _waiting.setdefault(connection, Waiting())
    waiting.names.update(names)
    waiting.patterns.update(patterns)
    # Before the commit another request could read the old row and keep it again; a rollback forgets nothing. Robust,
    # because the row is saved by then: a cache server that is away must not turn the answer into an error.
    transaction.on_commit(partial(_delete_waiting, connection), using=using, robust=True)


def _delete_waiting(connection: BaseDatabaseWrapper) -> None:
    """Delete what the transaction collected. The first of its callbacks does it, the others find nothing left."""
    waiting = _waiting.pop(connection, None)
    if waiting is not None:
        cache.delete_many(sorted(waiting.names))
        for pattern in sorted(waiting.patterns):
            # BaseCache has no delete_pattern; the check in checks.py makes sure that this backend does.
            cast(Any, cache).delete_pattern(pattern)
