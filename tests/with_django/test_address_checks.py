"""The system checks of proxies: what each says, when, and what ends it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any
from weakref import WeakSet

import pytest
from django.conf import settings
from django.core.checks import Tags, run_checks
from django.http import HttpRequest, HttpResponse
from django.test.utils import override_settings
from rest_framework.settings import api_settings

from hitrate.django import address_checks, rate_limit
from hitrate.django.limiting import gate


@pytest.fixture(autouse=True)
def _as_in_a_new_site(monkeypatch: pytest.MonkeyPatch) -> None:
    """No limit is declared yet, and REST framework's throttles are not imported."""
    monkeypatch.setattr(gate, "gates", WeakSet())
    monkeypatch.setattr(address_checks, "gates", gate.gates)
    monkeypatch.delitem(sys.modules, "hitrate.django.throttling", raising=False)
    monkeypatch.setattr(api_settings, "NUM_PROXIES", None)


def view(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("fine")


def found(*, deploy: bool = False, **said: Any) -> list[str]:
    with override_settings(**said):
        messages = run_checks(tags=[Tags.security], include_deployment_checks=deploy)
    return [str(message.id) for message in messages if str(message.id).startswith("hitrate.")]


BEHIND = {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")}


def test_limits_by_address_behind_a_proxy_that_is_not_named_are_reported() -> None:
    assert found(**BEHIND) == []
    declared = [rate_limit("1/m", by=lambda request: request.headers.get("tenant"))(view)]
    assert found(**BEHIND) == []
    declared.append(rate_limit("1/m")(view))
    assert found() == []
    for sign in (BEHIND, {"USE_X_FORWARDED_HOST": True}, {"USE_X_FORWARDED_PORT": True}):
        assert found(**sign) == ["hitrate.W009"]
    assert found(**BEHIND, HITRATE_TRUSTED_PROXIES=["10.0.0.0/8"]) == []
    assert found(**BEHIND, HITRATE_TRUSTED_PROXIES="unix") == []


def test_throttles_are_reported_that_believe_nobody_or_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hitrate.django.throttling", address_checks)
    assert found(**BEHIND) == []
    assert found(deploy=True) == ["hitrate.W011"]
    monkeypatch.setattr(api_settings, "NUM_PROXIES", 0)
    assert found(deploy=True) == []
    assert found(**BEHIND, deploy=True) == ["hitrate.W009"]
    monkeypatch.setattr(api_settings, "NUM_PROXIES", 1)
    assert found(**BEHIND, deploy=True) == []
    monkeypatch.setattr(api_settings, "NUM_PROXIES", None)
    assert found(**BEHIND, deploy=True, HITRATE_TRUSTED_PROXIES=["10.0.0.0/8"]) == []


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0"])
def test_proxies_that_are_everybody_are_reported(network: str) -> None:
    assert found(HITRATE_TRUSTED_PROXIES=["10.0.0.0/8", network]) == ["hitrate.W010"]


@pytest.mark.parametrize(
    "said",
    [
        {"HITRATE_TRUSTED_PROXIES": ["nginx"]},
        {"HITRATE_TRUSTED_PROXIES": [8]},
        {"HITRATE_TRUSTED_PROXIES": ["10.0.0.0/8"], "HITRATE_FORWARDED_HEADER": "X-Real-IP"},
    ],
    ids=str,
)
def test_settings_that_cannot_be_meant_are_errors(said: dict[str, Any]) -> None:
    assert found(**said) == ["hitrate.E022"]


def test_a_header_is_named_without_regard_to_case() -> None:
    assert found(HITRATE_TRUSTED_PROXIES=["10.0.0.0/8"], HITRATE_FORWARDED_HEADER="X-Forwarded-For") == []


def test_a_site_without_rest_framework_is_checked_and_limited() -> None:
    program = f"""
import sys
sys.modules["rest_framework"] = None
from django.conf import settings
settings.configure(CACHES={settings.CACHES!r}, INSTALLED_APPS=["hitrate.django"], USE_X_FORWARDED_HOST=True)
import django
django.setup()
from hitrate.django import rate_limit
view = rate_limit("1/m")(lambda request: None)
from hitrate.django.address_checks import check_proxies, check_throttles
assert [message.id for message in check_proxies()] == ["hitrate.W009"]
assert check_throttles() == []
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
