"""An answer on its way into the cache, and out of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from hitrate.http.cache_control import CacheControl
from hitrate.http.conditional import NOT_MODIFIED_HEADERS, is_not_modified
from hitrate.http.facts import Audience, Request
from hitrate.http.fields import Headers, split_list

Pairs: TypeAlias = tuple[tuple[str, str], ...]
"""Name and value of each line."""

_HOP_BY_HOP = (
    "connection keep-alive proxy-connection te trailer transfer-encoding upgrade "
    "proxy-authenticate proxy-authentication-info proxy-authorization"
).split()
_COOKIES = ("set-cookie", "set-cookie2")
# Written anew for each answer, or by the server that sends it: two lines of Date would be one too many.
_WRITTEN_ANEW = ("age", "cache-status", "content-length", "date")
# Ranges of a stored answer are not served.
_UNSERVED = ("accept-ranges", "content-range")
# They speak of the one request that computed the answer.
_OF_ONE_REQUEST = (
    "authentication-info clear-site-data retry-after server-timing traceparent tracestate x-correlation-id "
    "x-request-id x-runtime ratelimit ratelimit-policy ratelimit-limit ratelimit-remaining ratelimit-reset "
    "x-ratelimit-limit x-ratelimit-remaining x-ratelimit-reset"
).split()
NEVER_KEPT = frozenset({*_HOP_BY_HOP, *_COOKIES, *_WRITTEN_ANEW, *_UNSERVED, *_OF_ONE_REQUEST})


def kept_headers(pairs: Iterable[tuple[str, str]]) -> Pairs:
    """
    The headers that belong to the answer and not to the way it took: those to store.

    Args:
        pairs: name and value of each line of the view's answer.
    """
    lines = tuple(pairs)
    named = {option.lower() for name, value in lines if name.lower() == "connection" for option in split_list(value)}
    return tuple(line for line in lines if line[0].lower() not in NEVER_KEPT and line[0].lower() not in named)


def emitted_cache_control(
    said: CacheControl,
    *,
    audience: Audience,
    max_age: int | None = None,
    s_maxage: int | None = None,
    stale_while_revalidate: int | None = None,
    stale_if_error: int | None = None,
) -> CacheControl:
    """
    What clients and caches on the way may do with the answer.

    What the view said holds; the lesser of two times does. An answer that is not shared is ``private``. Where nobody
    said anything, it is ``no-cache``: a client keeps it, asks each time, and mostly gets status 304, so that what is
    forgotten here is old nowhere else.

    Args:
        said: by the view, in an answer that `may_store()` allows.
        audience: of the policy. ``public`` and ``s-maxage`` need ``"shared"``.
        max_age: for clients, in seconds.
        s_maxage: for shared caches, in seconds.
        stale_while_revalidate: for how much longer, in seconds, it may be served while it is fetched anew (RFC 5861).
        stale_if_error: for how much longer, in seconds, it may be served when that fails (RFC 5861).
    """
    is_silent = not said.directives
    control = said
    if audience != "shared":
        control = control.without({"public", "s-maxage", "proxy-revalidate", "private"}).adding("private")
        s_maxage = None
    times = {
        "max-age": max_age,
        "s-maxage": s_maxage,
        "stale-while-revalidate": stale_while_revalidate,
        "stale-if-error": stale_if_error,
    }
    for name, seconds in times.items():
        if seconds is not None:
            already = said.seconds(name)
            control = control.adding(name, max(0, seconds if already is None else min(already, seconds)))
    if is_silent and max_age is None and s_maxage is None:
        control = control.adding("no-cache")
    return control


@dataclass(frozen=True, slots=True)
class Stored:
    """
    An answer in the cache.

    Attributes:
        status: the code.
        headers: what `kept_headers()` left, with ETag, Cache-Control and Vary as they are to be sent.
        body_bytes: length of its content.
        made_at: seconds since 1970: when it was computed, or earlier by the age it came with.
    """

    status: int
    headers: Pairs
    body_bytes: int
    made_at: float


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What to send.

    Attributes:
        status: the code.
        headers: all of them; Content-Length included, where there is one.
        has_body: the stored content follows; else nothing does.
    """

    status: int
    headers: Pairs
    has_body: bool


def answer(request: Request, stored: Stored, *, now: float, cache_status: str | None = None) -> Answer:
    """
    Answer a request that `may_serve()` allows with what is stored.

    A client that has the answer gets status 304; HEAD gets the headers; Range gets the full content.

    Args:
        request: what was asked.
        stored: for its key.
        now: seconds since 1970.
        cache_status: value of that header, or None to leave it out.
    """
    headers = served_headers(stored.headers, now - stored.made_at, stored.body_bytes, cache_status)
    has_body = stored.status != 204
    asks = "if-none-match" in request.headers or "if-modified-since" in request.headers
    if asks and 200 <= stored.status < 300 and is_not_modified(request.headers, Headers(stored.headers), now=now):
        return Answer(304, tuple(line for line in headers if line[0].lower() in NOT_MODIFIED_HEADERS), has_body=False)
    if not has_body:
        headers = tuple(line for line in headers if line[0] != "Content-Length")
    return Answer(stored.status, headers, has_body=has_body and request.method != "HEAD")


def served_headers(kept: Pairs, age: float, body_bytes: int, cache_status: str | None) -> Pairs:
    """
    The headers of an answer in full, with what is written anew for each.

    Args:
        kept: the stored ones.
        age: seconds since it was computed.
        body_bytes: length of its content.
        cache_status: value of that header, or None to leave it out.
    """
    length = ("Content-Length", str(body_bytes))
    if cache_status is None:
        return (*kept, ("Age", _whole(age)), length)
    return (*kept, ("Age", _whole(age)), ("Cache-Status", cache_status), length)


def served_by_name(
    kept: dict[str, tuple[str, str]], age: float, body_bytes: int, cache_status: str
) -> dict[str, tuple[str, str]]:
    """
    The same by their names in lower case: `kept`, to which the others are added.

    Args:
        kept: the stored ones.
        age: seconds since it was computed.
        body_bytes: length of its content.
        cache_status: value of that header.
    """
    kept["age"] = ("Age", _whole(age))
    kept["cache-status"] = ("Cache-Status", cache_status)
    kept["content-length"] = ("Content-Length", str(body_bytes))
    return kept


def _whole(age: float) -> str:
    return str(max(0, int(age)))
