"""The clients of this process: of the database that a request is for, by its parameters, else by the environment."""

from __future__ import annotations

import logging
import os
from urllib.parse import urlsplit

from odoo.http import request

from hitrate.exceptions import HitrateError, ServerUnavailableError
from hitrate.odoo import cache_of, on_change_of_state, settings_of

_logger = logging.getLogger(__name__)


def cache(env=None):
    """The cache of values; it is the one that holds the answers, too."""
    return cache_of(_environment(env))


def limits(env=None):
    """The cache that limits are counted on: in the original's own database of the server, ``REDIS_RATE_LIMIT_DB``."""
    env, number = _environment(env), os.environ.get("REDIS_RATE_LIMIT_DB") or "1"
    # A connection is in one database of the server, so that another one takes a client of its own.
    is_the_same = urlsplit(settings_of(env).url).path.strip("/") == number
    return cache_of(env) if is_the_same else cache_of(env, db=int(number))


def is_configured(env=None):
    """Whether anybody said where Redis is."""
    return settings_of(_environment(env)).is_configured


def is_required(env=None):
    """Whether an instance is not ready while Redis is away; so it is unless somebody said that it does without."""
    env = _environment(env)
    said = env["ir.config_parameter"].sudo().get_param("redis.required") if env is not None else None
    return (said or os.environ.get("REDIS_REQUIRED") or "1").strip().lower() not in {"0", "false", "no", "off"}


def _environment(env):
    """That of the request, if there is one: jobs hand in their own."""
    return env if env is not None or not request else request.env


def attempt(verb, otherwise, call, env=None):
    """What a call of the cache returns; something else while the server is away, and of what it cannot hold."""
    try:
        return call(cache(env))
    except ServerUnavailableError as error:
        # It was said when the server went away.
        _logger.debug("Redis %s error: %s", verb, error)
    except (HitrateError, TypeError, ValueError) as error:
        _logger.error("Redis %s error: %s", verb, error)
    return otherwise


def say_whether_connected(env):
    """Log once, when the addon is loaded, whether there is a server; the site does not depend on it."""
    try:
        cache(env).execute("PING")
    except HitrateError as error:
        _say_that_it_is_away("", error)
        _logger.info("Redis cache disabled: %s", error)
    else:
        address = settings_of(env).url.rpartition("@")[2].removeprefix("redis://").partition("/")[0]
        _say_that_it_is_back(address)
        _logger.info("✅ Redis cache enabled (%s)", address)


def _say_that_it_is_away(_address, error):
    _logger.warning("Could not connect to Redis: %s. Falling back to in-memory cache.", error)


def _say_that_it_is_back(address):
    _logger.info("Redis connected successfully at %s", address)


on_change_of_state(_say_that_it_is_away, _say_that_it_is_back)
