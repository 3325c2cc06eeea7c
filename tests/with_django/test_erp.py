"""The example ERP: its own tests on the real backend, on a server and in memory, in development and production."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hitrate.testing import Endpoint

ERP = Path(__file__).resolve().parents[2] / "examples" / "django_erp"
# Settings of whoever runs the tests: the ERP must be tested as it is shipped.
FOREIGN = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "HITRATE_ENABLED")


def run(server: Endpoint, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the ERP in a process of its own: Django's settings can be configured once per process."""
    inherited = {
        name: value for name, value in os.environ.items() if name not in FOREIGN and not name.startswith("NALAR_")
    }
    environment = {**inherited, **settings, "HITRATE_URL": server.url}
    return subprocess.run(
        [sys.executable, "-W", "error", "manage.py", *command],
        cwd=ERP,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def said(done: subprocess.CompletedProcess[str]) -> str:
    return f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"


def test_the_erp_passes_its_own_tests(server: Endpoint, prefix: str) -> None:
    done = run(server, "test", "--no-input", NALAR_KEY_PREFIX=prefix)
    assert done.returncode == 0, said(done)
    assert "Ran 0 tests" not in done.stderr, said(done)


def test_answers_are_kept_in_memory_as_well(server: Endpoint) -> None:
    modules = [f"tests.test_{name}" for name in ("entries", "services", "tenants", "transactions")]
    done = run(Endpoint("memory://"), "test", "--no-input", *modules)
    assert done.returncode == 0, said(done)
    assert "Ran 0 tests" not in done.stderr, said(done)


def test_a_save_in_production_is_no_error(server: Endpoint, prefix: str) -> None:
    secret = "not-the-one-of-the-example"
    command = ("test", "--no-input", "--settings", "nalar.production", "tests.test_production")
    done = run(server, *command, NALAR_KEY_PREFIX=prefix, NALAR_SECRET_KEY=secret)
    assert done.returncode == 0, said(done)
    assert "Ran 0 tests" not in done.stderr, said(done)


def test_the_models_have_their_migrations(server: Endpoint) -> None:
    done = run(server, "makemigrations", "--check", "--dry-run")
    assert done.returncode == 0, said(done)
