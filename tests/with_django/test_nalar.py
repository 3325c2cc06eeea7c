"""The settings of an existing project, nalar, with the line ``BACKEND`` changed alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from django.test.utils import override_settings

from hitrate.django import get_redis_connection
from hitrate.django.checks import check_caches
from hitrate.testing import Server

THEIRS: dict[str, Any] = {
    "BACKEND": "django_redis.cache.RedisCache",
    "LOCATION": "redis://localhost:6379/1",
    "OPTIONS": {
        "CLIENT_CLASS": "django_redis.client.DefaultClient",
        "PASSWORD": "nalar_redis_secret",
        "CONNECTION_POOL_KWARGS": {"max_connections": 50},
        "SOCKET_CONNECT_TIMEOUT": 5,
        "SOCKET_TIMEOUT": 5,
    },
    "KEY_PREFIX": "nalar",
    "TIMEOUT": 300,
}


@pytest.fixture
def nalar(start_server: Callable[..., Server]) -> Iterator[Server]:
    """Their password-protected server; ``default`` is our backend, ``before`` theirs."""
    server = start_server(password="nalar_redis_secret")
    # Only the port is not theirs.
    theirs = {**THEIRS, "LOCATION": f"redis://localhost:{server.port}/1"}
    ours = {**theirs, "BACKEND": "hitrate.django.RedisCache"}
    with override_settings(
        CACHES={"default": ours, "before": theirs},
        SESSION_ENGINE="django.contrib.sessions.backends.cache",
        SESSION_CACHE_ALIAS="default",
    ):
        yield server


def test_their_test_program_passes(nalar: Server) -> None:
    cache = caches["default"]
    cache.set("test_key", "Hello from Redis!", timeout=60)
    assert cache.get("test_key") == "Hello from Redis!"
    cache.delete("test_key")
    assert cache.get("test_key") is None
    info = get_redis_connection("default").info()
    assert info["redis_version"]
    assert info["connected_clients"] >= 1
    assert info["used_memory_human"]
    assert get_redis_connection("default").dbsize() == 0


def test_what_stood_in_the_cache_before_is_still_there(nalar: Server) -> None:
    caches["before"].set("employees:list::page=2", {"count": 1, "results": [{"id": 1}]}, 300)
    assert caches["default"].get("employees:list::page=2") == {"count": 1, "results": [{"id": 1}]}
    caches["default"].set("departments", ["HR"], timeout=3600)
    assert caches["before"].get("departments") == ["HR"]
    assert 3590 <= caches["before"].ttl("departments") <= 3600
    caches["default"].set("default_timeout", 1)
    assert 290 <= caches["before"].ttl("default_timeout") <= 300


def test_their_invalidation_by_pattern_works(nalar: Server) -> None:
    caches["default"].set_many({"employees:list::": 1, "employees:list::page=2": 2, "assets:list::": 3})
    connection = get_redis_connection("default")
    keys = connection.keys("nalar:*:employees:*")
    assert connection.delete(*keys) == 2
    assert caches["default"].get_many(["employees:list::", "assets:list::"]) == {"assets:list::": 3}


def test_a_login_is_kept_in_the_cache_and_outlives_the_change_of_the_line(nalar: Server, user: Any) -> None:
    client = Client()
    with override_settings(SESSION_CACHE_ALIAS="before"):
        client.get("/sign-in", {"name": "ada", "password": "secret"})
        assert client.get("/who").content == b"ada"
    assert client.get("/who").content == b"ada"
    assert client.get("/count").content == b"1"
    (key,) = get_redis_connection().keys("*sessions*")
    assert key.startswith(b"nalar:1:django.contrib.sessions.cache")
    client.get("/sign-out")
    assert client.get("/who").content == b"nobody"
    assert get_redis_connection().keys("*sessions*") == []


def test_the_checks_say_only_that_the_timeout_is_long(nalar: Server) -> None:
    assert [message.id for message in check_caches()] == ["hitrate.W002"]
