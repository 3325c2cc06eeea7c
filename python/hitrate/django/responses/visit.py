"""One request to a cached view of Django: what `hitrate.responses` must know of it, and of its answer."""

from __future__ import annotations

from contextlib import AbstractContextManager

from django.http import HttpResponse, HttpResponseBase

from hitrate._native import Entry
from hitrate.django.invalidation import bypasses
from hitrate.django.responses.private import private_use, session_watch
from hitrate.django.responses.question import Question
from hitrate.django.responses.response import StoredResponse
from hitrate.django.snapshots import snapshot_risk
from hitrate.http.answer import Pairs, served_by_name
from hitrate.responses import Reply


class Visit(Question):
    """One request."""

    __slots__ = ()

    def view_runs(self) -> AbstractContextManager[None]:
        """The time in which the view does."""
        self._risk = snapshot_risk()
        return session_watch(self)

    def _own_reason(self, response: HttpResponseBase) -> str | None:
        if reason := private_use(self, response):
            return reason
        return "transaction" if self._risk is None or bypasses(self.place.key, self.place.tags) else None

    def _reply(self, response: HttpResponseBase) -> Reply:
        given: object = response
        if not isinstance(given, HttpResponseBase):
            shown = type(given).__name__
            raise TypeError(f"a view with cached answers returned a {shown}; it must return an HttpResponse")
        body = None if getattr(response, "streaming", True) else response.content  # type: ignore[attr-defined]
        return Reply(response.status_code, response.items(), body, bool(response.cookies))

    def _field(self, response: HttpResponseBase, name: str) -> str | None:
        return response.headers.get(name)

    def _set(self, response: HttpResponseBase, name: str, value: str) -> None:
        response.headers[name] = value

    def _response(self, status: int, lines: Pairs, body: bytes) -> HttpResponse:
        return StoredResponse(status, {line[0].lower(): line for line in lines}, body)

    def _whole(self, entry: Entry, status: str) -> HttpResponse:
        body = entry.body
        return StoredResponse(200, served_by_name(entry.by_name(), entry.age, len(body), status), body)
