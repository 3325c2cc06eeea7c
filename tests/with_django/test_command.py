"""``manage.py hitrate doctor``: the examination, with the server and options of the settings."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from hitrate.cli import exits
from hitrate.testing import Endpoint, Server

FEW = {"samples": 50, "keys": 100}
BACKEND = "hitrate.django.RedisCache"
UseCaches = Callable[..., None]


def upper_case(key: str, prefix: str, version: int) -> str:
    """A key function of a project."""
    return f"{prefix}|{version}|{key}".upper()


def doctor(*arguments: str, code: int = exits.FINE, **options: Any) -> dict[str, Any]:
    """Run the command and return what it wrote."""
    out = io.StringIO()
    if code == exits.FINE:
        call_command("hitrate", "doctor", *arguments, stdout=out, json=True, **FEW, **options)
    else:
        with pytest.raises(SystemExit) as ended:
            call_command("hitrate", "doctor", *arguments, stdout=out, json=True, **FEW, **options)
        assert ended.value.code == code
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def checks(report: dict[str, Any]) -> dict[str, str]:
    return {finding["check"]: finding["level"] for finding in report["findings"]}


def test_it_examines_the_server_of_the_settings(
    start_server: Callable[..., Server], use_caches: UseCaches, capsys: pytest.CaptureFixture[str]
) -> None:
    server = start_server(args=["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"], password="S3CRET")
    location = f"redis://127.0.0.1:{server.port}/1"
    use_caches({"BACKEND": BACKEND, "LOCATION": location, "KEY_PREFIX": "nalar", "OPTIONS": {"PASSWORD": "S3CRET"}})
    report = doctor()
    assert (report["address"], report["prefix"]) == (location, "nalar:1:")
    assert {"verbs.work": "ok", "reach.authentication": "ok", "security.password": "ok"}.items() <= checks(
        report
    ).items()
    assert "S3CRET" not in json.dumps(report)
    out = io.StringIO()
    call_command("hitrate", "doctor", "default", stdout=out, **FEW)
    assert f"examined {location}, prefix 'nalar:1:'" in out.getvalue()
    assert "S3CRET" not in out.getvalue()
    assert capsys.readouterr() == ("", "")


def test_a_problem_is_an_exit_code(start_server: Callable[..., Server], use_caches: UseCaches) -> None:
    server = start_server(args=["--maxmemory", "64mb"])
    use_caches({"BACKEND": BACKEND, "LOCATION": server.url})
    assert checks(doctor(code=exits.PROBLEM))["memory.policy"] == "problem"


def test_warnings_count_only_if_it_is_strict(start_server: Callable[..., Server], use_caches: UseCaches) -> None:
    use_caches({"BACKEND": BACKEND, "LOCATION": start_server().url})
    assert checks(doctor())["memory.limit"] == "warning"
    doctor(code=exits.WARNING, strict=True)


def test_a_server_that_is_away_is_an_exit_code(use_caches: UseCaches) -> None:
    use_caches({"BACKEND": BACKEND, "LOCATION": "redis://:S3CRET@127.0.0.1:1/0"})
    report = doctor(code=exits.UNREACHABLE)
    assert checks(report) == {"reach.ping": "problem"}
    assert "S3CRET" not in json.dumps(report)


def test_keys_are_spelled_by_the_projects_function(server: Endpoint, prefix: str, use_caches: UseCaches) -> None:
    use_caches({"BACKEND": BACKEND, "LOCATION": server.url, "KEY_PREFIX": prefix, "KEY_FUNCTION": upper_case})
    assert doctor()["prefix"] == f"{prefix}|1|".upper()


def test_what_cannot_be_examined_is_said(use_caches: UseCaches) -> None:
    use_caches({"BACKEND": "django.core.cache.backends.locmem.LocMemCache"})
    with pytest.raises(CommandError, match="LocMemCache, and no cache of hitrate") as refused:
        call_command("hitrate", "doctor")
    assert refused.value.returncode == exits.USAGE
    with pytest.raises(CommandError, match="nothing"):
        call_command("hitrate", "doctor", "nothing")


def test_wrong_settings_are_said(use_caches: UseCaches) -> None:
    use_caches({"BACKEND": BACKEND, "LOCATION": "redis://localhost", "OPTIONS": {"TIMOUT": 1}})
    with pytest.raises(CommandError, match="unknown option 'TIMOUT'") as refused:
        call_command("hitrate", "doctor")
    assert refused.value.returncode == exits.USAGE
    use_caches({"BACKEND": BACKEND, "LOCATION": "redis://localhost?timeout=soon"})
    with pytest.raises(CommandError, match="'soon'") as refused:
        call_command("hitrate", "doctor")
    assert refused.value.returncode == exits.USAGE
