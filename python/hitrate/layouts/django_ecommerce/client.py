"""
`redis_client`, as the shop's code imported it: the same keys and stored values, with what was broken mended.

It is Django's default cache, which is looked up at every call. Nothing here raises: failures are logged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from hitrate._native import escape_glob
from hitrate.layouts.django_ecommerce.failing import attempt
from hitrate.layouts.django_ecommerce.form import read, written
from hitrate.layouts.django_ecommerce.invalidation import forget
from hitrate.layouts.django_ecommerce.keys import (
    DEFAULT_TTL,
    HELPER_PRODUCT_TTL,
    cart_key,
    category_products_key,
    product_key,
)

if TYPE_CHECKING:
    from hitrate.cache import Cache
    from hitrate.django import RawClient

_CART_TTL = 1800
_CATEGORY_PRODUCTS_TTL = 900


class RedisClient:
    """The shop's way to its cache: JSON in, JSON out."""

    @property
    def client(self) -> RawClient:
        """The raw client, for keys as they stand in the server; its replies are text."""
        from hitrate.django import RawClient

        return RawClient(cast("Cache", _TextReplies(_native())))

    def set(self, key: str, value: Any, timeout: int | None = DEFAULT_TTL) -> bool:
        """
        Store a value.

        Args:
            key: without prefix and version.
            value: dictionaries and lists are stored as JSON, in which a `Decimal` is a number, as it is in answers.
            timeout: seconds; None: for ever; 0: delete instead.

        Returns:
            Whether it was stored.
        """
        return attempt("SET", False, lambda: _set(key, value, timeout))

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value, or `default`; any text that is JSON is returned as what it says."""
        return attempt("GET", default, lambda: read(_cache().get(key, default)))

    def delete(self, key: str) -> bool:
        """Delete a value; return True, whether or not there was one, and False after a failure."""
        return attempt("DELETE", False, lambda: _delete(key))

    def exists(self, key: str) -> bool:
        """Tell whether there is a value."""
        return attempt("EXISTS", False, lambda: bool(_cache().has_key(key)))

    def incr(self, key: str, amount: int = 1) -> int | None:
        """Add to a number, which is 0 and lives for ever if it is absent; return the sum, or None after a failure."""
        return attempt("INCR", None, lambda: _incr(key, amount))

    def expire(self, key: str, seconds: int) -> bool:
        """Let a value live this many seconds more; tell whether it exists."""
        return attempt("EXPIRE", False, lambda: bool(_cache().touch(key, seconds)))

    def clear_pattern(self, pattern: str) -> int:
        """
        Delete what matches, after the commit if a transaction is open.

        Args:
            pattern: a glob (``* ? [abc] \\``) for keys without prefix and version. Text of users must be escaped, by
                `hitrate.escape_glob`.

        Returns:
            How many keys were deleted; 0 also if that is not known yet.
        """
        return forget([pattern]) or 0

    def get_ttl(self, key: str) -> int | None:
        """Return the seconds a value has left: -1 if it lives for ever, -2 if there is none; None after a failure."""
        return attempt("TTL", None, lambda: _ttl(key))

    def ping(self) -> bool:
        """Tell whether the server answers."""
        return attempt("PING", False, lambda: bool(_native().execute("PING")))

    def cache_product(self, product_id: object, data: dict[str, Any], timeout: int | None = HELPER_PRODUCT_TTL) -> bool:
        """Store a product."""
        return self.set(product_key(product_id), data, timeout)

    def get_cached_product(self, product_id: object) -> Any:
        """Return a stored product, or None."""
        return self.get(product_key(product_id))

    def cache_user_cart(self, user_id: object, cart_data: dict[str, Any], timeout: int | None = _CART_TTL) -> bool:
        """Store the cart of a user."""
        return self.set(cart_key(user_id), cart_data, timeout)

    def get_cached_cart(self, user_id: object) -> Any:
        """Return the stored cart of a user, or None."""
        return self.get(cart_key(user_id))

    def invalidate_user_cache(self, user_id: object) -> int:
        """Delete whatever is below ``user:{id}``, of this user alone; return as `clear_pattern` does."""
        user = f"user:{escape_glob(str(user_id))}"
        return forget([user, f"{user}:*", f"*:{user}", f"*:{user}:*"]) or 0

    def cache_category_products(
        self, category_id: object, products: list[Any], timeout: int | None = _CATEGORY_PRODUCTS_TTL
    ) -> bool:
        """Store the products of a category."""
        return self.set(category_products_key(category_id), products, timeout)

    def get_cached_category_products(self, category_id: object) -> Any:
        """Return the stored products of a category, or None."""
        return self.get(category_products_key(category_id))


redis_client = RedisClient()
# The original has these beside its client.
cache_product = redis_client.cache_product
get_cached_product = redis_client.get_cached_product
cache_user_cart = redis_client.cache_user_cart
get_cached_cart = redis_client.get_cached_cart
invalidate_user_cache = redis_client.invalidate_user_cache
cache_category_products = redis_client.cache_category_products
get_cached_category_products = redis_client.get_cached_category_products


class _TextReplies:
    """The commands of a cache, with text where the server says bytes."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def execute(self, *args: Any) -> Any:
        return _text(self._cache.execute(*args))


def _text(reply: Any) -> Any:
    if isinstance(reply, bytes):
        return reply.decode()
    if isinstance(reply, dict):
        return {_text(name): _text(value) for name, value in reply.items()}
    return [_text(one) for one in reply] if isinstance(reply, list) else reply


def _cache() -> Any:
    from django.core.cache import caches

    return caches["default"]


def _native() -> Cache:
    from hitrate.django import get_redis_connection
    from hitrate.django.naming import native

    # Says what is wrong with a backend that is none of ours.
    get_redis_connection()
    return cast("Cache", native(_cache()))


def _set(key: str, value: Any, timeout: int | None) -> bool:
    if timeout is not None and timeout <= 0:
        _cache().delete(key)
        return False
    # Backends of Django's return None.
    return _cache().set(key, written(value), timeout) is not False


def _delete(key: str) -> bool:
    _cache().delete(key)
    return True


def _incr(key: str, amount: int) -> int:
    cache = _cache()
    try:
        return int(cache.incr(key, amount))
    except ValueError:
        # Absent. If somebody else was faster, it is there now; if it is no number, this raises again.
        return amount if cache.add(key, amount, None) else int(cache.incr(key, amount))


def _ttl(key: str) -> int:
    client = _native()
    return int(client.execute("TTL", client.make_key(key)))
