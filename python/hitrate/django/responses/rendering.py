"""Rendering an answer at once, for its bytes are what is kept."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase


def is_unrendered(response: HttpResponseBase) -> bool:
    """Whether an answer has no bytes yet."""
    return not getattr(response, "is_rendered", True)


def rendered(response: HttpResponseBase, asker: Any) -> HttpResponseBase:
    """
    Render an answer now.

    Args:
        response: the view's.
        asker: the request that the view got; REST framework's says in which form.
    """
    if not is_unrendered(response):
        return response
    renderer = getattr(asker, "accepted_renderer", None)
    if renderer is not None and hasattr(response, "data"):
        # As REST framework would after the method.
        response.accepted_renderer = renderer  # type: ignore[attr-defined]
        response.accepted_media_type = asker.accepted_media_type  # type: ignore[attr-defined]
        response.renderer_context = asker.parser_context["view"].get_renderer_context()  # type: ignore[attr-defined]
    return response.render()  # type: ignore[attr-defined, no-any-return]
