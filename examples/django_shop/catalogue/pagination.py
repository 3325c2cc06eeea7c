"""Pages of a listing, with links that name no host."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalogue import parameters
from catalogue.numbers import whole_number

LIMIT = 100


class ListingPagination(PageNumberPagination):
    """
    ``?page=2`` answers ``{count, next, previous, results}``; ``?limit=20&offset=40`` answers the bare list.

    The links are paths built from the known parameters alone. An answer is kept for everyone, so neither the Host
    header nor a parameter that is not in its key may stand in it.
    """

    page_size = 20

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        self.known = parameters.of_listing(request.query_params)
        if "limit" not in self.known:
            return super().paginate_queryset(queryset, request, view) or []
        limit = whole_number("limit", self.known["limit"], lowest=1, highest=LIMIT)
        offset = whole_number("offset", self.known.get("offset", "0"), lowest=0, highest=1_000_000)
        return list(queryset[offset : offset + limit])

    def get_paginated_response(self, data: Any) -> Response:
        return Response(data) if "limit" in self.known else super().get_paginated_response(data)

    def get_next_link(self) -> str | None:
        return self._link(self.page.next_page_number()) if self.page and self.page.has_next() else None

    def get_previous_link(self) -> str | None:
        return self._link(self.page.previous_page_number()) if self.page and self.page.has_previous() else None

    def _link(self, page: int) -> str:
        return f"{reverse('product-list')}?{urlencode({**self.known, 'page': page})}"
