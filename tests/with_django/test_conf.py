"""Settings of django-redis, of Django's backend and of our own become options of the client."""

from __future__ import annotations

import pickle
import ssl
from decimal import Decimal
from typing import Any

import pytest
import redis
from django.test.utils import override_settings
from django_redis.compressors.zlib import ZlibCompressor

import hitrate
from hitrate.django import conf
from hitrate.django.conf import CacheConfig
from hitrate.exceptions import ConfigError

SESSIONS = "django.contrib.sessions.cache"
URL = "redis://localhost:6379/1"


def read(location: Any = URL, **params: Any) -> CacheConfig:
    return conf.read(location, params)


def meant(**options: Any) -> dict[str, Any]:
    """What OPTIONS change, compared with none."""
    config = read(OPTIONS=options)
    assert not config.problems
    before = read().options
    return {name: value for name, value in config.options.items() if before.get(name, "unset") != value}


def codes(**options: Any) -> list[str]:
    return [problem.code for problem in read(OPTIONS=options).problems]


def test_without_options_the_layout_is_that_of_django() -> None:
    config = read(KEY_PREFIX="shop", VERSION=3, TIMEOUT=60, KEY_FUNCTION=None)
    assert config.url == URL
    assert config.options == {
        "layout": "django",
        "prefix": "shop",
        "version": 3,
        "serializer": "pickle",
        "critical": (SESSIONS,),
    }
    assert config.problems == ()


@pytest.mark.parametrize(
    ("location", "url"),
    [
        (URL, URL),
        ([URL], URL),
        ((URL,), URL),
        (f" {URL} ", URL),
        ("redis://:a,b;c@localhost", "redis://:a,b;c@localhost"),
        ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1"),
    ],
)
def test_one_server_may_be_written_in_several_ways(location: Any, url: str) -> None:
    config = read(location)
    assert (config.url, config.problems) == (url, ())


@pytest.mark.parametrize("location", ["", None, [], [""], 6379])
def test_no_server_is_an_error(location: Any) -> None:
    assert [problem.code for problem in read(location).problems] == ["E001"]


@pytest.mark.parametrize(
    "location", [f"{URL},redis://replica/1", f"{URL};redis://replica/1", f"{URL}, rediss://b", [URL, "redis://replica"]]
)
def test_several_servers_are_an_error(location: Any) -> None:
    (problem,) = read(location).problems
    assert problem.code == "E002"
    assert problem.text == "LOCATION names 2 servers, and one is supported"
    assert problem.hint.startswith("name the primary alone")


def test_our_own_options_are_those_of_the_client_in_capitals() -> None:
    assert meant(ON_ERROR="raise", STAGED_WAIT="off", MAX_CONNECTIONS=7, TIMEOUT=0.25, IDLE_TIMEOUT=None) == {
        "on_error": "raise",
        "staged_wait": "off",
        "max_connections": 7,
        "timeout": 0.25,
    }
    assert meant(CRITICAL=["cart:", "stock:"]) == {"critical": (SESSIONS, "cart:", "stock:")}
    assert meant(CRITICAL="cart:") == {"critical": (SESSIONS, "cart:")}


@pytest.mark.parametrize("name", ["SIGNING_KEYS", "UNPICKLE"])
def test_an_empty_text_takes_no_protection_away(name: str) -> None:
    assert meant(**{name: None}) == {}
    with pytest.raises(ConfigError, match=f"option '{name.lower()}' is "):
        hitrate.Cache(URL, **meant(**{name: ""}))


