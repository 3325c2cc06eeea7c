"""What the ERP's code imported, on a real server: the same results, with what was broken mended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import caches
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, RequestFactory
from django.test.utils import override_settings

from hitrate.layouts import nalar
from hitrate.testing import Endpoint, Server, free_port

OURS = "hitrate.django.RedisCache"

UseCaches = Callable[..., None]


@pytest.fixture
def calls(django_cache: Any) -> list[str]:
    """Where a view writes down that it was called."""
    return []


def decorated(calls: list[str]) -> Callable[[HttpRequest], HttpResponse]:
    @nalar.cache_api_response(timeout=60, key_prefix="employees", shared=True)
    def employees(request: HttpRequest) -> HttpResponse:
        calls.append(request.get_full_path())
        return HttpResponse(str(len(calls)))

    return employees


def test_an_answer_is_kept_until_its_pattern_is_forgotten(calls: list[str]) -> None:
    employees, request = decorated(calls), RequestFactory().get("/employees/?page=2")
    assert [employees(request).content for _ in range(2)] == [b"1", b"1"]
    assert nalar.invalidate_cache("employees:*") == 1
    assert employees(request).content == b"2"
    assert nalar.invalidate_cache("employee_detail:*") == 0


@pytest.mark.parametrize(
    ("settings", "is_caching"),
    [
        ({"DEBUG": False}, True),
        ({"DEBUG": True}, False),
        ({"DEBUG": True, "ENABLE_API_CACHE": False}, False),
        ({"DEBUG": True, "ENABLE_API_CACHE": True}, True),
        ({"DEBUG": False, "ENABLE_API_CACHE": False}, True),
    ],
)
def test_in_debug_mode_the_view_is_called_unless_caching_is_enabled(
    settings: dict[str, bool], is_caching: bool, calls: list[str]
) -> None:
    employees, request = decorated(calls), RequestFactory().get("/employees/")
    with override_settings(**settings):
        for _ in range(3):
            employees(request)
    assert len(calls) == (1 if is_caching else 3)


async def test_coroutine_functions_stay_coroutine_functions(calls: list[str]) -> None:
    @nalar.cache_api_response(key_prefix="employees", shared=True)
    async def employees(request: HttpRequest) -> HttpResponse:
        calls.append("")
        return HttpResponse(str(len(calls)))

    from asgiref.sync import iscoroutinefunction

    assert iscoroutinefunction(employees)
    request = AsyncRequestFactory().get("/employees/")
    assert [(await employees(request)).content for _ in range(2)] == [b"1", b"1"]
    with override_settings(DEBUG=True):
        assert (await employees(request)).content == b"2"


@pytest.mark.usefixtures("_tables")
def test_a_pattern_is_forgotten_after_the_commit_in_every_version(django_cache: Any) -> None:
    def fill() -> None:
        django_cache.set("employees:list::", 1)
        django_cache.set("employees:list::", 1, version=2)

    fill()
    with transaction.atomic():
        assert nalar.invalidate_cache("employees:*") == 0
        transaction.set_rollback(True)
    assert django_cache.get("employees:list::") == django_cache.get("employees:list::", version=2) == 1
    with transaction.atomic():
        nalar.invalidate_cache("employees:*")
        assert django_cache.get("employees:list::", version=2) == 1
    assert django_cache.get("employees:list::") is django_cache.get("employees:list::", version=2) is None


def test_other_prefixes_are_left_alone(server: Endpoint, prefix: str, use_caches: UseCaches) -> None:
    # A prefix with a star in it is no pattern.
    use_caches({"BACKEND": OURS, "LOCATION": server.url, "KEY_PREFIX": f"{prefix}*"})
    caches["default"].set("employees:list::", 1)
    server.execute("SET", f"{prefix}more:1:employees:list::", "1")
    assert nalar.invalidate_cache("employees:*") == 1
    assert server.execute("EXISTS", f"{prefix}more:1:employees:list::")


def test_keys_are_looked_for_in_steps(own_server: Server, use_caches: UseCaches) -> None:
    use_caches({"BACKEND": OURS, "LOCATION": own_server.url, "KEY_PREFIX": "nalar"})
    own_server.execute("CONFIG", "RESETSTAT")
    nalar.invalidate_cache("employees:*")
    assert "cmdstat_keys" not in own_server.execute("INFO", "commandstats").decode()


def test_a_server_that_is_away_fails_no_write_and_no_dashboard(use_caches: UseCaches) -> None:
    use_caches({"BACKEND": OURS, "LOCATION": f"redis://127.0.0.1:{free_port()}", "KEY_PREFIX": "nalar"})
    assert nalar.invalidate_cache("employees:*") == 0
    found = nalar.get_cache_stats()
    assert (found["hits"], found["misses"], found["hit_rate"]) == (0, 0, "0.00%")
    assert "redis_version" in found["missing"]


def test_another_backend_fails_no_write_either(use_caches: UseCaches) -> None:
    use_caches({"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "nalar"})
    assert nalar.invalidate_cache("employees:*") == 0
    assert nalar.get_cache_stats()["hit_rate"] == "0.00%"
