"""The example dashboard as its README starts it: a uvicorn process, on a database of its own."""

from __future__ import annotations

import atexit
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import httpx

from hitrate.testing import Endpoint, free_port
from tests.faults.conftest import PATIENCE

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "fastapi_dashboard"
ACME, GLOBEX = "54d459ab-4ae8-480a-9d1c-d53b218a4fb2", "8a6e0804-2bd0-4672-b79d-d97027f9071a"
# Starting Python with FastAPI and SQLAlchemy is most of what a busy machine needs time for.
START_PATIENCE = 120
PREFIX = f"test-dashboard-{uuid.uuid4().hex[:8]}"
# Path, key without prefix, seconds, whether the answer stands in ``payload``.
ENDPOINTS = [
    ("/dashboard/kpis", "dashboard_kpis:{tenant}:days:30", 300, True),
    ("/dashboard/kpis?days=7", "dashboard_kpis:{tenant}:days:7", 300, True),
    ("/dashboard/trends", "dashboard_trends:{tenant}:days:30", 300, True),
    ("/dashboard/alerts", "dashboard_alerts:{tenant}", 300, True),
    ("/dashboard/insights", "dashboard_insights:{tenant}", 300, True),
    ("/dashboard/stats", "dashboard_stats:{tenant}", 300, False),
    ("/dashboard/recent-activity", "dashboard_activity:{tenant}:limit:10", 300, False),
    ("/products", "products:{tenant}:limit:20:page:1", 600, False),
    ("/pricing/trends", "pricing_trends:{tenant}:days:30", 600, True),
    ("/sentiment/overview", "sentiment_overview:{tenant}", 900, True),
    ("/forecast/demand", "forecast_demand:{tenant}:days:30", 1800, True),
]
FOREIGN = ("DATABASE_URL", "REDIS_URL", "HITRATE_URL", "HITRATE_ENABLED", "CACHE_ENABLED", "DASHBOARD_KEY_PREFIX")


@dataclass
class Site:
    """
    A dashboard that serves.

    Attributes:
        url: of its API.
        database: the file.
        log: the file with what it said.
    """

    url: str
    database: Path
    log: Path

    def client(self, token: str | None = "acme-demo") -> httpx.Client:
        """A client that has signed in, or not."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        # Without TLS, whose certificates take longer to be read than all else.
        return httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE, verify=False)

    def status(self, path: str, token: str | None = "acme-demo") -> int:
        """Ask once, for how that is answered."""
        with self.client(token) as client:
            return client.get(path).status_code

    def get(self, path: str, token: str = "acme-demo") -> Any:
        """Ask once, expecting an answer."""
        with self.client(token) as client:
            answer = client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()


def keys(server: Endpoint) -> set[str]:
    """What stands below the prefix, without it."""
    return {key.decode().removeprefix(f"{PREFIX}:") for key in server.execute("KEYS", f"{PREFIX}:*")}


def change_behind_its_back(site: Site, price: int) -> None:
    """Change all sales in the database, which tells nobody."""
    with closing(sqlite3.connect(site.database, timeout=20)) as connection, connection:
        connection.execute("UPDATE sales SET price = ?", (price,))


def environment(database: Path, **settings: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    return {**inherited, "DATABASE_URL": f"sqlite+aiosqlite:///{database}", **settings}


@contextmanager
def serving(directory: Path, *options: str, **settings: str) -> Iterator[Site]:
    """Serve, with these options of uvicorn and environment variables, until the block ends."""
    database, log, port = directory / "dashboard.sqlite3", directory / "log", free_port()
    env = environment(database, **settings)
    shutil.copy(_generated(), database)
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "dashboard.main:app",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        *options,
    ]
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=EXAMPLE, env=env, stdout=output, stderr=output)
        try:
            site = Site(f"http://127.0.0.1:{port}/api/v1", database, log)
            _wait_for(process, site)
            yield site
        finally:
            process.terminate()
            code = process.wait(timeout=PATIENCE)
        assert code in {0, -15}, log.read_text("utf-8")


def _wait_for(process: subprocess.Popen[bytes], site: Site) -> None:
    give_up = time.monotonic() + START_PATIENCE
    while not _answers(site):
        said = site.log.read_text("utf-8")
        assert process.poll() is None, said
        assert time.monotonic() < give_up, f"waited {START_PATIENCE} s in vain until the dashboard serves: {said}"
        time.sleep(0.05)


@cache
def _generated() -> Path:
    """A database with both tenants, made once for this process."""
    database = Path(mkdtemp(prefix="dashboard-")) / "dashboard.sqlite3"
    atexit.register(shutil.rmtree, database.parent, ignore_errors=True)
    generate(environment(database))
    return database


def generate(env: dict[str, str]) -> None:
    """Fill the database of an environment."""
    command = [sys.executable, "-W", "error", "-m", "dashboard.generator", "--products", "30"]
    subprocess.run(command, cwd=EXAMPLE, env=env, check=True, capture_output=True, timeout=START_PATIENCE)


def _answers(site: Site) -> bool:
    try:
        return httpx.get(f"{site.url}/dashboard/stats", timeout=PATIENCE, verify=False).status_code == 401
    except httpx.TransportError:
        return False
