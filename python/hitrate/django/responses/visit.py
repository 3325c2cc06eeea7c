"""One request to a cached view, from the question to the answer. Decides; does no I/O, so that both faces share it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from django.http import HttpResponse, HttpResponseBase, HttpResponseNotModified

from hitrate._native import Entry
from hitrate.django.invalidation import bypasses
from hitrate.django.responses.address import Addresses
from hitrate.django.responses.numbers import Numbers
from hitrate.django.responses.options import Options
from hitrate.django.responses.private import private_use, session_watch
from hitrate.django.responses.question import Question
from hitrate.django.responses.response import StoredResponse
from hitrate.django.snapshots import snapshot_risk
from hitrate.http import (
    CacheControl,
    Headers,
    Request,
    Response,
    Stored,
    Vary,
    answer,
    cache_status,
    content_etag,
    emitted_cache_control,
    forward_of,
    is_not_modified,
    kept_headers,
    may_serve,
    may_store,
)
from hitrate.http.answer import served_headers
from hitrate.http.serve import ANYTHING, Serving
from hitrate.lease import Found, Made, Place, Times
from hitrate.lease import Response as Answer


class Learned:
    """
    What answers of a view are known to vary on, beyond what other parts of the key stand for.

    It only grows. An entry is stored only under a key that holds all it varies on, so a process that knows less looks
    where none is.
    """

    __slots__ = ("vary",)

    def __init__(self, vary: Vary) -> None:
        self.vary = vary


class Visit(Question):
    """
    One request.

    Attributes:
        place: of its answer.
        passes: why it goes past the cache; None if it does not.
    """

    __slots__ = ("_learned", "_numbers", "_reason", "_risk", "_serving", "_unstorable", "_vary", "passes", "place")

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
            options: of the view, as all up to `kwargs` for `Question`.
            addresses: of its answers.
            asker: what it gets.
            args: its positional arguments after the request.
            kwargs: its arguments by name.
            client: the cache.
            learned: what its answers vary on.
            numbers: of the view.
        """
        # What the key holds; others may learn more before the view has run.
        self._vary = learned.vary
        super().__init__(options, addresses, asker, args, kwargs, self._vary)
        self._learned, self._numbers = learned, numbers
        self._serving: Serving = ANYTHING
        self._unstorable: str | None = None
        self.passes: str | None = None
        if not self.is_plain:
            self._consider(self.facts)
        tags = self.address.tags
        self.place = Place(client, self.address.key, self._computed_tags() if tags is None else tags)
        if self.passes is None:
            self.passes = self._own_way()
        self._risk: float | None = 0.0
        self._reason: str | None = None

    def _consider(self, facts: Request) -> None:
        self._serving = may_serve(facts, self.options.policy)
        self.passes = self._serving.reason
        self._unstorable = "head" if facts.method == "HEAD" else "range" if "range" in facts.headers else None

    def _computed_tags(self) -> tuple[str, ...]:
        declared: Any = self.options.tags
        return tuple(dict.fromkeys(map(str, declared(self.asker, **self.url_arguments))))

    def _own_way(self) -> str | None:
        """Why it goes past the cache for a reason that HTTP does not know."""
        if self.is_stranger and "HTTP_AUTHORIZATION" in self.request.META:
            return "authorization"
        return "transaction" if bypasses(self.place.key, self.place.tags) else None

    @property
    def is_only_read(self) -> bool:
        """An answer made for this request could not be stored, so that nobody need wait for it."""
        return self._unstorable is not None

    @property
    def wants_anew(self) -> bool:
        """The client is one who may ask for an answer that is computed now, and does."""
        return self.passes == "request"

    def hit(self, entry: Entry | None) -> HttpResponse | None:
        """Answer from a fresh entry; None if it is not, or not fresh enough for this client."""
        if entry is None or (left := entry.fresh_for) <= 0:
            return None
        if self._serving is not ANYTHING and not self._serving.accepts(age=entry.age, ttl=left):
            self.passes = "request"
            return None
        self._numbers.outcomes["hit"] += 1
        return self._from(entry, cache_status(ttl=left))

    def refused(self) -> HttpResponse | None:
        """The answer to a client who wants none but a stored one."""
        if not self._serving.only_if_cached:
            return None
        return HttpResponse(status=504, headers={"Cache-Status": cache_status("request", detail="only-if-cached")})

    def passed(self, response: HttpResponseBase) -> HttpResponseBase:
        """Let the view's answer through."""
        reason = self.passes or self._unstorable or "request"
        self._numbers.outcomes["bypass"] += 1
        self._numbers.refusals[reason] += 1
        _add_status(response, cache_status(forward_of(reason), detail=reason))
        return response

    def view_runs(self) -> AbstractContextManager[None]:
        """The time in which the view does."""
        self._risk = snapshot_risk()
        return session_watch(self)

    def judge(self, response: HttpResponseBase) -> tuple[Answer, Times] | None:
        """
        Judge the view's answer, which is rendered, and mark it.

        Returns:
            What is to be stored and for how long, or None.
        """
        options = self.options
        body = None if getattr(response, "streaming", True) else response.content  # type: ignore[attr-defined]
        facts = Response(
            response.status_code,
            Headers(response.items()),
            None if body is None else len(body),
            sets_cookies=bool(response.cookies),
        )
        decision = may_store(self.facts, facts, options.policy, now=time.time())
        self._reason = decision.reason or private_use(self) or self._unsafe(facts.headers)
        if self._reason is not None or body is None:
            return None
        self._mark(response, body, facts.headers)
        made = Answer(
            response.status_code,
            kept_headers(response.items()),
            body,
            etag=response.headers["ETag"],
            age=float(decision.age),
        )
        return made, options.rules.times(decision.ttl, age=made.age, older_by=self._risk or 0.0)

    def _unsafe(self, headers: Headers) -> str | None:
        """Why an answer that HTTP would let us store might be wrong for the next one all the same."""
        if self._risk is None or bypasses(self.place.key, self.place.tags):
            return "transaction"
        vary = Vary.parse(headers.get("vary")).without(self.covered())
        if "cookie" in vary or "authorization" in vary:
            return "vary"
        unknown = vary.without(self._vary.names)
        if unknown.names:
            self._learned.vary = self._learned.vary.merged(unknown)
            return "vary-learned"
        return None

    def _mark(self, response: HttpResponseBase, body: bytes, headers: Headers) -> None:
        options = self.options
        if "etag" not in headers:
            response.headers["ETag"] = content_etag(
                body, content_type=headers.get("content-type"), content_encoding=headers.get("content-encoding")
            )
        control = emitted_cache_control(
            CacheControl.parse(headers.get("cache-control")),
            audience=options.policy.audience,
            max_age=options.max_age,
            s_maxage=options.s_maxage,
        )
        response.headers["Cache-Control"] = str(control)

    def made(self, response: HttpResponseBase, *, was_stored: bool) -> Made[HttpResponseBase]:
        """Say what came of running the view."""
        may_be_stored = self._reason in {None, "vary-learned", "not-original"}
        has_failed = response.status_code >= 500
        return Made(response, was_stored, may_be_stored, has_failed)

    def finish(self, outcome: Found | Made[HttpResponseBase], *, was_stale: bool) -> HttpResponseBase:
        """Answer with what `hitrate.lease` came by."""
        if isinstance(outcome, Found):
            self._numbers.outcomes[outcome.forward] += 1
            return self._from(outcome.entry, _found_status(outcome))
        self._numbers.saw(self.place.key)
        self._numbers.outcomes["miss"] += 1
        if self._reason is not None:
            self._numbers.refusals[self._reason] += 1
        response = outcome.result
        status = cache_status("stale" if was_stale else "miss", stored=outcome.was_stored, detail=self._reason)
        _add_status(response, status)
        return _not_modified(response, self.facts) if self._reason is None else response

    def _from(self, entry: Entry, status: str) -> HttpResponse:
        if self.is_plain and entry.status == 200:
            body = entry.body
            return StoredResponse(200, served_headers(entry.headers, entry.age, len(body), status), body)
        now = time.time()
        stored = Stored(entry.status, entry.headers, len(entry.body), now - entry.age)
        said = answer(self.facts, stored, now=now, cache_status=status)
        return StoredResponse(said.status, said.headers, entry.body if said.has_body else b"")


def _found_status(found: Found) -> str:
    ttl = found.entry.fresh_for
    if found.forward == "error":
        return cache_status(ttl=ttl, detail="view-failed")
    return cache_status("miss", ttl=ttl, collapsed=True) if found.forward == "collapsed" else cache_status(ttl=ttl)


def _add_status(response: HttpResponseBase, status: str) -> None:
    before = response.headers.get("Cache-Status")
    response.headers["Cache-Status"] = f"{before}, {status}" if before else status


def _not_modified(response: HttpResponseBase, facts: Request) -> HttpResponseBase:
    """Spare a client the content that it has."""
    headers = Headers(response.items())
    if response.status_code != 200 or not is_not_modified(facts.headers, headers, now=time.time()):
        return response
    spared = HttpResponseNotModified()
    stored = Stored(200, kept_headers(response.items()), 0, time.time())
    for name, value in answer(facts, stored, now=time.time()).headers:
        spared.headers[name] = value
    spared.headers["Cache-Status"] = response.headers["Cache-Status"]
    return spared
