"""The example shop: its own tests on the real backend and server, and a short run of its demonstration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hitrate.testing import Endpoint, free_port

SHOP = Path(__file__).resolve().parents[2] / "examples" / "django_shop"
# Settings of whoever runs the tests: the shop must be tested as it is shipped.
FOREIGN = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "SERVE")


def run(server: Endpoint, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the shop in a process of its own: Django's settings can be configured once per process."""
    inherited = {
        name: value for name, value in os.environ.items() if name not in FOREIGN and not name.startswith("SHOP_")
    }
    environment = {**inherited, **settings, "HITRATE_URL": server.url}
    return subprocess.run(
        [sys.executable, *command], cwd=SHOP, env=environment, capture_output=True, text=True, timeout=280, check=False
    )


def said(done: subprocess.CompletedProcess[str]) -> str:
    return f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("embedded", [False, True], ids=["server", "memory"])
def test_the_shop_passes_its_own_tests(server: Endpoint, prefix: str, embedded: bool) -> None:
    # What is decided in Python is the same on both; not so what is kept, cleared and counted.
    chosen = ("tests.test_layout", "tests.test_commands", "tests.test_cart") if embedded else ()
    cache = Endpoint("memory://") if embedded else server
    done = run(cache, "-W", "error", "manage.py", "test", "--no-input", *chosen, SHOP_KEY_PREFIX=prefix)
    assert done.returncode == 0, said(done)
    assert "Ran 0 tests" not in done.stderr, said(done)


def test_the_models_have_their_migrations(server: Endpoint) -> None:
    done = run(server, "manage.py", "makemigrations", "--check", "--dry-run")
    assert done.returncode == 0, said(done)


@pytest.mark.parametrize("arguments", [("clear_product_cache",), ("warmup_cache", "--verbose")])
def test_a_command_says_when_the_cache_server_is_away(arguments: tuple[str, ...], tmp_path: Path) -> None:
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path / 'shop.sqlite3'}"}
    away = Endpoint(f"redis://127.0.0.1:{free_port()}")
    migrated = run(away, "manage.py", "migrate", "--verbosity=0", **settings)
    assert migrated.returncode == 0, said(migrated)
    done = run(away, "manage.py", *arguments, **settings)
    assert done.returncode == 1, said(done)
    assert "CommandError" in done.stderr, said(done)
    assert "Successfully" not in done.stdout, said(done)
    assert "successfully" not in done.stdout, said(done)


@pytest.mark.parametrize("embedded", [False, True], ids=["server", "memory"])
def test_the_demonstration_shows_hits_without_queries_and_cleans_up(server: Endpoint, embedded: bool) -> None:
    done = run(Endpoint("memory://") if embedded else server, "demo.py", "--json", "--rounds=5", "--products=120")
    assert done.returncode == 0, said(done)
    result = json.loads(done.stdout)
    assert len(result["endpoints"]) == 16
    for endpoint in result["endpoints"]:
        assert endpoint["cached_queries"] == 0 < endpoint["uncached_queries"], endpoint
    assert result["totals"]["queries_avoided"] > 0
    assert result["change"]["new"] != result["change"]["old"]
    assert result["change"]["workers"] == (1 if embedded else 2)
    assert server.execute("KEYS", "ecommerce-demo-*") == []


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "nonsense"])
def test_the_demonstration_says_what_is_wrong_with_the_server(url: str) -> None:
    done = run(Endpoint(url), "demo.py")
    assert done.returncode == 1, said(done)
    assert done.stderr.startswith("demo failed: "), said(done)
    assert "Traceback" not in done.stderr, said(done)
