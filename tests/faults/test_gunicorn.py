"""``gunicorn --preload``: the workers are forked from a master that has used the cache already."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from hitrate.testing import Server, free_port
from tests.faults.conftest import PATIENCE, ROOT, until

pytest.importorskip("gunicorn", reason="gunicorn is not installed; it is in the dependency group 'test'")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn needs fork")

WORKERS = 4
REQUESTS = 200
READS = 500  # per request: 100,000 in all


@pytest.fixture(params=["sync", "gthread"])
def address(request: pytest.FixtureRequest, own_server: Server) -> Iterator[str]:
    """Where gunicorn serves `tests.faults.app`."""
    place = f"127.0.0.1:{free_port()}"
    options = ["--preload", "--workers", str(WORKERS), "--worker-class", request.param, "--bind", place]
    if request.param == "gthread":
        options += ["--threads", "4"]
    command = [sys.executable, "-m", "gunicorn", *options, "--log-level", "warning", "tests.faults.app:application"]
    env = {**os.environ, "APP_CACHE_URL": own_server.url}
    with subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True) as master:
        try:
            until(lambda: ask(place, 1) or master.poll() is not None, "gunicorn serves")
            yield place
        finally:
            master.send_signal(signal.SIGTERM)
            _, said = master.communicate(timeout=PATIENCE)
    assert master.returncode == 0, said
    assert "Error" not in said, said


def ask(place: str, reads: int) -> list[int]:
    """Return the worker's process id, and how many reads went wrong; nothing if nobody listens yet."""
    try:
        with urllib.request.urlopen(f"http://{place}/{reads}", timeout=120) as answer:
            return [int(word) for word in answer.read().split()]
    except ConnectionError:
        return []
    except urllib.error.URLError as error:
        if isinstance(error.reason, ConnectionError):
            return []
        raise


def test_preloaded_workers_read_only_their_own(address: str) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: ask(address, READS), range(REQUESTS)))
    assert [answer for answer in answers if len(answer) != 2] == []
    assert sum(wrong for _, wrong in answers) == 0
    assert len({worker for worker, _ in answers}) > 1