def test_the_options_of_django_redis_are_understood() -> None:
    assert meant(
        CLIENT_CLASS="django_redis.client.DefaultClient",
        CONNECTION_FACTORY="django_redis.pool.ConnectionFactory",
        CONNECTION_POOL_CLASS="redis.BlockingConnectionPool",
        CONNECTION_POOL_KWARGS={"max_connections": 50, "retry_on_timeout": True, "timeout": 20},
        REDIS_CLIENT_CLASS="redis.client.StrictRedis",
        REDIS_CLIENT_KWARGS={"health_check_interval": 30},
        PARSER_CLASS="redis.connection._HiredisParser",
        USERNAME="app",
        PASSWORD="secret",
        DB=3,
        SOCKET_TIMEOUT=1,
        SOCKET_CONNECT_TIMEOUT=1,
        SERIALIZER="django_redis.serializers.pickle.PickleSerializer",
        COMPRESSOR="django_redis.compressors.identity.IdentityCompressor",
        PICKLE_VERSION="4",
        IGNORE_EXCEPTIONS=True,
        LOG_IGNORED_EXCEPTIONS=True,
        REPLICA_READ_ONLY=True,
        CLOSE_CONNECTION=True,
        MAX_ENTRIES=1000,
        CULL_FREQUENCY=3,
    ) == {
        "max_connections": 50,
        "username": "app",
        "password": "secret",
        "timeout": 1,
        "pickle_protocol": 4,
        "on_error": "ignore",
    }


class Silent:
    """Neither serializer nor compressor."""

    def __init__(self, options: Any) -> None:
        pass


class Patient(ZlibCompressor):
    """Compresses what is long, and well."""

    min_length = 1000
    preset = 9


class Reversing(ZlibCompressor):
    """Does something that no compressor of ours does."""

    def compress(self, value: bytes) -> bytes:
        return super().compress(value)[::-1]


class Upper:
    """A serializer of a project's own."""

    def __init__(self, options: Any = None) -> None:
        self.options = options

    def dumps(self, value: Any) -> bytes:
        return str(value).upper().encode()

    def loads(self, data: bytes) -> Any:
        return data.decode()


@pytest.mark.parametrize("kind", ["zlib", "gzip", "lzma", "lz4", "zstd"])
def test_the_compressors_of_django_redis_are_understood(kind: str) -> None:
    name = {"zstd": "ZStd"}.get(kind, kind.capitalize())
    assert meant(COMPRESSOR=f"django_redis.compressors.{kind}.{name}Compressor") == {"compressor": kind}
    assert meant(COMPRESSOR=kind) == {"compressor": kind}


def test_a_compressor_derived_from_one_of_django_redis_is_understood_by_what_it_changes() -> None:
    expected = {"compressor": "zlib", "compress_min_bytes": 1001, "compress_level": 9}
    assert meant(COMPRESSOR="tests.with_django.test_conf.Patient") == expected
    assert meant(COMPRESSOR=Patient) == expected
    assert meant(COMPRESSOR=Patient, COMPRESS_LEVEL=1) == {**expected, "compress_level": 1}


def test_the_serializers_of_django_redis_are_understood() -> None:
    assert meant(SERIALIZER="django_redis.serializers.msgpack.MSGPackSerializer") == {"serializer": "msgpack"}
    found = read(OPTIONS={"SERIALIZER": "django_redis.serializers.json.JSONSerializer"}).options
    assert found["serializer"] == "json"
    assert found["json_default"](Decimal("1.50")) == "1.50"


def test_a_serializer_of_a_projects_own_is_made_as_its_backend_would() -> None:
    path = "tests.with_django.test_conf.Upper"
    assert meant(SERIALIZER=path, TIMEOUT=1)["serializer"].options == {"SERIALIZER": path, "TIMEOUT": 1}
    for given in (path, Upper, Upper()):
        assert meant(serializer=given)["serializer"].options is None


def test_the_options_of_djangos_own_backend_are_understood() -> None:
    assert meant(
        pool_class="redis.BlockingConnectionPool",
        parser_class="redis.connection.PythonParser",
        serializer="django.core.cache.backends.redis.RedisSerializer",
        username="app",
        socket_timeout=0.1,
        socket_connect_timeout=1,
        client_name="shop",
        protocol=2,
        retry_on_timeout=True,
        encoding="utf-8",
    ) == {"username": "app", "timeout": 0.1, "client_name": "shop", "protocol": 2}


