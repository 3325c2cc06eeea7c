"""One request to a cached view of Django: what `hitrate.responses` must know of it, and of its answer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from django.http import HttpResponse, HttpResponseBase

from hitrate.django.invalidation import bypasses
from hitrate.django.responses.address import Addresses
from hitrate.django.responses.options import Options
from hitrate.django.responses.private import private_use, session_watch
from hitrate.django.responses.question import Question
from hitrate.django.responses.response import StoredResponse
from hitrate.django.snapshots import snapshot_risk
from hitrate.http.answer import Pairs
from hitrate.lease import Place
from hitrate.responses import Learned, Numbers, Reply


class Visit(Question):
    """One request."""

    __slots__ = ()

    def __init__(
        self,
        options: Options,
        addresses: Addresses,
        asker: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        client: Any,
        learned: Learned,
        numbers: Numbers,
    ) -> None:
        """
        Args:
            options: of the view, as all but `client` for `Question`.
            addresses: of its answers.
            asker: what it gets.
            args: its positional arguments after the request.
            kwargs: its arguments by name.
            client: the cache.
            learned: what its answers vary on.
            numbers: of the view.
        """
        super().__init__(options, addresses, asker, args, kwargs, learned=learned, numbers=numbers)
        self.consider()
        tags = self.address.tags
        self.place = Place(client, self.address.key, self._computed_tags() if tags is None else tags)
        if self.passes is None:
            self.passes = self._own_way()

    def _computed_tags(self) -> tuple[str, ...]:
        declared: Any = self.declared.tags
        return tuple(dict.fromkeys(map(str, declared(self.asker, **self.url_arguments))))

    def _own_way(self) -> str | None:
        """Why it goes past the cache for a reason that HTTP does not know."""
        if self.is_stranger and "HTTP_AUTHORIZATION" in self.request.META:
            return "authorization"
        return "transaction" if bypasses(self.place.key, self.place.tags) else None

    def view_runs(self) -> AbstractContextManager[None]:
        """The time in which the view does."""
        self._risk = snapshot_risk()
        return session_watch(self)

    def _own_reason(self, _response: HttpResponseBase) -> str | None:
        if reason := private_use(self):
            return reason
        return "transaction" if self._risk is None or bypasses(self.place.key, self.place.tags) else None

    def _reply(self, response: HttpResponseBase) -> Reply:
        body = None if getattr(response, "streaming", True) else response.content  # type: ignore[attr-defined]
        return Reply(response.status_code, response.items(), body, bool(response.cookies))

    def _field(self, response: HttpResponseBase, name: str) -> str | None:
        return response.headers.get(name)

    def _set(self, response: HttpResponseBase, name: str, value: str) -> None:
        response.headers[name] = value

    def _response(self, status: int, lines: Pairs, body: bytes) -> HttpResponse:
        return StoredResponse(status, lines, body)
