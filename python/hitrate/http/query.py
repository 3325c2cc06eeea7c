"""
The query of a request as a part of its key.

It begins with the parameters as the framework parsed them, never with the text of the URL: whatever the framework makes
of ``;``, ``&amp;``, ``%2526`` or bytes that are no UTF-8, two requests share a key only where the view sees the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from operator import itemgetter

from hitrate.exceptions import ConfigError
from hitrate.http.text import bounded, escaped


def selected(pairs: Iterable[tuple[str, str]], params: Collection[str] | None) -> list[tuple[str, str]]:
    """
    The parameters that the key tells apart, in canonical order: by name, those of one name as they came.

    A view that is given a list of `params` must be given this instead of the whole query, too, or a link that it
    writes (``next``, ``previous``) brings one caller's other parameters to the next one.

    Args:
        pairs: name and value of each parameter, in order, repeated ones included: what ``request.GET.lists()``,
            ``request.query_params.multi_items()`` or ``request.args.items(multi=True)`` hold.
        params: names that matter, exactly as they are spelled; None for all.

    Raises:
        ConfigError: `params` is one text instead of several.
    """
    if isinstance(params, str):
        raise ConfigError(f"params is the text {params!r}; use a list of names")
    kept = list(pairs) if params is None else [pair for pair in pairs if pair[0] in params]
    if len(kept) > 1:
        kept.sort(key=itemgetter(0))
    return kept


def canonical_query(pairs: Iterable[tuple[str, str]], params: Collection[str] | None = None) -> str:
    """
    The query as a part of a key.

    Two queries have the same part only if each parameter (of `params`) has the same values in the same order. The
    order of different parameters makes no difference.

    Args:
        pairs: see `selected()`.
        params: see `selected()`.

    Returns:
        ``"category=3&page=2"``, or a digest where that is longer than 200 characters; ``""`` without parameters.
    """
    return bounded("&".join([f"{escaped(name)}={escaped(value)}" for name, value in selected(pairs, params)]))
