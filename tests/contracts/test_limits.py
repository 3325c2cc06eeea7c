"""The recorded decisions of the originals' limiters, on a server whose clock is moved from step to step."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

import hitrate
from hitrate.layouts import quelyos_api, quelyos_ecommerce
from hitrate.testing import Server
from tests.contracts.vectors import VECTORS
from tests.faults.conftest import clock, jumping_server, library, set_clock  # noqa: F401 (fixtures)
from tests.faults.wall_clock import WallClock

SCENARIOS = {
    (scenario["system"], scenario["function"]): scenario
    for scenario in VECTORS["rate_limits"]
    if scenario.get("keep", True)
}
WINDOW = 60


def view_count(cache: hitrate.Cache, step: dict[str, Any], _scenario: dict[str, Any]) -> dict[str, Any]:
    _, address, product = step.get("key", "view_count:203.0.113.7:42").split(":")
    return {"allowed": quelyos_api.view_count_allowed(cache, address, product)}


def shop_limit(cache: hitrate.Cache, _step: dict[str, Any], scenario: dict[str, Any]) -> dict[str, Any]:
    refusal = quelyos_ecommerce.rate_limit(cache, "login", None, "203.0.113.7", limit=scenario["limit"], window=WINDOW)
    return {"allowed": True} if refusal is None else {"allowed": False, "retry_after": refusal["retry_after"]}


def api_limit(count_refused: bool) -> Callable[..., dict[str, Any]]:
    def call(cache: hitrate.Cache, _step: dict[str, Any], scenario: dict[str, Any]) -> dict[str, Any]:
        allowed, remaining, _ = quelyos_api.is_allowed(
            cache, "login:ip:203.0.113.7", scenario["max_requests"], WINDOW, count_refused=count_refused
        )
        return {"allowed": allowed, "remaining": remaining}

    return call


CALLS = {
    ("quelyos_api", "view_count memory fallback"): view_count,
    ("quelyos_api", "view_count Redis"): view_count,
    ("quelyos_ecommerce", "rate_limit"): shop_limit,
    ("quelyos_api", "RedisRateLimiter.is_allowed"): api_limit(count_refused=True),
    ("quelyos_api", "MemoryRateLimiter.is_allowed"): api_limit(count_refused=False),
}


def test_every_scenario_that_is_to_be_kept_has_a_call() -> None:
    assert set(SCENARIOS) == set(CALLS)


@pytest.mark.parametrize("name", CALLS, ids=" ".join)
def test_each_step_is_decided_as_the_original_decided_it(
    jumping_server: Server,  # noqa: F811
    clock: WallClock,  # noqa: F811
    make_cache: Callable[..., hitrate.Cache],
    name: tuple[str, str],
) -> None:
    scenario = SCENARIOS[name]
    steps = scenario["steps"]
    for number, step in enumerate(steps):
        # The clock moves in whole seconds and goes on meanwhile, which no decision of these steps hangs on.
        offset = step["offset"] if "offset" in step else step["now"] - steps[0]["now"]
        set_clock(jumping_server, clock, int(offset))
        # A worker of its own for every step: nobody remembers a refusal by a clock that was not moved.
        cache = make_cache(jumping_server.url, prefix="", timeout=5)
        for field, decided in CALLS[name](cache, step, scenario).items():
            assert decided == step[field], (number, step, field)


def test_a_counted_view_is_the_originals_key_for_old_workers_too(
    make_cache: Callable[..., hitrate.Cache], own_server: Server
) -> None:
    cache = make_cache(own_server.url, prefix="")
    assert quelyos_api.view_count_allowed(cache, "203.0.113.7", 42)
    key = quelyos_api.view_count_key({}, "203.0.113.7", 42)
    assert own_server.execute("TYPE", key) == b"string"
    assert 59 <= own_server.execute("TTL", key) <= 60
    assert own_server.execute("SET", key, "1769337746.0", "EX", 60, "NX") is None
    own_server.execute("SET", quelyos_api.view_count_key({}, None, 7), "1769337746.0", "EX", 60, "NX")
    assert not quelyos_api.view_count_allowed(cache, None, 7)


def test_a_limit_is_never_counted_in_the_originals_sorted_set(
    make_cache: Callable[..., hitrate.Cache], own_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    cache = make_cache(own_server.url, prefix="")
    key = quelyos_api.rate_limit_key("login", None, None, None, "203.0.113.7")
    own_server.execute("ZADD", quelyos_api.rate_limit_redis_key(key), "1769337746.0", "1769337746.0")
    answers = [quelyos_api.check_rate_limit(cache, key, quelyos_api.RATE_LIMITS["LOGIN"]) for _ in range(6)]
    assert answers[:5] == [None] * 5
    refusal = answers[5]
    assert refusal is not None
    assert 0 < refusal.pop("retry_after") <= 60
    assert refusal == {
        "success": False,
        "error": "Too many requests. Please try again later.",
        "error_code": "RATE_LIMIT_EXCEEDED",
        "limit": 5,
        "window": 60,
    }
    assert own_server.execute("ZCARD", quelyos_api.rate_limit_redis_key(key)) == 1
    assert [quelyos_ecommerce.rate_limit(cache, "login", 5, None, limit=1) is None for _ in range(2)] == [True, False]
    assert "Rate limit exceeded for user_5 on login: 1/1 requests in 60s" in caplog.text
