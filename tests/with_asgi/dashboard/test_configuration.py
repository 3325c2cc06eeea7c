"""Rows of the dashboard's document about its configuration: `.env`, environment, defaults, and the switch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from hitrate.testing import Endpoint, free_port
from tests.with_asgi.dashboard.site import (
    ACME,
    ENDPOINTS,
    EXAMPLE,
    PREFIX,
    Site,
    change_behind_its_back,
    environment,
    keys,
    serving,
)

SHOW = "from dashboard import settings; from hitrate.layouts.fastapi_dashboard.switch import is_enabled; "
SHOW += "print(settings.CACHE_URL, is_enabled())"


def settings(**said: str) -> str:
    """What the example takes from an environment: its server, and whether it caches."""
    env = environment(Path("unused"), **said)
    ended = subprocess.run([sys.executable, "-c", SHOW], cwd=EXAMPLE, env=env, capture_output=True, check=True)
    return ended.stdout.decode().strip()


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({}, "redis://localhost:6379/0 True"),
        ({"REDIS_URL": "redis://172.27.52.219:6379/0", "CACHE_ENABLED": "True"}, "redis://172.27.52.219:6379/0 True"),
        ({"HITRATE_URL": "redis://one", "REDIS_URL": "redis://other"}, "redis://one True"),
        ({"HITRATE_URL": "", "REDIS_URL": "redis://other"}, "redis://other True"),
        ({"CACHE_ENABLED": "False"}, "redis://localhost:6379/0 False"),
        ({"HITRATE_ENABLED": "1", "CACHE_ENABLED": "False"}, "redis://localhost:6379/0 False"),
        ({"HITRATE_ENABLED": "0", "CACHE_ENABLED": "True"}, "redis://localhost:6379/0 False"),
    ],
    ids=["defaults", "as documented", "ours comes first", "ours is empty", "off", "one says off", "the other says off"],
)
def test_settings_come_from_the_environment(said: Mapping[str, str], meant: str) -> None:
    assert settings(**said) == meant


@pytest.mark.parametrize("is_enabled", [True, False], ids=["on", "off"])
def test_a_file_of_the_environment_says_where_and_whether(server: Endpoint, tmp_path: Path, is_enabled: bool) -> None:
    file = tmp_path / ".env"
    file.write_text(
        f"REDIS_URL={server.url}  # WSL IP address\nCACHE_ENABLED={is_enabled}\nDASHBOARD_KEY_PREFIX={PREFIX}\n",
        encoding="utf-8",
    )
    for key in server.execute("KEYS", f"{PREFIX}:*"):
        server.execute("DEL", key)
    with serving(tmp_path, "--env-file", f"{file}") as site:
        site.get("/dashboard/kpis")
        assert keys(server) == ({f"dashboard_kpis:{ACME}:days:30"} if is_enabled else set())


def test_the_environment_comes_before_its_file(server: Endpoint, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(f"REDIS_URL=redis://127.0.0.1:{free_port()}\nCACHE_ENABLED=False\n", encoding="utf-8")
    for key in server.execute("KEYS", f"{PREFIX}:*"):
        server.execute("DEL", key)
    beside = {"REDIS_URL": server.url, "CACHE_ENABLED": "True", "DASHBOARD_KEY_PREFIX": PREFIX}
    with serving(tmp_path, "--env-file", f"{file}", **beside) as site:
        site.get("/dashboard/kpis")
        assert keys(server) == {f"dashboard_kpis:{ACME}:days:30"}


def answers_come_from_the_source(site: Site) -> None:
    for price in (100, 200):
        change_behind_its_back(site, price)
        figures = site.get("/dashboard/kpis")["payload"]
        assert figures["revenue_cents"] == price * figures["pieces"]


@pytest.mark.parametrize("off", [{"HITRATE_ENABLED": "0"}, {"CACHE_ENABLED": "False"}], ids=["ours", "the original's"])
def test_switched_off_nothing_is_read_or_stored_and_forgetting_goes_on(
    server: Endpoint, tmp_path: Path, off: Mapping[str, str]
) -> None:
    for key in server.execute("KEYS", f"{PREFIX}:*"):
        server.execute("DEL", key)
    with serving(tmp_path, REDIS_URL=server.url, DASHBOARD_KEY_PREFIX=PREFIX, **off) as site:
        product = site.get("/products")["items"][0]["id"]
        for path in (*(row[0] for row in ENDPOINTS), f"/products/{product}/pricing"):
            assert site.get(path) == site.get(path)
        answers_come_from_the_source(site)
        assert keys(server) == set()
        # What an old worker has stored is not served, and goes with what changes it.
        old = [f"dashboard_stats:{ACME}", f"pricing:{ACME}:{product}", f"sentiment_overview:{ACME}"]
        for key in old:
            server.execute("SET", f"{PREFIX}:{key}", '{"of": "an old worker"}', "EX", 300)
        assert "of" not in site.get("/dashboard/stats")
        with site.client("acme-admin-demo") as admin:
            assert admin.patch(f"/products/{product}", json={"price_cents": 7}).status_code == 200
            assert keys(server) == {old[2]}
            assert admin.delete("/cache/tenant").json()["entries_invalidated"] == 1
            assert admin.get("/cache/metrics").json() == {
                "enabled": False,
                "metrics": {"message": "Cache is disabled"},
            }
            assert admin.get("/cache/health").json() == {
                "enabled": False,
                "healthy": False,
                "message": "Cache is disabled",
            }
        assert keys(server) == set()
