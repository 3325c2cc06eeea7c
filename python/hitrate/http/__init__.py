"""
The rules of HTTP caching, without I/O, clock or framework: adapters state facts and obey decisions.

A request: `may_serve()`, then `Representation` and `canonical_query()` for its key, then `answer()`. Its view's answer:
`may_store()`, then `kept_headers()`, `content_etag()` and `emitted_cache_control()`.

And what rate limits need of HTTP: `client_address()`, `rate_limit_fields()` and `refused()`.
"""

from __future__ import annotations

from hitrate.http.address import client_address
from hitrate.http.answer import Answer, Stored, answer, emitted_cache_control, kept_headers
from hitrate.http.cache_control import CacheControl
from hitrate.http.cache_status import Forward, cache_status, forward_of
from hitrate.http.conditional import is_not_modified
from hitrate.http.dates import format_date, parse_date
from hitrate.http.etags import content_etag, matches, parse_tags
from hitrate.http.facts import Audience, Clients, Policy, Request, Response
from hitrate.http.fields import EnvironHeaders, Headers
from hitrate.http.query import canonical_query, selected
from hitrate.http.rate_limits import rate_limit_fields, retry_after
from hitrate.http.refusal import Refused, refused
from hitrate.http.representation import Representation
from hitrate.http.serve import Bypass, Serving, may_serve
from hitrate.http.store import Decision, Refusal, may_store
from hitrate.http.text import bounded, escaped
from hitrate.http.vary import Vary

__all__ = [
    "Answer",
    "Audience",
    "Bypass",
    "CacheControl",
    "Clients",
    "Decision",
    "EnvironHeaders",
    "Forward",
    "Headers",
    "Policy",
    "Refusal",
    "Refused",
    "Representation",
    "Request",
    "Response",
    "Serving",
    "Stored",
    "Vary",
    "answer",
    "bounded",
    "cache_status",
    "canonical_query",
    "client_address",
    "content_etag",
    "emitted_cache_control",
    "escaped",
    "format_date",
    "forward_of",
    "is_not_modified",
    "kept_headers",
    "matches",
    "may_serve",
    "may_store",
    "parse_date",
    "parse_tags",
    "rate_limit_fields",
    "refused",
    "retry_after",
    "selected",
]
