"""
Looking for keys that a project's own ``KEY_FUNCTION`` spelled.

The client deletes such keys itself. To list them as the caller knows them takes ``REVERSE_KEY_FUNCTION``, as in
django-redis; the same function, given a pattern instead of a key, spells the pattern to look for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hitrate._native import escape_glob
from hitrate.django.client import RawClient

# (key, prefix, version) → the key in the server.
KeyFunction = Callable[[Any, str, Any], str]
# The key in the server → key; ``REVERSE_KEY_FUNCTION``.
ReverseFunction = Callable[[str], str]

# Keys that the server looks through in one step, where the caller does not say.
STEP = 1000


def default_reverse_key(key: str) -> str:
    """Return what stands behind the second colon, as django-redis does unless told otherwise."""
    return key.split(":", 2)[2]


def spell(key_function: KeyFunction, pattern: str, prefix: str, version: Any) -> str:
    """Return the pattern for keys in the server; prefix and version stand for themselves."""
    return key_function(pattern, escape_glob(prefix), escape_glob(str(version)))


def find(raw: RawClient, pattern: str, itersize: int | None) -> Iterator[list[bytes]]:
    """Yield the keys that match, step by step; the server is never held up."""
    cursor, found = raw.scan(0, pattern, itersize or STEP)
    yield found
    while cursor:
        cursor, found = raw.scan(cursor, pattern, itersize or STEP)
        yield found
