"""One Odoo for the tests: a database with the addons in it, and a server with two workers on loopback."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hitrate.testing import HOST, free_port
from tests.with_odoo.client import Browser
from tests.with_odoo.environment import ROOT, START, python

ADDONS = (ROOT / "examples/odoo/addons", Path(__file__).parent / "addons")
DATABASE = "shop"
# The same, and nobody is connected to it, so that it can be copied.
BLANK = "shop_blank"
MODULES = ("quelyos_ecommerce_cache", "quelyos_api_cache", "hitrate_probe")
PATIENCE = 60.0


@dataclass
class Odoo:
    """
    How to run Odoo against a PostgreSQL and a Redis.

    Attributes:
        directory: for its configuration, files and logs.
        database: how to reach PostgreSQL, as ``tests.postgresql`` says it.
        environ: variables of its processes, ``REDIS_HOST`` for example.
    """

    directory: Path
    database: Mapping[str, Any]
    environ: dict[str, str] = field(default_factory=dict)

    def command(self, *args: str) -> list[str]:
        """The command line; everything that all runs share stands in the configuration."""
        options = {
            "db_host": self.database["HOST"],
            "db_port": self.database["PORT"],
            "db_user": self.database["USER"],
            "db_password": self.database["PASSWORD"] or False,
            "data_dir": self.directory / "data",
            "addons_path": ",".join(map(str, ADDONS)),
            "http_interface": HOST,
            "gevent_interface": HOST,
            "without_demo": True,
            "max_cron_threads": 0,
            "list_db": True,
        }
        file = self.directory / "odoo.conf"
        file.write_text("[options]\n" + "".join(f"{name} = {value}\n" for name, value in options.items()))
        return [str(python()), str(START), "-c", str(file), *args]

    def install(self, name: str, modules: Sequence[str] = MODULES) -> str:
        """Install modules into a database, which is made for it; return what Odoo logged."""
        return self._run("-d", name, "-i", ",".join(modules))

    def update(self, name: str, modules: Sequence[str]) -> str:
        """Bring modules up to date; return what Odoo logged."""
        return self._run("-d", name, "-u", ",".join(modules))

    def test(self, name: str, modules: Sequence[str]) -> str:
        """Run the tests that modules bring, in a copy of the database of the tests; return what Odoo logged."""
        self.copy(name, BLANK)
        tags = ",".join(f"/{module}" for module in modules)
        return self._run("-d", name, "-u", ",".join(modules), "--test-enable", "--test-tags", tags)

    def copy(self, name: str, of: str = DATABASE) -> None:
        """Make a database with the same content as another one, to which nobody may be connected."""
        self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.sql(f"CREATE DATABASE {name} TEMPLATE {of}")

    def _run(self, *args: str) -> str:
        done = subprocess.run(
            self.command(*args, "--stop-after-init", "--http-port", str(free_port())),
            env={**os.environ, **self.environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, f"odoo {' '.join(args)} failed: {_errors(done.stderr)}"
        return done.stderr

    def sql(self, statement: str, name: str = "postgres") -> str:
        """Run SQL as the owner of everything; return what ``psql`` prints."""
        known = self.database
        where = ["-h", known["HOST"], "-p", known["PORT"], "-U", known["USER"], "-d", name]
        environ = {**os.environ, "PGPASSWORD": known["PASSWORD"]}
        done = subprocess.run(
            ["psql", "-XAtq", *where, "-c", statement], env=environ, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    @contextmanager
    def serve(
        self, name: str, *args: str, workers: int = 2, environ: Mapping[str, str] | None = None
    ) -> Iterator[Site]:
        """Serve a database until the block ends."""
        port, gevent_port = free_port(), free_port()
        log = self.directory / f"{name}-{port}.log"
        command = self.command(
            *("-d", name, "--http-port", str(port), "--gevent-port", str(gevent_port)),
            *("--workers", str(workers), "--logfile", str(log), *args),
        )
        process = subprocess.Popen(
            command,
            env={**os.environ, **self.environ, **(environ or {})},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        site = Site(f"http://{HOST}:{port}", name, log, process.pid, f"{HOST}:{gevent_port}")
        try:
            _await(site, process)
            yield site
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@dataclass
class Site:
    """A running Odoo."""

    url: str
    name: str
    log: Path
    pid: int
    gevent: str

    def browser(self, **headers: str) -> Browser:
        """Somebody without a session."""
        return Browser(self.url, self.name, {name.replace("_", "-"): value for name, value in headers.items()})

    def admin(self) -> Browser:
        """The administrator, logged in."""
        return self.browser().login("admin", "admin")

    def lines(self, text: str, since: int = 0) -> list[str]:
        """Lines of the log that hold a text."""
        return [line for line in self.log.read_text()[since:].splitlines() if text in line]

    def mark(self) -> int:
        """Where the log ends now."""
        return len(self.log.read_text())

    def workers(self) -> list[int]:
        """The process ids of what the master forked or started."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in children.split()]


def _await(site: Site, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + PATIENCE
    while True:
        if _answers(site):
            return
        log = site.log.read_text() if site.log.exists() else ""
        assert process.poll() is None, f"Odoo ended: {log[-1500:]}"
        assert time.monotonic() < give_up, f"Odoo did not answer within {PATIENCE:g} s: {log[-1500:]}"
        time.sleep(0.1)


def _answers(site: Site) -> bool:
    try:
        return site.browser().fetch("/web/health")[0] == 200
    except OSError:
        return False


def _errors(log: str) -> str:
    lines = log.splitlines()
    at = next((number for number, line in enumerate(lines) if " ERROR " in line or " CRITICAL " in line), -30)
    return "\n".join(lines[at:][:60])
