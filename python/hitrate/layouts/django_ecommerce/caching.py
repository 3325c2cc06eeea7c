"""
Keeping the answers of the shop's views beside its old workers. The original has no decorator: its views ask the cache.

``hitrate.django`` is imported where it is needed, so that the layout can be read without Django.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from hitrate.http.text import escaped
from hitrate.layouts.django_ecommerce.form import read, written
from hitrate.layouts.django_ecommerce.keys import DEFAULT_TTL

View = TypeVar("View", bound=Callable[..., Any])

_FIELD = re.compile(r"\{(\w*)\}")


def cache_api_response(
    timeout: float = DEFAULT_TTL,
    key_prefix: str = "api",
    *,
    original_key: str | None = None,
    values: Literal["native", "original"] = "native",
    **options: Any,
) -> Callable[[View], View]:
    """
    Keep the answers of a view, as `hitrate.django.cache_api_response` does.

    Args:
        timeout: seconds for which an answer is fresh.
        key_prefix: below which the answers stand in our own form: ``"product:{pk}"``, with arguments of the URL in
            braces.
        original_key: the key of the original, with arguments of the URL or of the query in braces:
            ``"product:{product_id}:variants:list"``; `key_prefix`, if not given. A request with any other parameter in
            its query is answered in our own form. Keys with a hash are not shared: 8 digits can be made to collide.
        values: ``"original"`` while workers of the old code still run: with ``shared=True``, answers are kept as it
            keeps them, and each serves what the other computed.
        options: everything else that the generic decorator takes.

    Raises:
        ConfigError: an argument that cannot be meant, or that old code would not heed.
    """
    from hitrate.django import cache_api_response as generic

    form = _original(original_key or key_prefix) if values == "original" else values
    return generic(timeout, key_prefix, values=form, **options)


def _original(template: str) -> Any:
    """How the original keeps answers: maps and lists as text of JSON, which is pickled."""
    from hitrate.django.responses.original import Original

    fields = _FIELD.findall(template)

    def key(_function: str, url: Mapping[str, str], query: Any) -> str | None:
        found = {**{name: values[0] for name, values in query.lists() if len(values) == 1}, **url}
        is_told = found.keys() == set(fields) and len(query) + len(url) == len(found)
        if not is_told or any(not value or escaped(value) != value for value in found.values()):
            return None
        return template.format_map(found)

    return Original(lambda _function: _FIELD.sub("{}", template), key, write=written, read=read)
