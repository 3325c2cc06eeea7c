"""Headers that tell what an answer cost."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.db import connections
from django.http import HttpRequest, HttpResponse


class DebugHeaders:
    """
    Write ``X-Query-Count`` (database queries this request made) and ``X-Worker`` (the process that answered).

    Stands first, so that it counts the queries of every other middleware. Takes itself out unless
    ``SHOP_DEBUG_HEADERS`` is on.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not settings.SHOP_DEBUG_HEADERS:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        count = 0

        def counted(execute: Callable[..., Any], *args: Any) -> Any:
            nonlocal count
            count += 1
            return execute(*args)

        with ExitStack() as stack:
            for connection in connections.all():
                stack.enter_context(connection.execute_wrapper(counted))
            response = self.get_response(request)
        response.headers["X-Query-Count"] = str(count)
        response.headers["X-Worker"] = str(os.getpid())
        return response
