"""One request and its answer. Decides; does no I/O, so that both faces share it, and knows no framework."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Generic, NamedTuple, TypeVar

from hitrate._native import Entry
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
from hitrate.http.answer import Pairs, served_headers
from hitrate.http.serve import ANYTHING, Serving
from hitrate.lease import MAX_HEADERS, MAX_TAGS, Found, Made, Place, Times
from hitrate.lease import Response as Answer
from hitrate.responses.declared import Declared
from hitrate.responses.numbers import Numbers

R = TypeVar("R")

NOTHING = Vary()
# Lines that we add to an answer: ETag, Cache-Control, Vary, and what a framework's adapter notes.
_OWN_HEADERS = 4


class Learned:
    """
    What answers of a view are known to vary on, beyond what other parts of the key stand for.

    It only grows. An entry is stored only under a key that holds all it varies on, so a process that knows less looks
    where none is.

    Attributes:
        vary: see above.
        beside: what they vary on that other parts of the key stand for, and that caches on the way must be told.
    """

    __slots__ = ("beside", "vary")

    def __init__(self, vary: Vary, beside: Vary = NOTHING) -> None:
        self.vary, self.beside = vary, beside


class Reply(NamedTuple):
    """
    What the rules must know of a framework's answer.

    Attributes:
        status: the code.
        lines: name and value of each header.
        body: the content; None of a streaming answer.
        sets_cookies: it sets some that are not among its headers yet.
    """

    status: int
    lines: Iterable[tuple[str, str]]
    body: bytes | None
    sets_cookies: bool = False


class Exchange(Generic[R]):
    """
    One request to a view, and the answer to it, which is an `R` of the framework's.

    A framework's adapter says what was asked, and overrides the methods that follow `_reply`.

    Attributes:
        declared: about the view.
        place: of the answer.
        passes: why the request goes past the cache; None if it does not.
        is_plain: a GET with nothing in it that the rules of HTTP look for.
    """

    __slots__ = (
        "_facts",
        "_learned",
        "_numbers",
        "_reason",
        "_risk",
        "_serving",
        "_unstorable",
        "_vary",
        "_was_stale",
        "declared",
        "is_plain",
        "passes",
        "place",
    )

    place: Place

    def __init__(self, declared: Declared, learned: Learned, numbers: Numbers, *, is_plain: bool) -> None:
        """
        Args:
            declared: see above.
            learned: what answers of the view vary on.
            numbers: of the view.
            is_plain: see above.
        """
        self.declared, self.is_plain = declared, is_plain
        self._learned, self._numbers = learned, numbers
        # What the key holds; others may learn more before the view has run.
        self._vary = learned.vary
        self._serving: Serving = ANYTHING
        self._unstorable: str | None = None
        self._facts: Request | None = None
        self._risk: float | None = 0.0
        self._was_stale = False
        self._reason: str | None = None
        self.passes: str | None = None

    @property
    def facts(self) -> Request:
        """What the rules of HTTP must know of the request."""
        if self._facts is None:
            self._facts = self._asked()
        return self._facts

    def consider(self) -> None:
        """Judge whether a request that is not plain may be answered from the cache."""
        facts = self.facts
        self._serving = may_serve(facts, self.declared.policy)
        self.passes = self.passes or self._serving.reason
        self._unstorable = "head" if facts.method == "HEAD" else "range" if "range" in facts.headers else None

    def bounded(self, tags: Iterable[object]) -> tuple[str, ...]:
        """The tags of this answer, each once; past the cache if there are more than an entry may have."""
        named = tuple(dict.fromkeys(map(str, tags)))
        if len(named) > MAX_TAGS:
            self.passes = "too-many-tags"
            return ()
        return named

    @property
    def is_only_read(self) -> bool:
        """An answer made for this request could not be stored, so that nobody need wait for it."""
        return self._unstorable is not None

    @property
    def wants_anew(self) -> bool:
        """The client is one who may ask for an answer that is computed now, and does."""
        return self.passes == "request"

    def hit(self, entry: Entry | None) -> R | None:
        """Answer from a fresh entry; None if it is not, or not fresh enough for this client."""
        if entry is None:
            return None
        if (left := entry.fresh_for) <= 0:
            self._was_stale = True
            return None
        if self._serving is not ANYTHING and not self._serving.accepts(age=entry.age, ttl=left):
            self.passes = "request"
            return None
        self._numbers.outcomes["hit"] += 1
        return self._from(entry, cache_status(ttl=left))

    def refused(self) -> R | None:
        """The answer to a client who wants none but a stored one."""
        if not self._serving.only_if_cached:
            return None
        status = cache_status("request", detail="only-if-cached")
        return self._response(504, (("Cache-Status", status), ("Content-Length", "0")), b"")

    def passed(self, response: R) -> R:
        """Let the view's answer through."""
        reason = self.passes or self._unstorable or "request"
        self._numbers.outcomes["bypass"] += 1
        self._numbers.refusals[reason] += 1
        self._add_status(response, cache_status(forward_of(reason), detail=reason))
        return response

    def rules_out(self, response: R, body_bytes: int | None) -> bool:
        """
        Whether an answer is known not to be stored before its content is there.

        Args:
            response: the view's, of which there are the headers.
            body_bytes: length that its content will have at least; None of a streaming one.
        """
        said = self._reply(response)
        headers = Headers(said.lines)
        facts = Response(said.status, headers, body_bytes, said.sets_cookies)
        self._reason = may_store(self.facts, facts, self.declared.policy, now=time.time()).reason
        return self._reason is not None

    def judge(self, response: R) -> tuple[Answer, Times] | None:
        """
        Judge the view's answer, which is rendered, and mark it.

        Returns:
            What is to be stored and for how long, or None.
        """
        declared, said = self.declared, self._reply(response)
        lines, body = tuple(said.lines), said.body
        headers = Headers(lines)
        facts = Response(said.status, headers, None if body is None else len(body), said.sets_cookies)
        decision = may_store(self.facts, facts, declared.policy, now=time.time())
        self._reason = decision.reason or self._own_reason(response) or self._untold(headers)
        if self._reason is None and len(lines) + _OWN_HEADERS > MAX_HEADERS:
            self._reason = "too-many-headers"
        if self._reason is not None or body is None:
            return None
        etag = self._mark(response, body, headers)
        made = Answer(said.status, self._kept(response), body, etag=etag, age=float(decision.age))
        return made, declared.rules.times(decision.ttl, age=made.age, older_by=self._risk or 0.0)

    def made(self, response: R, *, was_stored: bool) -> Made[R]:
        """Say what came of running the view."""
        may_be_stored = self._reason in {None, "vary-learned", "not-original"}
        return Made(response, was_stored, may_be_stored, self._reply(response).status >= 500)

    def finish(self, outcome: Found | Made[R]) -> R:
        """Answer with what `hitrate.lease` came by."""
        if isinstance(outcome, Found):
            self._numbers.outcomes[outcome.forward] += 1
            return self._from(outcome.entry, _found_status(outcome))
        self._numbers.saw(self.place.key)
        self._numbers.outcomes["miss"] += 1
        if self._reason is not None:
            self._numbers.refusals[self._reason] += 1
        response = outcome.result
        status = cache_status("stale" if self._was_stale else "miss", stored=outcome.was_stored, detail=self._reason)
        self._add_status(response, status)
        return self._spared(response) if self._reason is None else response

    def _untold(self, headers: Headers) -> str | None:
        """Why an answer that HTTP would let us store depends on more than its key tells apart."""
        vary = Vary.parse(headers.get("vary")).without(self.covered())
        if "cookie" in vary or "authorization" in vary:
            return "vary"
        unknown = vary.without(self._vary.names)
        if unknown.names:
            merged = self._learned.vary.merged(unknown)
            if merged.is_any:
                # Keys go on telling apart what they did.
                return "vary"
            self._learned.vary = merged
            return "vary-learned"
        return None

    def _mark(self, response: R, body: bytes, headers: Headers) -> str:
        """Write into an answer what clients are told of it; returns its ETag."""
        declared = self.declared
        etag = headers.get("etag")
        if etag is None:
            etag = content_etag(
                body, content_type=headers.get("content-type"), content_encoding=headers.get("content-encoding")
            )
            self._set(response, "ETag", etag)
        control = emitted_cache_control(
            CacheControl.parse(headers.get("cache-control")),
            audience=declared.told,
            max_age=declared.max_age,
            s_maxage=declared.s_maxage,
        )
        self._set(response, "Cache-Control", str(control))
        said = Vary.parse(headers.get("vary"))
        varies = said.merged(self._vary).merged(self._learned.beside)
        if varies != said:
            self._set(response, "Vary", str(varies))
        return etag

    def _from(self, entry: Entry, status: str) -> R:
        """Answer with an entry."""
        if self.is_plain and entry.status == 200:
            return self._whole(entry, status)
        now = time.time()
        stored = Stored(entry.status, entry.headers, len(entry.body), now - entry.age)
        said = answer(self.facts, stored, now=now, cache_status=status)
        return self._response(said.status, said.headers, entry.body if said.has_body else b"")

    def _add_status(self, response: R, status: str) -> None:
        before = self._field(response, "Cache-Status")
        self._set(response, "Cache-Status", f"{before}, {status}" if before else status)

    def _spared(self, response: R) -> R:
        """Spare a client the content that it has."""
        facts = self.facts
        if "if-none-match" not in facts.headers and "if-modified-since" not in facts.headers:
            return response
        said, now = self._reply(response), time.time()
        lines = tuple(said.lines)
        headers = Headers(lines)
        if said.status != 200 or not is_not_modified(facts.headers, headers, now=now):
            return response
        stored = Stored(200, kept_headers(lines), 0, now)
        spared = answer(facts, stored, now=now, cache_status=headers.get("cache-status"))
        return self._response(spared.status, spared.headers, b"")

    def _kept(self, response: R) -> Pairs:
        """The headers of an answer that are stored."""
        return kept_headers(self._reply(response).lines)

    # What a framework's adapter says.

    def _reply(self, response: R) -> Reply:
        """What the rules must know of an answer."""
        raise NotImplementedError

    def _field(self, response: R, name: str) -> str | None:
        """The value of a header; of an answer that may have no content yet."""
        raise NotImplementedError

    def _set(self, response: R, name: str, value: str) -> None:
        """Write a header, in the place of all lines of its name."""
        raise NotImplementedError

    def _response(self, status: int, lines: Pairs, body: bytes) -> R:
        """Make an answer of header lines, which are all that it has."""
        raise NotImplementedError

    def _whole(self, entry: Entry, status: str) -> R:
        """Make an answer of all that an entry holds."""
        body = entry.body
        return self._response(200, served_headers(entry.headers, entry.age, len(body), status), body)

    def _asked(self) -> Request:
        """What the rules of HTTP must know of the request."""
        raise NotImplementedError

    def covered(self) -> frozenset[str]:
        """Headers that other parts of the key stand for."""
        raise NotImplementedError

    def _own_reason(self, _response: Any) -> str | None:
        """Why an answer is not stored for a reason that HTTP does not know."""
        return None


def _found_status(found: Found) -> str:
    ttl = found.entry.fresh_for
    if found.forward == "error":
        return cache_status(ttl=ttl, detail="view-failed")
    return cache_status("miss", ttl=ttl, collapsed=True) if found.forward == "collapsed" else cache_status(ttl=ttl)
