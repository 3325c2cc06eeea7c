"""The system checks: what each says, when, and that none shows a password."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import Tags, run_checks
from django.core.management import call_command
from django.test.utils import override_settings

from hitrate.django.checks import check_caches, check_deployment
from hitrate.django.foreign import OTHER_COMPRESSION
from hitrate.django.neighbours import check_prefixes

OURS = "hitrate.django.RedisCache"
URL = "redis://localhost:6379/1"
BROTLI = "project.BrotliCompressor"
NOT_IN_THIS = "Sentinel is not in this release: keep django-redis for this cache, or name one server"


def found(location: Any = URL, *, sessions: bool = False, **params: Any) -> list[tuple[str, str, str]]:
    """Id, text and hint of each message about one cache."""
    engine = f"django.contrib.sessions.backends.{'cache' if sessions else 'db'}"
    cache = {"BACKEND": OURS, "LOCATION": location, **params}
    with override_settings(CACHES={"default": cache}, SESSION_ENGINE=engine):
        return [(message.id, message.msg, message.hint) for message in check_caches()]


def test_good_settings_say_nothing() -> None:
    assert found(KEY_PREFIX="shop", TIMEOUT=60, OPTIONS={"MAX_CONNECTIONS": 50}, sessions=True) == []


@pytest.mark.parametrize(
    ("location", "options", "identity", "text", "hint"),
    [
        ("", {}, "E001", "LOCATION names no server.", "write for example 'redis://localhost:6379/1'."),
        (
            [URL, "redis://:hunter2@replica/1"],
            {},
            "E002",
            "LOCATION names 2 servers, and one is supported.",
            "name the primary alone, or an address that leads to it; reading from replicas is not in this release.",
        ),
        (URL, {"PASWORD": "hunter2"}, "E003", "unknown option 'PASWORD'.", "did you mean 'PASSWORD'?"),
        (
            URL,
            {"CLIENT_CLASS": "django_redis.client.SentinelClient"},
            "E004",
            "option 'CLIENT_CLASS' is 'django_redis.client.SentinelClient', which is not supported.",
            f"{NOT_IN_THIS}.",
        ),
        (
            URL,
            {"CLIENT_CLASS": "django_redis.client.ShardClient"},
            "E004",
            "option 'CLIENT_CLASS' is 'django_redis.client.ShardClient', which is not supported.",
            "name one server; sharding by the client is not supported.",
        ),
        (
            URL,
            {"CLIENT_CLASS": "django_redis.client.HerdClient"},
            "E004",
            "option 'CLIENT_CLASS' is 'django_redis.client.HerdClient', which is not supported.",
            "remove it: Django's default client stores the same values without the herd timer.",
        ),
        (
            URL,
            {"SERIALIZER": "project.Serializer"},
            "E005",
            "option 'SERIALIZER' is 'project.Serializer', which cannot be imported.",
            "use 'pickle', 'json', 'msgpack', or the dotted path of a class with dumps() and loads().",
        ),
        (
            URL,
            {"COMPRESSOR": BROTLI},
            "E006",
            f"option 'COMPRESSOR' is '{BROTLI}', which cannot be imported.",
            f"{OTHER_COMPRESSION}.",
        ),
        (
            URL,
            {"LOCAL": {"MAX_BITES": 1}},
            "E003",
            "unknown option 'LOCAL['MAX_BITES']'.",
            "did you mean 'MAX_BYTES'?",
        ),
        (
            URL,
            {"CONNECTION_POOL_KWARGS": {"ssl_check_hostname": False}},
            "E008",
            "option 'ssl_check_hostname' is False, which is not supported.",
            "remove it, and give the name that stands in the certificate as 'TLS_SERVER_NAME'.",
        ),
        (
            URL,
            {"PICKLE_VERSION": "newest"},
            "E009",
            "option 'PICKLE_VERSION' is no integer.",
            "use a number from 0 to 5.",
        ),
        (
            URL,
            {"ON_ERROR": "explode"},
            "E009",
            "option 'on_error' is 'explode'.",
            "use 'miss', 'raise' or 'ignore'.",
        ),
        (
            URL,
            {"credential_provider": "x"},
            "E010",
            "option 'credential_provider' is not supported.",
            "give user and password in the URL, or as 'USERNAME' and 'PASSWORD'.",
        ),
        (
            "redis://:hunter2@redis.example.com/1",
            {},
            "W001",
            "the password goes to 'redis.example.com' unencrypted.",
            "use 'rediss://' and TLS on the server, or silence this if the network is yours alone.",
        ),
        (
            "redis://redis.example.com/1?password=hunter2",
            {},
            "W001",
            "the password goes to 'redis.example.com' unencrypted.",
            "use 'rediss://' and TLS on the server, or silence this if the network is yours alone.",
        ),
        (
            "redis://:hunter[2@redis.example.com/1",
            {},
            "W001",
            "the password goes to 'redis.example.com' unencrypted.",
            "use 'rediss://' and TLS on the server, or silence this if the network is yours alone.",
        ),
        (
            URL,
            {"SOCKET_TIMEOUT": 5},
            "W002",
            "a server that hangs is waited for 5 s ('SOCKET_TIMEOUT' or 'TIMEOUT' of OPTIONS).",
            "remove it: 0.5 s is the default, and covers connecting, writing and reading.",
        ),
        (
            "rediss://localhost:6379/1?tls_verify=no",
            {},
            "W004",
            "the server's certificate is not checked, so anybody between can read and change what is cached.",
            "give the certificate of its authority as 'TLS_CA_FILE' and remove 'ssl_cert_reqs'.",
        ),
        (
            "rediss://localhost:6379/1",
            {"CONNECTION_POOL_KWARGS": {"ssl_cert_reqs": None}},
            "W004",
            "the server's certificate is not checked, so anybody between can read and change what is cached.",
            "give the certificate of its authority as 'TLS_CA_FILE' and remove 'ssl_cert_reqs'.",
        ),
        (
            URL,
            {"CONNECTION_POOL_KWARGS": {"decode_responses": True}},
            "W005",
            "option 'decode_responses' has no effect: raw replies are bytes.",
            "remove it; values of the cache need none, and for raw replies call decode() on the result.",
        ),
        (
            URL,
            {"SERIALIZER": "json"},
            "W006",
            "values are stored as JSON, which holds no dates, decimals or tuples.",
            "use pickle, the default, unless all values are plain.",
        ),
        (
            URL,
            {"SIGNING_KEYS": ["k" * 32], "ACCEPT_UNSIGNED": True},
            "W008",
            "values without a signature are read, so whoever can write to the server needs none.",
            "remove 'ACCEPT_UNSIGNED' as soon as the values of before have expired.",
        ),
    ],
)
def test_each_problem_is_said_with_its_remedy(
    location: Any, options: dict[str, Any], identity: str, text: str, hint: str
) -> None:
    assert found(location, OPTIONS=options) == [(f"hitrate.{identity}", f"CACHES['default']: {text}", hint)]


def test_sessions_without_a_prefix_are_dangerous() -> None:
    assert found(sessions=True) == [
        (
            "hitrate.W003",
            "CACHES['default']: sessions are kept in a cache whose KEY_PREFIX is empty.",
            "set KEY_PREFIX: any other project on this database without one reads and clears the same keys.",
        )
    ]
    assert found(sessions=False) == []


def test_no_message_holds_a_password() -> None:
    secret = "hunter2"
    messages = found(
        f"redis://user:{secret}@redis.example.com:6379/1?{secret}=1",
        sessions=True,
        OPTIONS={
            "PASSWORD": secret,
            "SOCKET_TIMEOUT": 9,
            "CONNECTION_POOL_KWARGS": {"password": secret, "pasword": secret},
        },
    )
    assert {identity for identity, _, _ in messages} >= {"hitrate.W001", "hitrate.W002", "hitrate.E003"}
    assert secret not in str(messages)
    assert secret not in str(found(f"redis://:{secret}/x@host"))


def test_only_our_caches_are_checked() -> None:
    theirs = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": URL, "OPTIONS": {"SOCKET_TIMEOUT": 5}}
    caches = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "theirs": theirs,
        "absent": {"BACKEND": "no.such.Backend"},
        "ours": {**theirs, "BACKEND": OURS},
        "derived": {**theirs, "BACKEND": "tests.with_django.test_backend.StrictCache"},
    }
    with override_settings(CACHES=caches):
        assert [message.msg.partition(":")[0] for message in check_caches()] == ["CACHES['ours']", "CACHES['derived']"]


def test_django_runs_them() -> None:
    with override_settings(CACHES={"default": {"BACKEND": OURS, "LOCATION": URL, "OPTIONS": {"SOCKET_TIMEOUT": 5}}}):
        assert "hitrate.W002" in [message.id for message in run_checks(tags=[Tags.caches])]
        with override_settings(SILENCED_SYSTEM_CHECKS=["hitrate.W002"]):
            call_command("check", "--tag", "caches", "--fail-level", "WARNING")


@pytest.mark.parametrize("apps", [["hitrate.django"], []])
def test_a_project_sees_them_with_the_app_and_without(apps: list[str], tmp_path: Path) -> None:
    (tmp_path / "project_settings.py").write_text(
        f"INSTALLED_APPS = {apps}\nSECRET_KEY = 'x'\n"
        f"OPTIONS = {{'COMPRESSOR': '{BROTLI}'}}\n"
        f"CACHES = {{'default': {{'BACKEND': '{OURS}', 'LOCATION': '{URL}', 'OPTIONS': OPTIONS}}}}\n"
    )
    program = "from hitrate.django import RedisCache; " if not apps else ""
    program += (
        "import sys, django; django.setup(); from django.core.management import execute_from_command_line as run; "
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{program}run(['manage.py', 'check'])"],
        cwd=tmp_path,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "project_settings", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "(hitrate.E006) CACHES['default']: option 'COMPRESSOR'" in done.stderr
    assert "HINT: use 'zlib', 'gzip', " in done.stderr


@pytest.mark.parametrize(
    ("environment", "shown"),
    [
        ({}, "in every worker process."),
        ({"WEB_CONCURRENCY": "3"}, "in each of 3 worker processes."),
        ({"GUNICORN_CMD_ARGS": "--threads 4 --workers=2"}, "in each of 2 worker processes."),
        ({"WEB_CONCURRENCY": "1"}, None),
        ({"GUNICORN_CMD_ARGS": "-w 1"}, None),
    ],
)
@pytest.mark.parametrize("location", ["memory://", " MEMORY://shop/1", ["memory://"]])
def test_an_embedded_store_is_warned_of_at_deployment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], shown: str | None, location: Any
) -> None:
    for name in ("WEB_CONCURRENCY", "GUNICORN_CMD_ARGS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with override_settings(CACHES={"default": {"BACKEND": OURS, "LOCATION": location}}):
        assert check_caches() == []
        assert [message.id for message in check_deployment()] == ["hitrate.W007"] * (shown is not None)
        assert all(shown in message.msg for message in check_deployment() if shown)
        deployed = run_checks(tags=[Tags.caches], include_deployment_checks=True)
        assert [message.id for message in deployed] == ["hitrate.W007"] * (shown is not None)
    with override_settings(CACHES={"default": {"BACKEND": OURS, "LOCATION": URL}}):
        assert check_deployment() == []


def spell_without_version(key: str, prefix: str, version: int) -> str:
    return f"{prefix}:{key}"


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        ({"KEY_PREFIX": "shop"}, {"KEY_PREFIX": "shop:eu"}, False),
        ({"KEY_PREFIX": "shop"}, {"KEY_PREFIX": "shopping"}, False),
        ({"KEY_PREFIX": "shop"}, {"KEY_PREFIX": "shop"}, False),
        ({"KEY_PREFIX": "shop"}, {"KEY_PREFIX": "shop:1"}, True),
        ({"KEY_PREFIX": "shop"}, {"KEY_PREFIX": "shop:1", "LOCATION": "redis://localhost:6379/2"}, False),
        ({"KEY_PREFIX": "shop"}, {"KEY_PREFIX": "shop:1", "LOCATION": "memory://"}, False),
        ({"KEY_PREFIX": "shop", "VERSION": "eu"}, {"KEY_PREFIX": "shop:eu"}, True),
        ({"KEY_PREFIX": "shop", "KEY_FUNCTION": spell_without_version}, {"KEY_PREFIX": "shop:eu"}, True),
        (
            {"KEY_PREFIX": "shop"},
            {"KEY_PREFIX": "shop:1", "BACKEND": "django.core.cache.backends.dummy.DummyCache"},
            False,
        ),
    ],
)
def test_prefixes_that_do_not_tell_caches_apart_are_named(
    first: dict[str, Any], second: dict[str, Any], named: bool
) -> None:
    params = {"BACKEND": OURS, "LOCATION": URL}
    with override_settings(CACHES={"default": {**params, **first}, "sessions": {**params, **second}}):
        messages = check_prefixes()
        assert [message.id for message in messages] == ["hitrate.W012"] * named
        assert [message.id for message in run_checks(tags=[Tags.caches])] == ["hitrate.W012"] * named
    for message in messages:
        assert "CACHES['default']: clear() deletes the keys of CACHES['sessions'] too" in message.msg
