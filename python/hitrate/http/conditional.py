"""Conditional requests (RFC 9110, section 13)."""

from __future__ import annotations

from hitrate.http.dates import parse_date
from hitrate.http.etags import matches
from hitrate.http.fields import Headers

# RFC 9110, section 15.4.5, and Last-Modified; Age and Cache-Status tell what the cache did.
NOT_MODIFIED_HEADERS = frozenset(
    "age cache-control cache-status content-location date etag expires last-modified vary".split()
)


def is_not_modified(request: Headers, response: Headers, *, now: float) -> bool:
    """
    Whether the client has this answer already, so that status 304 is enough.

    If-None-Match decides where there is one, however odd; else If-Modified-Since does, by Last-Modified.

    Args:
        request: headers of a GET or HEAD.
        response: headers of a successful answer to it.
        now: seconds since 1970.
    """
    known = request.get("if-none-match")
    if known is not None:
        tag = response.get("etag")
        return tag is not None and matches(known, tag)
    since = request.get("if-modified-since")
    if since is None:
        return False
    seen, modified = parse_date(since, now=now), parse_date(response.get("last-modified"), now=now)
    return seen is not None and modified is not None and modified <= seen
