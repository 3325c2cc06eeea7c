"""
The keys of the dashboard: the original's, wherever they mean one thing only.

``{type}:{tenant}``, then either ``:{name}:{value}`` for each parameter or ``:{identifier}``. The original pastes texts
into that, so that a tenant or a value with a colon spells the key of somebody else. Here

- a colon in a tenant is written ``%3A``; so that nobody else can write that, the ``%`` of a ``%3A`` or ``%25`` in a
  tenant is written ``%25``;
- parameters that could be read as other ones stand behind the mark ``%``, with ``%`` and colons in them as ``%25`` and
  ``%3A``. They can be, if a value goes on like a further parameter: a colon, a word that sorts behind the name, and
  another colon; or if a name is no word (letters, digits, underscores).

Everything else, times, links and texts of dictionaries included, is spelled as the original spells it. A type is yours,
not a user's: it must have no colon.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from hitrate._native import sha256_hex, sorted_json
from hitrate.layouts.fastapi_dashboard import original

_MARK = "%"
# Found once: a look at the object is one part in thirty of making a key.
_key = original.PARAMS.key
_LOOKS_ESCAPED = re.compile("%(?=3A|25)")


def make_cache_key(prefix: str, tenant_id: str, **params: Any) -> str:
    """
    The key of an entry of ``cache_service``.

    Args:
        prefix: type of the entry, for example ``"dashboard_kpis"``; without a colon.
        tenant_id: of the tenant, as text.
        params: the parameters, as text by ``str()``, None included.

    Returns:
        ``{prefix}:{tenant}``, then ``:{name}:{value}`` for each parameter, by name. No other prefix, tenant and texts
        of parameters have the same key.

    Raises:
        TypeError: the prefix or the tenant is no text.
    """
    if ":" in tenant_id or "%" in tenant_id:
        # Concatenated, as the original does it: a class of texts may write itself otherwise.
        tenant_id = tenant_text(tenant_id + "")
    beginning = prefix + ":" + tenant_id
    key = _key(beginning, params)
    if not params:
        return key
    head = len(beginning) + 1
    # Two for each parameter and no other: the short way, which nearly every call takes.
    if key.count(":", head) == 2 * len(params) - 1 and _are_words(tuple(params)):
        return key
    pairs = [(name, str(params[name])) for name in sorted(params)]
    if _read(key[head:]) == pairs and pairs[0][0] != _MARK:
        return key
    return key[:head] + ":".join([_MARK, *(_escaped(part) for pair in pairs for part in pair)])


def build_cache_key(cache_type: object, tenant_id: object, *identifier: object) -> str:
    """
    The key of an entry of `CacheManager`.

    Args:
        cache_type: type of the entry, for example ``"forecast"``; without a colon.
        tenant_id: of the tenant, as text by ``str()``.
        identifier: everything behind the tenant, in one or several parts: ``product, 30``.
    """
    return original.build_cache_key(cache_type, tenant_text(tenant_id), *identifier)


def generate_query_hash(query: str, params: Mapping[str, Any] | None = None) -> str:
    """
    What `QueryCacheService` knows a query by.

    Args:
        query: the question; its case, and white space around it, do not count.
        params: parameters, as JSON; values that JSON cannot hold as text by ``str()``.

    Returns:
        16 hex digits of a SHA-256.
    """
    text = query.lower().strip()
    return sha256_hex(f"{text}:{sorted_json(params, default_str=True)}" if params else text, 16)


def query_result_key(tenant_id: object, query: str, params: Mapping[str, Any] | None = None) -> str:
    """The key of a query's result."""
    return build_cache_key("query_result", tenant_id, generate_query_hash(query, params))


def tenant_text(tenant_id: object) -> str:
    """How a tenant stands in keys: no other tenant's text is the same, and there is no colon in it."""
    return _LOOKS_ESCAPED.sub("%25", f"{tenant_id}").replace(":", "%3A")


def shown(key: str) -> str:
    """A key for the log: cut, and on one line whatever is in it."""
    return (
        key[:100].encode("unicode_escape", "backslashreplace").decode("ascii") if not key.isprintable() else key[:100]
    )


def _is_word(text: str) -> bool:
    """Whether there is nothing in it but letters, digits and underscores."""
    return ("_" + text).isidentifier()


@lru_cache(maxsize=256)  # Names are those of the code, and few.
def _are_words(names: tuple[str, ...]) -> bool:
    return all(map(_is_word, names))


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace(":", "%3A")


def _read(texts: str) -> list[tuple[str, str]]:
    """
    Read parameters in the one way that counts: a parameter begins wherever one may begin.

    That is at the beginning, and at every word that sorts behind the name before it and has something behind it.
    """
    first, *rest = texts.split(":")
    pairs: list[tuple[str, str]] = []
    name, value = first, rest[:1]
    for at in range(1, len(rest)):
        word = rest[at]
        if value and _is_word(word) and word > name and at + 1 < len(rest):
            pairs.append((name, ":".join(value)))
            name, value = word, []
        else:
            value.append(word)
    return [*pairs, (name, ":".join(value))]
