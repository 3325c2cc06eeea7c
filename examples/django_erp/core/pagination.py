"""Pages of a listing."""

from __future__ import annotations

from typing import Any

from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response


class PagePagination(PageNumberPagination):
    """
    ``?page=2&page_size=50`` answers ``{count, next, previous, results, pageCount}``.

    The links hold the host the request came to, which a cached answer therefore must not be shared across.
    """

    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100

    def get_paginated_response(self, data: Any) -> Response:
        response = super().get_paginated_response(data)
        response.data["pageCount"] = self.page.paginator.num_pages if self.page else 1
        return response
