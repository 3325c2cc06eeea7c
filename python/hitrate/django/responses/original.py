"""How the code that hitrate replaces kept an answer, so that its workers and ours share what they compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from hitrate.exceptions import ConfigError


@dataclass(frozen=True)
class Original:
    """
    The original's key and form of an answer. Its code must take a stored `None` for a miss.

    Attributes:
        family: given the name of the view function, what all of its keys have in common, which no other view may have.
        key: given the name of the view function, the URL's arguments (all of them plain) and the query, the key of the
            original; None where that would be the key of other answers, too.
        write: data of an answer → what is stored, in what the cache's pickles hold. What it raises as `TypeError` or
            `ValueError`, the original could not store either.
        read: the reverse.
    """

    family: Callable[[str], str]
    key: Callable[[str, Mapping[str, str], QueryDict], str | None]
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def require_shareable(
    *, shared: bool, varies: bool, tags: object, keeps_stale: bool, statuses: frozenset[int], key_prefix: str
) -> None:
    """
    Refuse options that an entry which old code reads cannot have.

    Raises:
        ConfigError: one of them, and why.
    """
    why = None
    if not shared or varies:
        why = "its key names neither user nor tenant, so say shared=True, without vary_on"
    elif tags:
        why = "old code serves it whatever became of its tags, so forget it by key or pattern, and leave tags out"
    elif keeps_stale:
        why = "old code takes what is stale for fresh, so leave stale and stale_on_error out"
    elif statuses != {200}:
        why = "old code answers 200 with whatever it finds, so leave statuses out"
    if why is not None:
        raise ConfigError(f"answers below '{key_prefix[:100]}' cannot be kept with values='original': {why}")


# Which view has which family of keys, by alias of the cache.
_views: dict[tuple[str, str], tuple[str, str]] = {}


def claim(cache: str, family: str, function: Callable[..., Any]) -> None:
    """
    Note that a view keeps its answers as the original did.

    Raises:
        ConfigError: another view does under the same keys.
    """
    view = (function.__module__, function.__qualname__)
    other = _views.setdefault((cache, family), view)
    if other != view:
        raise ConfigError(
            f"'{'.'.join(view)}' and '{'.'.join(other)}' would both keep their answers under '{family[:100]}'; give "
            "them different prefixes, or leave values='original' out"
        )
