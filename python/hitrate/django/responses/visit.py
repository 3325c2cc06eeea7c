"""One request to a cached view, from the question to the answer. Decides; does no I/O, so that both faces share it."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import Any

from django.http import HttpResponse, HttpResponseBase, HttpResponseNotModified

from hitrate._native import Entry
from hitrate.django.invalidation import bypasses
from hitrate.django.responses.numbers import Numbers
from hitrate.django.responses.private import private_use, session_watch
from hitrate.django.responses.question import Question
from hitrate.django.snapshots import snapshot_risk
from hitrate.http import (
    CacheControl,
    Headers,
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


class Visit:
    """
    One request.

    Attributes:
        place: of its answer.
        passes: why it goes past the cache; None if it does not.
    """

    def __init__(self, question: Question, client: Any, learned: Learned, numbers: Numbers) -> None:
        self._question, self._learned, self._numbers = question, learned, numbers
        self._serving = serving = may_serve(question.facts, question.options.policy)
        self.passes: str | None = serving.reason
        headers = question.facts.headers
        if self.passes is None and question.is_stranger and "authorization" in headers:
            self.passes = "authorization"
        self._unstorable = "head" if question.facts.method == "HEAD" else "range" if "range" in headers else None
        self.place = Place(client, question.key(learned.vary), question.tags())
        if self.passes is None and bypasses(self.place.key, self.place.tags):
            self.passes = "transaction"
        self._risk: float | None = 0.0
        self._reason: str | None = None

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
        if entry is None or entry.fresh_for <= 0:
            return None
        if not self._serving.accepts(age=entry.age, ttl=entry.fresh_for):
            self.passes = "request"
            return None
        self._numbers.outcomes["hit"] += 1
        return self._from(entry, cache_status(ttl=entry.fresh_for))

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
        return session_watch(self._question)

    def judge(self, response: HttpResponseBase) -> tuple[Answer, Times] | None:
        """
        Judge the view's answer, which is rendered, and mark it.

        Returns:
            What is to be stored and for how long, or None.
        """
        question, options = self._question, self._question.options
        body = None if getattr(response, "streaming", True) else response.content  # type: ignore[attr-defined]
        facts = Response(
            response.status_code,
            Headers(response.items()),
            None if body is None else len(body),
            sets_cookies=bool(response.cookies),
        )
        decision = may_store(question.facts, facts, options.policy, now=time.time())
        self._reason = decision.reason or private_use(question) or self._unsafe(facts.headers)
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
        vary = Vary.parse(headers.get("vary")).without(self._question.covered)
        if "cookie" in vary or "authorization" in vary:
            return "vary"
        unknown = vary.without(self._learned.vary.names)
        if unknown.names:
            self._learned.vary = self._learned.vary.merged(unknown)
            return "vary-learned"
        return None

    def _mark(self, response: HttpResponseBase, body: bytes, headers: Headers) -> None:
        options = self._question.options
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
        may_be_stored = self._reason in {None, "vary-learned"}
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
        return _not_modified(response, self._question) if self._reason is None else response

    def _from(self, entry: Entry, status: str) -> HttpResponse:
        now = time.time()
        stored = Stored(entry.status, entry.headers, len(entry.body), now - entry.age)
        said = answer(self._question.facts, stored, now=now, cache_status=status)
        return HttpResponse(entry.body if said.has_body else b"", status=said.status, headers=dict(said.headers))


def _found_status(found: Found) -> str:
    ttl = found.entry.fresh_for
    if found.forward == "error":
        return cache_status(ttl=ttl, detail="view-failed")
    return cache_status("miss", ttl=ttl, collapsed=True) if found.forward == "collapsed" else cache_status(ttl=ttl)


def _add_status(response: HttpResponseBase, status: str) -> None:
    before = response.headers.get("Cache-Status")
    response.headers["Cache-Status"] = f"{before}, {status}" if before else status


def _not_modified(response: HttpResponseBase, question: Question) -> HttpResponseBase:
    """Spare a client the content that it has."""
    headers = Headers(response.items())
    if response.status_code != 200 or not is_not_modified(question.facts.headers, headers, now=time.time()):
        return response
    spared = HttpResponseNotModified()
    stored = Stored(200, kept_headers(response.items()), 0, time.time())
    for name, value in answer(question.facts, stored, now=time.time()).headers:
        spared.headers[name] = value
    spared.headers["Cache-Status"] = response.headers["Cache-Status"]
    return spared