def test_classes_may_be_given_as_themselves() -> None:
    from django.core.cache.backends.redis import RedisSerializer

    assert meant(pool_class=redis.ConnectionPool, serializer=RedisSerializer) == {}
    assert meant(serializer=RedisSerializer()) == {}


def test_what_the_url_says_wins_as_with_redis_py() -> None:
    config = read("redis://app:one@localhost/1", OPTIONS={"USERNAME": "other", "PASSWORD": "two", "DB": 2})
    assert config.options.keys().isdisjoint({"username", "password", "db"})
    config = read("redis://localhost", OPTIONS={"PASSWORD": "two", "DB": 2})
    assert (config.options["password"], config.options["db"]) == ("two", 2)
    assert "db" not in read("unix:///run/redis.sock?db=1", OPTIONS={"DB": 2}).options


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"SOCKET_TIMEOUT": None}, {}),
        ({"SOCKET_TIMEOUT": 0}, {}),
        ({"PASSWORD": ""}, {}),
        ({"PASSWORD": None}, {}),
        ({"TIMEOUT": 0.3, "SOCKET_TIMEOUT": 1}, {"timeout": 0.3}),
        ({"MAX_CONNECTIONS": 9, "CONNECTION_POOL_KWARGS": {"max_connections": 50}}, {"max_connections": 9}),
        ({"IGNORE_EXCEPTIONS": False}, {"on_error": "raise"}),
        ({"IGNORE_EXCEPTIONS": None}, {}),
        ({"IGNORE_EXCEPTIONS": True, "ON_ERROR": "miss"}, {"on_error": "miss"}),
        ({"PICKLE_VERSION": -1}, {"pickle_protocol": pickle.HIGHEST_PROTOCOL}),
        ({"CONNECTION_POOL_KWARGS": None}, {}),
        ({"CONNECTION_POOL_KWARGS": {"ssl_cert_reqs": ssl.CERT_REQUIRED}}, {"tls_verify": True}),
        ({"CONNECTION_POOL_KWARGS": {"ssl_cert_reqs": "required", "ssl_check_hostname": True}}, {"tls_verify": True}),
        (
            {"CONNECTION_POOL_KWARGS": {"ssl_ca_certs": "/ca.pem", "ssl_certfile": "/c.pem", "ssl_keyfile": "/k.pem"}},
            {"tls_ca_file": "/ca.pem", "tls_cert_file": "/c.pem", "tls_key_file": "/k.pem"},
        ),
    ],
)
def test_values_that_say_nothing_and_values_that_win(options: dict[str, Any], expected: dict[str, Any]) -> None:
    assert meant(**options) == expected


