"""The form of an error answer: ``{"error": "Product not found"}``."""

from __future__ import annotations

from typing import Any

from rest_framework.response import Response
from rest_framework.views import exception_handler


def error_answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """
    Answer an exception of a view as REST framework does, with the name ``error`` in place of ``detail``.

    Returns:
        The response, or None for an exception that REST framework does not know (which Django answers with a 500).
    """
    response = exception_handler(error, context)
    if response is not None and isinstance(response.data, dict) and "detail" in response.data:
        response.data["error"] = response.data.pop("detail")
    return response
