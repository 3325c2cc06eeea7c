"""The clients of this process, from the environment: ``REDIS_HOST``, ``REDIS_PORT``, ``REDIS_DB``, ..."""

from __future__ import annotations

import logging
import os

from hitrate.exceptions import HitrateError
from hitrate.odoo import cache_of, on_change_of_state, settings_of

_logger = logging.getLogger(__name__)


def cache():
    """The cache of values: JSON in UTF-8, as the original wrote it."""
    return cache_of(None, json_ascii=False)


def limits():
    """The cache that limits are counted on: another database of the server."""
    return cache_of(None, db=int(os.environ.get("REDIS_RATE_LIMIT_DB", "1")))


def is_configured():
    """Whether anybody said where Redis is."""
    return settings_of(None).is_configured


def say_whether_connected():
    """Log once, when the addon is loaded, whether there is a server; the site does not depend on it."""
    found = cache()
    try:
        found.execute("PING")
    except HitrateError as error:
        _logger.warning("Could not connect to Redis: %s. Falling back to in-memory cache.", error)
    else:
        where = settings_of(None).url.rpartition("@")[2].removeprefix("redis://").partition("/")[0]
        _logger.info("Redis connected successfully at %s", where)


def _say_that_it_is_away(_address, error):
    _logger.warning("Could not connect to Redis: %s. Falling back to in-memory cache.", error)


def _say_that_it_is_back(address):
    _logger.info("Redis connected successfully at %s", address)


on_change_of_state(_say_that_it_is_away, _say_that_it_is_back)
