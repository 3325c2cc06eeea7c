"""``env["redis.cache"]``: the methods that the original had, for other addons; never over RPC."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from odoo import api, models

from hitrate.exceptions import HitrateError, ServerUnavailableError
from hitrate.odoo import cache_of, forget_keys, on_change_of_state, settings_of

_logger = logging.getLogger(__name__)

PATTERNS = ("product:*", "products:*", "category:*", "analytics:*", "search:*", "facets:*", "recommendations:*")


def _say_that_it_is_away(_address: str, error: str) -> None:
    # A warning, once per change of state: the site goes on without it.
    _logger.warning("Failed to connect to Redis: %s", error)


on_change_of_state(away=_say_that_it_is_away)


class RedisCache(models.AbstractModel):
    """Values as the original stored them, under the keys that it is given; nothing raises."""

    _name = "redis.cache"
    _description = "Redis cache"

    @api.private
    def get(self, key):
        """Return a value, or None."""
        return self._attempt("GET", None, lambda cache: cache.get(key))

    @api.private
    def set(self, key, value, expire=3600):
        """Store a value for so many seconds; tell whether it was."""
        # System parameters, which hold lifetimes, are texts.
        return self._attempt("SET", False, lambda cache: cache.set(key, value, int(expire)))

    @api.private
    def delete(self, key):
        """Delete a value, and the entries that were made of it; False only while the server is away."""
        return self._attempt("DELETE", False, lambda _: forget_keys(self.env, [key]))

    @api.private
    def delete_pattern(self, pattern):
        """Delete what matches (``* ? [abc]``), by steps that hold nobody up; False while the server is away."""
        return self._attempt("DELETE PATTERN", False, lambda cache: cache.invalidate(pattern) is not None)

    @api.private
    def exists(self, key=None):
        """Tell whether there is a value. Without a key it is the method of every recordset."""
        if key is None:
            return super().exists()
        return self._attempt("EXISTS", False, lambda cache: cache.has(key))

    @api.private
    def incr(self, key, amount=1):
        """Add to a counter, which begins at 0; None while the server is away."""
        return self._attempt("INCR", None, lambda cache: int(cache.execute("INCRBY", cache.make_key(key), amount)))

    @api.private
    def expire(self, key, seconds):
        """Give a value a new lifetime; tell whether there was one."""
        return self._attempt("EXPIRE", False, lambda cache: cache.expire(key, int(seconds)))

    @api.private
    def flush_all(self):
        """
        Delete everything of this cache.

        Without a prefix that is all that the module's patterns name, and not the whole database of the server, which
        others may use; ``FLUSHDB`` may be renamed.
        """
        if settings_of(self.env).prefix:
            return self._attempt("FLUSHDB", False, lambda cache: cache.clear() is not None)
        return self._attempt("FLUSHDB", False, lambda cache: cache.invalidate(PATTERNS) is not None)

    def _attempt(self, verb: str, otherwise: Any, call: Callable[[Any], Any]) -> Any:
        try:
            return call(cache_of(self.env))
        except ServerUnavailableError as error:
            # It was said when the server went away.
            _logger.debug("Redis %s error: %s", verb, error)
        except (HitrateError, TypeError, ValueError) as error:
            _logger.error("Redis %s error: %s", verb, error)
        return otherwise

    def _statistics(self) -> dict[str, Any]:
        """What ``cache/stats`` answers."""
        try:
            info = cache_of(self.env).server_info()
        except HitrateError:
            return {"enabled": False, "message": "Redis not available"}
        return {
            "enabled": True,
            "used_memory": info.get("used_memory_human", "N/A"),
            "total_keys": info.get("total_keys", 0),
            "connected_clients": info.get("connected_clients", 0),
            "uptime_days": info.get("uptime_in_days", 0),
        }
