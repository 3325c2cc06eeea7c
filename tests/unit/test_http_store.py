"""What is stored, what is not, and by which word."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from hitrate.exceptions import ConfigError
from hitrate.http import Decision, Headers, Policy, Refusal, Request, Response, may_store

NOW = 784111777.0
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
LATER = "Sun, 06 Nov 1994 08:50:37 GMT"
POLICY = Policy(ttl=300, audience="identified")
SHARED = Policy(ttl=300, audience="shared")
UNKNOWN = Policy(ttl=300)


def decide(
    request: dict[str, str] | None = None,
    response: dict[str, str] | None = None,
    policy: Policy = POLICY,
    *,
    method: str = "GET",
    status: int = 200,
    body_bytes: int | None = 10,
    **more: Any,
) -> Decision:
    cookies = more.pop("sets_cookies", False)
    asked = Request(method, Headers((request or {}).items()), **more)
    answered = Response(status, Headers((response or {}).items()), body_bytes, sets_cookies=cookies)
    return may_store(asked, answered, policy, now=NOW)


REFUSED: list[tuple[Refusal, dict[str, Any]]] = [
    ("method", {"method": "POST"}),
    ("method", {"method": "OPTIONS"}),
    ("method", {"method": "get"}),
    ("method-override", {"request": {"X-HTTP-Method-Override": "DELETE"}}),
    ("method-override", {"request": {"X-Method-Override": "patch"}}),
    ("request-body", {"request": {"Content-Length": "3"}}),
    ("request-body", {"request": {"Content-Length": "+0"}}),
    ("request-body", {"request": {"Transfer-Encoding": "chunked"}}),
    ("request-body", {"has_body": True}),
    ("head", {"method": "HEAD"}),
    ("range", {"request": {"Range": "bytes=0-1"}}),
    ("request-no-store", {"request": {"Cache-Control": "no-store"}, "policy": Policy(ttl=1, clients="always")}),
    ("status", {"status": 404}),
    ("status", {"status": 500}),
    ("status", {"status": 304}),
    ("status", {"status": 206}),
    ("status", {"status": 204}),
    ("streaming", {"body_bytes": None}),
    ("too-large", {"body_bytes": (1 << 20) + 1}),
    ("content-range", {"response": {"Content-Range": "bytes 0-1/2"}}),
    ("set-cookie", {"response": {"Set-Cookie": "a=b"}}),
    ("set-cookie", {"response": {"SET-COOKIE2": "a=b"}}),
    ("set-cookie", {"sets_cookies": True}),
    ("no-cache", {"response": {"Pragma": "no-cache"}}),
    ("no-cache", {"response": {"Cache-Control": "no-cache"}}),
    ("no-cache", {"response": {"Cache-Control": 'no-cache="x-user"'}}),
    ("no-store", {"response": {"Cache-Control": "max-age=60, NO-STORE"}}),
    ("no-store", {"response": {"Cache-Control": "must-understand, no-store"}}),
    ("no-store", {"response": {"Cache-Control": 'ext="unfinished, no-store'}}),
    ("no-store", {"response": {"Cache-Control": 'ext="a, no-store, b"'}}),
    ("private", {"response": {"Cache-Control": "private"}}),
    ("private", {"response": {"Cache-Control": 'private="Set-Cookie"'}}),
    ("malformed", {"response": {"Cache-Control": "public, " + "a" * 9000 + ", no-store"}}),
    ("vary", {"response": {"Vary": "*"}}),
    ("vary", {"response": {"Vary": "accept, *"}}),
    ("vary", {"response": {"Vary": "not a list"}}),
    ("encoding", {"response": {"Content-Encoding": "gzip"}}),
    ("cors", {"response": {"Access-Control-Allow-Origin": "https://a.example"}}),
    ("authorization", {"request": {"Authorization": "Bearer x"}, "policy": UNKNOWN}),
    ("cookie", {"request": {"Cookie": "sessionid=x"}, "policy": UNKNOWN}),
    ("expired", {"response": {"Cache-Control": "max-age=0"}}),
    ("expired", {"response": {"Cache-Control": "max-age=0, s-maxage=60"}, "policy": SHARED}),
    ("expired", {"response": {"Cache-Control": "max-age=60, s-maxage=0"}, "policy": SHARED}),
    ("expired", {"response": {"Cache-Control": "max-age=soon"}}),
    ("expired", {"response": {"Cache-Control": 'x="a, max-age=0, b"'}}),
    ("expired", {"response": {"Cache-Control": "max-age=60", "Age": "60"}}),
    ("expired", {"response": {"Expires": DATE}}),
    ("expired", {"response": {"Expires": "0"}}),
    ("expired", {"response": {"Expires": LATER, "Date": LATER}}),
    ("expired", {"policy": Policy(ttl=0)}),
]


@pytest.mark.parametrize(("reason", "case"), REFUSED)
def test_is_not_stored(reason: Refusal, case: dict[str, Any]) -> None:
    assert decide(**case) == Decision(stored=False, reason=reason)


def test_every_word_has_a_case() -> None:
    assert {reason for reason, _ in REFUSED} == set(get_args(Refusal))


STORED: list[tuple[float, dict[str, Any]]] = [
    (300, {}),
    (300, {"request": {"X-HTTP-Method-Override": "get", "Content-Length": "0"}}),
    (300, {"request": {"Content-Length": ""}}),
    (300, {"request": {"Cache-Control": "no-store"}}),
    (300, {"request": {"Cache-Control": "no-store"}, "policy": Policy(ttl=300, clients="staff")}),
    (300, {"request": {"Authorization": "x", "Cookie": "x"}}),
    (300, {"request": {"Authorization": "x", "Cookie": "x"}, "policy": SHARED}),
    (300, {"policy": UNKNOWN}),
    (300, {"response": {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}}),
    (300, {"response": {"Access-Control-Allow-Origin": "*"}}),
    (300, {"response": {"Access-Control-Allow-Origin": "https://a.example", "Vary": "Origin"}}),
    (300, {"response": {"Cache-Control": "max-age=9000"}}),
    (60, {"response": {"Cache-Control": "max-age=60"}}),
    (60, {"response": {"Cache-Control": "max-age=60, s-maxage=90"}}),
    (90, {"response": {"Cache-Control": "max-age=60, s-maxage=90"}, "policy": SHARED}),
    (60, {"response": {"Cache-Control": "max-age=60", "Expires": "0"}}),
    (60, {"response": {"Expires": LATER}}),
    (60, {"response": {"Expires": LATER, "Date": DATE}}),
    (300, {"status": 404, "policy": Policy(ttl=300, statuses=frozenset({200, 404}))}),
    (300, {"body_bytes": 1 << 20}),
]


@pytest.mark.parametrize(("ttl", "case"), STORED)
def test_is_stored(ttl: float, case: dict[str, Any]) -> None:
    assert decide(**case) == Decision(stored=True, ttl=ttl)


def test_what_came_old_is_older_here() -> None:
    decision = decide(response={"Cache-Control": "max-age=60", "Age": "20"})
    assert decision == Decision(stored=True, ttl=40, age=20)
    assert decide(response={"Age": "yesterday"}).age == 0
    assert decide(response={"Age": "5, 7"}).age == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ttl": -1}, "ttl of -1"),
        ({"ttl": float("nan")}, "ttl of nan"),
        ({"ttl": 1, "audience": "everyone"}, "'everyone'.*'shared'"),
        ({"ttl": 1, "clients": "admins"}, "'admins'.*'staff'"),
        ({"ttl": 1, "max_body_bytes": -1}, "max_body_bytes of -1"),
        ({"ttl": 1, "statuses": frozenset({200, 304})}, "status 304"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Policy(**options)
