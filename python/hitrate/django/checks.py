"""System checks of every cache in ``settings.CACHES`` whose backend is ours. ``manage.py check`` runs them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.utils.module_loading import import_string

from hitrate.cache import Cache
from hitrate.django import conf
from hitrate.django.backend import RedisCache
from hitrate.django.problems import Problem
from hitrate.exceptions import ConfigError

# Keeps sessions in the cache alone.
CACHE_ENGINE = "django.contrib.sessions.backends.cache"
# Keeps them in the database as well.
CACHED_DB_ENGINE = "django.contrib.sessions.backends.cached_db"


@register(Tags.caches)
def check_caches(**_: Any) -> list[CheckMessage]:
    """Report the problems of all our caches; ``hitrate.E...`` cannot work, ``hitrate.W...`` is dangerous."""
    return [
        _message(alias, problem)
        for alias, params in settings.CACHES.items()
        if is_ours(params)
        for problem in _problems(alias, params)
    ]


@register(Tags.caches, deploy=True)
def check_deployment(**_: Any) -> list[CheckMessage]:
    """Report what is wrong for a site with several worker processes (``manage.py check --deploy``)."""
    workers = _configured_workers()
    return [
        _message(alias, _one_per_worker(workers))
        for alias, params in settings.CACHES.items()
        if is_ours(params) and workers != 1 and _is_embedded(params)
    ]


def _is_embedded(params: Mapping[str, Any]) -> bool:
    return conf.read(params.get("LOCATION", ""), params).url.lower().startswith("memory:")


def _one_per_worker(workers: int | None) -> Problem:
    shown = "every" if workers is None else f"each of {workers}"
    text = f"'memory://' is a cache of its own in {shown} worker process{'' if workers is None else 'es'}"
    hint = (
        "use a Redis or Valkey server: what one worker deletes the others go on serving; "
        "or run one worker with threads, and say so by WEB_CONCURRENCY=1"
    )
    return Problem("W007", text, hint)


def _configured_workers() -> int | None:
    """Return how many workers gunicorn or uvicorn will start, as far as the environment tells."""
    found = re.findall(r"(?:-w|--workers)[ =]?(\d+)", os.environ.get("GUNICORN_CMD_ARGS", ""))
    found += re.findall(r"^\d+$", os.environ.get("WEB_CONCURRENCY", ""))
    return int(found[0]) if found else None


def is_ours(params: Mapping[str, Any]) -> bool:
    """Tell whether this entry of ``settings.CACHES`` names a backend of ours."""
    try:
        backend = import_string(params.get("BACKEND", ""))
    except ImportError:
        return False  # Django itself says so at first use
    return isinstance(backend, type) and issubclass(backend, RedisCache)


def _problems(alias: str, params: Mapping[str, Any]) -> Iterator[Problem]:
    config = conf.read(params.get("LOCATION", ""), params)
    yield from config.problems
    if not any(problem.is_error for problem in config.problems):
        try:
            # Making a client opens no connection, and it knows best which values it takes.
            Cache(config.url, **config.options).close()
        except ConfigError as error:
            text, _, hint = str(error).partition("; ")
            yield Problem("E009", text, hint)
    if _keeps_sessions(alias):
        yield from _dangers_to_sessions(params)


def _dangers_to_sessions(params: Mapping[str, Any]) -> Iterator[Problem]:
    if not params.get("KEY_PREFIX"):
        text = "sessions are kept in a cache whose KEY_PREFIX is empty"
        hint = "set KEY_PREFIX: any other project on this database without one reads and clears the same keys"
        yield Problem("W003", text, hint)


def _keeps_sessions(alias: str) -> bool:
    return settings.SESSION_ENGINE in (CACHE_ENGINE, CACHED_DB_ENGINE) and alias == settings.SESSION_CACHE_ALIAS


def _message(alias: str, problem: Problem) -> CheckMessage:
    kind = Error if problem.is_error else CheckWarning
    hint = problem.hint if problem.hint.endswith("?") else f"{problem.hint}."
    return kind(f"CACHES['{alias}']: {problem.text}.", hint=hint, id=f"hitrate.{problem.code}")
