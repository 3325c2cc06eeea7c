"""REST framework's throttles by another import line: exact among threads, beside its own, and never an exception."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.test.utils import override_settings
from rest_framework import throttling as theirs
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from hitrate.django import throttling
from hitrate.testing import Endpoint, Server

OURS = "hitrate.django.RedisCache"
KINDS = ("AnonRateThrottle", "UserRateThrottle", "ScopedRateThrottle", "SimpleRateThrottle")


@pytest.fixture(autouse=True)
def _as_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_settings, "NUM_PROXIES", None)


def throttle(base: Any = None, **attributes: Any) -> Any:
    base = base or throttling.AnonRateThrottle
    return type(base.__name__, (base,), {"rate": "2/min", **attributes})


def view_of(*throttles: Any, **attributes: Any) -> Any:
    def get(_self: Any, _request: Any) -> Response:
        return Response("fine")

    members = {"get": get, "authentication_classes": (), "permission_classes": (), "throttle_classes": throttles}
    return type("Throttled", (APIView,), {**members, **attributes}).as_view()


def ask(view: Any, *, peer: str = "192.0.2.1", user: Any = None, **headers: str) -> Any:
    request = APIRequestFactory().get("/", headers=headers)
    request.META["REMOTE_ADDR"] = peer
    # As REST framework's tests do: without authentication classes the view takes the user of the request.
    request.user = AnonymousUser() if user is None else user
    request._force_auth_user = user
    return view(request)


def statuses(view: Any, count: int, **options: Any) -> list[int]:
    return [ask(view, **options).status_code for _ in range(count)]


def test_the_names_and_their_bases_are_rest_frameworks() -> None:
    assert sorted(throttling.__all__) == sorted([*KINDS, "BaseThrottle"])
    for name in KINDS:
        assert issubclass(getattr(throttling, name), getattr(theirs, name))
    assert throttling.BaseThrottle is theirs.BaseThrottle


def test_who_asks_too_often_waits_until_the_server_says(django_cache: Any) -> None:
    view = view_of(throttle())
    assert statuses(view, 2) == [200, 200]
    refused = ask(view)
    assert refused.status_code == 429
    assert 55 <= int(refused["Retry-After"]) <= 60
    assert statuses(view, 1, peer="192.0.2.2") == [200]
    asked = throttle()()
    request = APIRequestFactory().get("/", REMOTE_ADDR="192.0.2.1")
    request.user = AnonymousUser()  # type: ignore[attr-defined]
    assert asked.allow_request(request, None) is False
    assert 55 < asked.wait() <= 60
    assert asked.decision.violated == ("anon",)


def test_users_scopes_and_views_without_one_are_told_apart(django_cache: Any, user: Any) -> None:
    by_user = view_of(throttle(throttling.UserRateThrottle))
    assert statuses(by_user, 3, user=user) == [200, 200, 429]
    assert statuses(by_user, 1, user=User(pk=user.pk + 1)) == [200]
    assert statuses(view_of(throttle()), 4, user=user) == [200] * 4
    scoped = throttle(throttling.ScopedRateThrottle, THROTTLE_RATES={"uploads": "1/day", "other": "1/day"})
    uploads, other, free = (view_of(scoped, throttle_scope=scope) for scope in ("uploads", "other", None))
    assert statuses(uploads, 2, user=user) == [200, 429]
    assert statuses(other, 2, user=user) == [200, 429]
    assert statuses(free, 3, user=user) == [200] * 3


def test_rates_and_hooks_are_read_as_rest_framework_reads_them(django_cache: Any) -> None:
    seen = []

    class Own(throttling.SimpleRateThrottle):
        scope = "exports, of a user"
        THROTTLE_RATES = {"exports, of a user": "1/hour"}

        def get_cache_key(self, request: Any, view: Any) -> str:
            return "everybody"

        def parse_rate(self, rate: Any) -> Any:
            count, seconds = super().parse_rate(rate)
            return count, seconds * 2

        def throttle_failure(self) -> bool:
            seen.append(self.decision.violated)
            return super().throttle_failure()

    view = view_of(Own)
    assert statuses(view, 1) == [200]
    refused = ask(view)
    assert 7190 <= int(refused["Retry-After"]) <= 7200
    assert seen == [("exports,-of-a-user",)]
    assert statuses(view_of(throttle(rate=None, THROTTLE_RATES={"anon": None})), 3) == [200] * 3


def test_a_rate_of_nothing_lets_nobody_in(django_cache: Any) -> None:
    refused = ask(view_of(throttle(rate="0/day")))
    assert (refused.status_code, "Retry-After" in refused) == (429, False)


def test_a_rate_that_is_changed_goes_on_with_what_was_counted(django_cache: Any) -> None:
    assert statuses(view_of(throttle(rate="5/min")), 4) == [200] * 4
    assert statuses(view_of(throttle(rate="3/min")), 1) == [429]
    assert statuses(view_of(throttle(rate="6/min")), 3) == [200, 200, 429]


def test_above_a_thousand_requests_no_times_are_kept(django_cache: Any, server: Endpoint, prefix: str) -> None:
    statuses(view_of(throttle(rate="1000/day", scope="few")), 1)
    statuses(view_of(throttle(rate="1001/day", scope="many")), 1)
    statuses(view_of(throttle(rate="10/day", scope="own", algorithm="gcra")), 1)
    keys = sorted(key.decode().split("}:")[1] for key in server.execute("KEYS", f"{prefix}*"))
    assert keys == ["few:log:86400000000", "many:sliding:86400000000", "own:gcra:86400000000"]


def test_rest_frameworks_throttles_run_beside_ours_on_the_same_cache(
    django_cache: Any, server: Endpoint, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(theirs.SimpleRateThrottle, "cache", caches["default"])
    old, new = view_of(throttle(theirs.AnonRateThrottle)), view_of(throttle())
    assert [ask(view).status_code for view in (old, new, old, new, old, new)] == [200] * 4 + [429] * 2
    types = {key.decode(): server.execute("TYPE", key) for key in server.execute("KEYS", f"{prefix}*")}
    assert types[f"{prefix}:1:throttle_anon_192.0.2.1"] in (b"string", "string")
    assert len(types) == 2


def test_16_threads_never_get_one_more_than_allowed(django_cache: Any) -> None:
    view = view_of(throttle(rate="60/hour"))
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: ask(view).status_code, range(320)))
    assert (found.count(200), found.count(429)) == (60, 260)


def test_in_shadow_mode_everybody_is_counted_and_nobody_refused(
    django_cache: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="hitrate")
    assert statuses(view_of(throttle(shadow=True, scope="shadowed")), 5) == [200] * 5
    counts = django_cache.stats()["limits"]["shadowed"]
    assert (counts["allowed"], counts["refused"]) == (2, 3)
    assert [record.getMessage() for record in caplog.records] == [
        "AnonRateThrottle would refuse a request, by 2/min"
    ] * 3


@pytest.mark.parametrize("way", ["killed", "hung"])
def test_no_view_fails_because_the_server_is_away(
    way: str, own_server: Server, use_caches: Callable[..., None]
) -> None:
    use_caches({"BACKEND": OURS, "LOCATION": own_server.url, "KEY_PREFIX": "away", "OPTIONS": {"TIMEOUT": 0.2}})
    view = view_of(throttle())
    assert statuses(view, 1) == [200]
    if way == "killed":
        own_server.kill()
    else:
        own_server.stop()
    try:
        # This process counts for itself, from the beginning.
        assert statuses(view, 4) == [200, 200, 429, 429]
        assert statuses(view_of(throttle(on_error="allow")), 4) == [200] * 4
        assert statuses(view_of(throttle(on_error="deny")), 1) == [429]
    finally:
        own_server.cont() if way == "hung" else own_server.restart()


@pytest.fixture
def lies() -> tuple[str, ...]:
    return ("6.6.6.6, 198.51.100.1", "7.7.7.7, 198.51.100.1", "8.8.8.8, 198.51.100.1")


def test_trusted_proxies_are_believed_and_clients_are_not(django_cache: Any, lies: tuple[str, ...]) -> None:
    view = view_of(throttle())
    with override_settings(HITRATE_TRUSTED_PROXIES=["10.0.0.0/8"]):
        assert [ask(view, peer="10.0.0.1", x_forwarded_for=lie).status_code for lie in lies] == [200, 200, 429]
        assert ask(view, peer="10.0.0.1", x_forwarded_for="198.51.100.2").status_code == 200


def test_without_them_num_proxies_says_what_it_says_to_rest_framework(
    django_cache: Any, lies: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    view = view_of(throttle())
    assert [ask(view, x_forwarded_for=lie).status_code for lie in lies] == [200] * 3
    monkeypatch.setattr(api_settings, "NUM_PROXIES", 1)
    assert [ask(view, x_forwarded_for=lie).status_code for lie in lies] == [200, 200, 429]
    monkeypatch.setattr(api_settings, "NUM_PROXIES", 0)
    assert [ask(view, peer="192.0.2.8", x_forwarded_for=lie).status_code for lie in lies] == [200, 200, 429]


def test_a_header_of_100_kb_is_no_key(django_cache: Any, server: Endpoint, prefix: str) -> None:
    view = view_of(throttle())
    assert [ask(view, x_forwarded_for="1.2.3.4," * 12_500).status_code for _ in range(3)] == [200, 200, 429]
    (key,) = server.execute("KEYS", f"{prefix}*")
    assert len(key) < 250


def test_another_backend_is_named(use_caches: Callable[..., None]) -> None:
    use_caches({"BACKEND": "django.core.cache.backends.locmem.LocMemCache"})
    with pytest.raises(ImproperlyConfigured, match="CACHES\\['default'\\] is LocMemCache"):
        ask(view_of(throttle()))


def test_a_cache_of_ones_own_counts(use_caches: Callable[..., None]) -> None:
    use_caches({"BACKEND": OURS, "LOCATION": "memory://", "KEY_PREFIX": "own-cache"})
    assert statuses(view_of(throttle(cache=caches["default"])), 3) == [200, 200, 429]


def test_a_throttle_that_decided_nothing_waits_as_rest_framework_does() -> None:
    asked = throttle()()
    asked.history = []
    assert asked.wait() == pytest.approx(60 / 3)
    assert math.isfinite(asked.duration)
