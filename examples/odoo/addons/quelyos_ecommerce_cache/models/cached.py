"""The original's ``cached(key_prefix, expire)`` for methods of models; `hitrate.odoo.cached` is for new ones."""

from __future__ import annotations

import functools
import inspect
import logging

from hitrate.http.text import bounded, escaped
from hitrate.keys import call_key
from hitrate.layouts.quelyos_ecommerce import DEFAULT_TTL, cached_key
from hitrate.odoo import remember

_logger = logging.getLogger(__name__)
# Of the method nothing is known, so that its value is given to nobody for whom it could be another one.
EVERYTHING = ("company", "lang", "pricelist", "timezone", "user", "website")


def cached(key_prefix, expire=DEFAULT_TTL):
    """
    Keep what a method returns, below ``{key_prefix}:{arguments}``, where the original's patterns and keys reach it.

    Arguments by name count, other than the original's; so does whose records it is called on, and None is kept.
    """

    def decorate(method):
        signature = inspect.signature(method)
        # Without `self`, whose ids stand in the key.
        own = signature.replace(parameters=list(signature.parameters.values())[1:])

        @functools.wraps(method)
        def call(self, *args, **kwargs):
            given = own.bind(*args, **kwargs).args
            key = cached_key(key_prefix, *(bounded(escaped(str(value))) for value in given))
            found = remember(
                self.env,
                key,
                lambda env: method(self.with_env(env), *args, **kwargs),
                ttl=expire,
                vary=EVERYTHING,
                # Whose records, and arguments that are spelled alike.
                below=f"{','.join(map(str, self._ids))}:{call_key(method, own, args, kwargs)}",
            )
            _logger.debug("Cache HIT: %s" if found.was_cached else "Cache MISS: %s", key)
            return found.value

        return call

    return decorate
