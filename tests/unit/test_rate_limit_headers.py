"""Refusals say when to come back: by draft-ietf-httpapi-ratelimit-headers-11, and in a body that was asked for."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hitrate
from hitrate.exceptions import ConfigError
from hitrate.http import rate_limit_fields, refused, retry_after
from hitrate.http.refusal import negotiated

PROBLEM = "application/problem+json"
# Lists of strings with integers as parameters: what these two fields are, of RFC 9651.
MEMBER = r'"[!#-\[\]-~]+"(?:;[a-z]+=\d{1,15})+'
LIST = re.compile(rf"{MEMBER}(?:, {MEMBER})*")


def limiter(limits: Any = "2/minute", **options: Any) -> hitrate.RateLimiter:
    return hitrate.RateLimiter(hitrate.Cache("memory://"), limits, **options)


def refusal(limits: Any = "2/minute", **options: Any) -> hitrate.Decision:
    made = limiter(limits, **options)
    while made.hit("somebody"):
        pass
    return made.hit("somebody")


def test_fields_name_each_limit_with_its_quota_window_and_what_remains() -> None:
    decision = limiter({"burst": "5/s", "daily": "1000/day"}, algorithm="fixed_window").hit("somebody")
    assert rate_limit_fields(decision) == (
        ("RateLimit-Policy", '"burst";q=5;w=1, "daily";q=1000;w=86400'),
        ("RateLimit", '"burst";r=4;t=1, "daily";r=999;t=86400'),
    )
    legacy = dict(rate_limit_fields(decision, legacy=True))
    assert [legacy[f"X-RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset")] == ["5", "4", "1"]


def test_a_window_of_less_than_a_second_is_promised_as_one_second() -> None:
    decision = limiter([hitrate.Limit(3, 0.05, name="quick"), hitrate.Limit(9, 1.5, name="slow")]).hit("somebody")
    assert dict(rate_limit_fields(decision))["RateLimit-Policy"] == '"quick";q=3;w=1, "slow";q=9;w=2'


@pytest.mark.parametrize("algorithm", ["fixed_window", "sliding_window", "sliding_log", "gcra"])
def test_a_refusal_asks_to_come_back_not_before_its_fields_do(algorithm: Any) -> None:
    decision = refusal("3/minute, 1000/hour", algorithm=algorithm)
    answer = refused(decision)
    headers = dict(answer.headers)
    wait = int(headers["Retry-After"])
    assert answer.status == 429
    assert decision.retry_after <= wait < decision.retry_after + 1
    told = re.search(r'"3/minute";r=0;t=(\d+)', headers["RateLimit"])
    assert told is not None
    assert int(told[1]) <= wait
    assert headers["Cache-Control"] == "no-store"


def test_a_call_that_no_wait_helps_is_not_told_to_wait() -> None:
    decision = limiter("2/minute").hit("somebody", 3)
    assert math.isinf(decision.retry_after)
    assert retry_after(decision) is None
    answer = refused(decision, accept=PROBLEM)
    assert "Retry-After" not in dict(answer.headers)
    assert "more than is ever allowed" in json.loads(answer.body)["detail"]


@pytest.mark.parametrize(
    ("after", "expected"), [(0.0001, 1), (1.0, 1), (1.0001, 2), (59.2, 60), (1e300, 999_999_999_999_999)]
)
def test_seconds_are_rounded_up(after: float, expected: int) -> None:
    decision = hitrate.Decision(allowed=False, limit=1, remaining=0, reset_after=after, retry_after=after)
    assert retry_after(decision) == expected
    assert rate_limit_fields(decision) == ()


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "text/plain"),
        ("", "text/plain"),
        ("*/*", "text/plain"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/plain"),
        ("application/problem+json", PROBLEM),
        ("Application/Problem+JSON; q=0.5, text/html;q=0.1", PROBLEM),
        ("application/json, application/problem+json", PROBLEM),
        ("application/json", "application/json"),
        ("application/json;q=0.9, application/problem+json;q=0.1", "application/json"),
        ("text/html, application/json;q=0.1", "text/plain"),
        ("application/problem+json;q=0", "text/plain"),
        ("application/problem+json;q=nan", "text/plain"),
        ("application/problem+json;q=x", "text/plain"),
        ("application/json," * 10_000, "text/plain"),
    ],
)
def test_a_problem_is_sent_to_whoever_asks_for_one(accept: str | None, kind: str) -> None:
    decision = refusal({"login": "2/minute"})
    answer = refused(decision, accept=accept)
    headers = dict(answer.headers)
    assert headers["Content-Type"].partition(";")[0] == kind
    assert headers["Vary"] == "Accept"
    if kind == "text/plain":
        assert re.fullmatch(rb"Too many requests\. Expected available in \d+ seconds?\.\n", answer.body)
    else:
        problem = json.loads(answer.body)
        assert problem["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
        assert (problem["status"], problem["violated-policies"]) == (429, ["login"])


def test_a_layout_refuses_with_the_body_of_its_original() -> None:
    decision = refusal("2/minute", algorithm="fixed_window")
    wait = retry_after(decision)
    assert wait is not None
    api = refused(decision, layout="quelyos_api", accept=PROBLEM)
    assert (api.status, json.loads(api.body)) == (
        429,
        {
            "success": False,
            "error": "Too many requests. Please try again later.",
            "error_code": "RATE_LIMIT_EXCEEDED",
            "retry_after": wait,
            "limit": 2,
            "window": 60,
        },
    )
    shop = refused(decision, layout="quelyos_ecommerce")
    assert (shop.status, json.loads(shop.body)) == (
        200,
        {"success": False, "error": "Trop de requêtes. Veuillez réessayer plus tard.", "retry_after": 60},
    )
    nalar = refused(decision, layout="nalar")
    assert (nalar.status, json.loads(nalar.body)) == (
        429,
        {"detail": f"Request was throttled. Expected available in {wait} seconds."},
    )
    with pytest.raises(ConfigError, match="unknown layout 'x'; use 'nalar'"):
        refused(decision, layout="x")  # type: ignore[arg-type]


@given(
    counts=st.lists(st.integers(1, 10**9), min_size=1, max_size=4),
    window=st.floats(0.001, 30_000_000),
    name=st.text(
        st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"\\{}'), min_size=1, max_size=50
    ),
    algorithm=st.sampled_from(["fixed_window", "sliding_window"]),
)
def test_fields_are_structured_fields_whatever_the_limits(
    counts: list[int], window: float, name: str, algorithm: Any
) -> None:
    limits = [hitrate.Limit(count, window, name=f"{name}{place}") for place, count in enumerate(counts)]
    decision = limiter(limits, algorithm=algorithm).hit("somebody")
    for field in ("RateLimit-Policy", "RateLimit"):
        assert LIST.fullmatch(dict(rate_limit_fields(decision))[field])


@given(accept=st.text(st.sampled_from('application/problem+json;q=0.1,*" \\') | st.characters(), max_size=200))
def test_no_accept_raises(accept: str) -> None:
    assert negotiated(accept) in {PROBLEM, "application/json", "text/plain"}