def test_the_global_settings_of_django_redis_are_understood() -> None:
    for ignore, expected in ((True, "ignore"), (False, "raise")):
        with override_settings(DJANGO_REDIS_IGNORE_EXCEPTIONS=ignore):
            assert read().options["on_error"] == expected
            assert read(OPTIONS={"IGNORE_EXCEPTIONS": not ignore}).options["on_error"] != expected
    with override_settings(DJANGO_REDIS_CONNECTION_FACTORY="somewhere.Factory"):
        assert [problem.code for problem in read().problems] == ["E004"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"CLIENT_CLASS": "django_redis.client.SentinelClient"}, "E004"),
        ({"CLIENT_CLASS": "django_redis.client.ShardClient"}, "E004"),
        ({"CLIENT_CLASS": "django_redis.client.HerdClient"}, "E004"),
        ({"CLIENT_CLASS": "project.cache.Client"}, "E004"),
        ({"CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory"}, "E004"),
        ({"CONNECTION_POOL_CLASS": "redis.sentinel.SentinelConnectionPool"}, "E004"),
        ({"REDIS_CLIENT_CLASS": "fakeredis.FakeRedis"}, "E004"),
        ({"SENTINELS": [("localhost", 26379)]}, "E004"),
        ({"SERIALIZER": "project.Serializer"}, "E005"),
        ({"SERIALIZER": "tests.with_django.test_conf.Silent"}, "E005"),
        ({"COMPRESSOR": "project.Compressor"}, "E006"),
        ({"COMPRESSOR": "tests.with_django.test_conf.Reversing"}, "E006"),
        ({"COMPRESSOR": "tests.with_django.test_conf.Silent"}, "E006"),
        ({"LOCAL": {"MAX_BITES": 1}}, "E003"),
        ({"CONNECTION_POOL_KWARGS": {"ssl_check_hostname": False}}, "E008"),
        ({"CONNECTION_POOL_KWARGS": {"ssl_ca_path": "/etc/ssl"}}, "E008"),
        ({"CONNECTION_POOL_KWARGS": {"ssl_cert_reqs": "perhaps"}}, "E008"),
        ({"REDIS_CLIENT_KWARGS": {"ssl": True}}, "E008"),
        ({"PICKLE_VERSION": "newest"}, "E009"),
        ({"credential_provider": object()}, "E010"),
        ({"encoding": "latin-1"}, "E010"),
        ({"CONNECTION_POOL_KWARGS": {"max_conections": 5}}, "E003"),
        ({"COMPRESS": True}, "E003"),
        ({"decode_responses": True}, "W005"),
        ({"SOCKET_TIMEOUT": 5}, "W002"),
        ({"CONNECTION_POOL_KWARGS": {"ssl_cert_reqs": None}}, "W004"),
        ({"SERIALIZER": "django_redis.serializers.json.JSONSerializer"}, "W006"),
    ],
)
def test_what_is_refused_and_what_is_dangerous(options: dict[str, Any], code: str) -> None:
    assert codes(**options) == [code]


@pytest.mark.parametrize(
    ("shown", "given", "hint"),
    [
        ("TIMOUT", {"TIMOUT": 1}, "did you mean 'TIMEOUT'?"),
        ("on_error", {"on_error": "miss"}, "did you mean 'ON_ERROR'?"),
        ("PASWORD", {"PASWORD": "x"}, "did you mean 'PASSWORD'?"),
        (
            "CONNECTION_POOL_KWARGS['max_conections']",
            {"CONNECTION_POOL_KWARGS": {"max_conections": 1}},
            "did you mean 'max_connections'?",
        ),
        ("COMPRESS_MIN", {"COMPRESS_MIN": 1}, "did you mean 'COMPRESS_MIN_BYTES'?"),
        ("COLOUR", {"COLOUR": 1}, "remove it; docs/features/django.md lists what is known"),
    ],
)
def test_an_unknown_option_is_named_with_the_one_meant(shown: str, given: dict[str, Any], hint: str) -> None:
    (problem,) = read(OPTIONS=given).problems
    assert problem.code == "E003"
    assert problem.text == f"unknown option '{shown}'"
    assert problem.hint.startswith(hint)


@pytest.mark.parametrize(
    ("location", "options", "is_dangerous"),
    [
        ("redis://:secret@redis.example.com", {}, True),
        ("redis://redis.example.com", {"PASSWORD": "secret"}, True),
        ("valkey://:secret@10.0.0.7", {}, True),
        ("redis://redis.example.com", {}, False),
        ("rediss://:secret@redis.example.com", {}, False),
        ("redis://:secret@localhost", {}, False),
        ("redis://:secret@127.0.0.1", {}, False),
        ("redis://:secret@[::1]:6379", {}, False),
        ("redis://:secret@/1", {}, False),
        ("unix:///run/redis.sock?password=secret", {}, False),
    ],
)
def test_a_password_in_clear_is_dangerous_over_a_network(location: str, options: Any, is_dangerous: bool) -> None:
    problems = read(location, OPTIONS=options).problems
    assert [problem.code for problem in problems] == ["W001"] * is_dangerous
    assert not any("secret" in problem.text + problem.hint for problem in problems)
