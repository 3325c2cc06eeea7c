"""Who is answered from the cache, and what clients may ask of it."""

from __future__ import annotations

import pytest

from hitrate.http import Clients, Headers, Policy, Request, Serving, may_serve
from hitrate.http.serve import ANYTHING

ALWAYS = Policy(ttl=300, clients="always")


def serving(policy: Policy = ALWAYS, *, method: str = "GET", is_staff: bool = False, **headers: str) -> Serving:
    fields = Headers((name.replace("_", "-"), value) for name, value in headers.items())
    return may_serve(Request(method, fields, is_staff=is_staff), policy)


@pytest.mark.parametrize(
    ("reason", "method", "headers"),
    [
        ("method", "POST", {}),
        ("method-override", "GET", {"x_http_method_override": "PUT"}),
        ("request-body", "GET", {"content_length": "12"}),
        ("precondition", "GET", {"if_match": '"a"'}),
        ("precondition", "HEAD", {"if_unmodified_since": "Sun, 06 Nov 1994 08:49:37 GMT"}),
        ("request", "GET", {"cache_control": "no-cache"}),
        ("request", "GET", {"cache_control": "Max-Age=0"}),
        ("request", "GET", {"cache_control": "max-age=tomorrow"}),
        ("request", "GET", {"pragma": "no-cache"}),
    ],
)
def test_goes_past_the_cache(reason: str, method: str, headers: dict[str, str]) -> None:
    found = serving(method=method, **headers)
    assert (found.allowed, found.reason) == (False, reason)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"range": "bytes=0-1", "if_range": '"a"'},
        {"if_none_match": "*"},
        {"cache_control": "max-stale=60"},
        {"cache_control": "no-store"},
        {"cache_control": "x" * 100_000},
        {"cache_control": "max-stale", "pragma": "no-cache"},
        {"content_length": "0"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_takes_any_answer(method: str, headers: dict[str, str]) -> None:
    found = serving(method=method, **headers)
    assert found.allowed
    assert found.accepts(age=1e9, ttl=-1e9)


@pytest.mark.parametrize(
    ("clients", "is_staff", "obeyed"),
    [("ignore", True, False), ("staff", False, False), ("staff", True, True), ("always", False, True)],
)
@pytest.mark.parametrize("headers", [{"cache_control": "no-cache"}, {"pragma": "no-cache"}])
def test_the_policy_says_who_is_obeyed(clients: Clients, is_staff: bool, obeyed: bool, headers: dict[str, str]) -> None:
    found = serving(Policy(ttl=300, clients=clients), is_staff=is_staff, **headers)
    assert found.allowed is not obeyed
    assert obeyed or found is ANYTHING


@pytest.mark.parametrize("header", ["authorization", "cookie"])
def test_who_may_get_an_answer_of_his_own_needs_a_key_of_his_own(header: str) -> None:
    assert serving(Policy(ttl=300), **{header: "x"}) == Serving(allowed=False, reason=header)
    assert serving(Policy(ttl=300, audience="identified"), **{header: "x"}) is ANYTHING
    assert serving(Policy(ttl=300, audience="shared"), **{header: "x"}) is ANYTHING


def test_a_client_says_how_old_and_how_fresh() -> None:
    found = serving(cache_control="max-age=10, min-fresh=5")
    assert found.accepts(age=10, ttl=5)
    assert not found.accepts(age=10.5, ttl=5)
    assert not found.accepts(age=10, ttl=4)


def test_only_if_cached_is_told() -> None:
    assert serving(cache_control="only-if-cached").only_if_cached
    assert serving(cache_control="only-if-cached, no-cache").only_if_cached
    assert not serving(Policy(ttl=300), cache_control="only-if-cached").only_if_cached
