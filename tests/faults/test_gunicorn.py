"""gunicorn: workers forked from a master that has used the cache already, and workers full of greenlets."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from hitrate.testing import Server, free_port
from tests.faults.conftest import PATIENCE, ROOT, frozen, until

pytest.importorskip("gunicorn", reason="gunicorn is not installed; it is in the dependency group 'test'")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn needs fork")

NO_GEVENT = "gevent is not installed; it is in the dependency group 'test'"
WORKERS = 4
REQUESTS = 200
READS = 500  # per request: 100,000 in all


@contextmanager
def gunicorn(application: str, server: Server, *options: str) -> Iterator[str]:
    """Serve an application with its cache on `server`; where, is what the block gets."""
    place = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "gunicorn", *options, "--bind", place, "--log-level", "warning", application]
    env = {**os.environ, "APP_CACHE_URL": server.url}
    with subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True) as master:
        try:
            until(lambda: is_open(place) or master.poll() is not None, "gunicorn serves")
            yield place
        finally:
            master.send_signal(signal.SIGTERM)
            _, said = master.communicate(timeout=PATIENCE)
    assert master.returncode == 0, said
    assert "Error" not in said, said


def is_open(place: str) -> bool:
    host, port = place.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def ask(place: str, path: str) -> str:
    with urllib.request.urlopen(f"http://{place}/{path}", timeout=120) as answer:
        return str(answer.read(), "utf-8")


@pytest.mark.parametrize("worker", ["sync", "gthread", "gevent"])
def test_preloaded_workers_read_only_their_own(own_server: Server, worker: str) -> None:
    if worker == "gevent":
        pytest.importorskip("gevent", reason=NO_GEVENT)
    options = ["--preload", "--workers", str(WORKERS), "--worker-class", worker]
    if worker == "gthread":
        options += ["--threads", "4"]
    with gunicorn("tests.faults.app:application", own_server, *options) as place, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: ask(place, str(READS)).split(), range(REQUESTS)))
    assert [answer for answer in answers if len(answer) != 2] == []
    assert sum(int(wrong) for _, wrong in answers) == 0
    assert len({worker for worker, _ in answers}) > 1


def test_a_gevent_worker_answers_others_while_200_requests_wait_for_the_server(own_server: Server) -> None:
    pytest.importorskip("gevent", reason=NO_GEVENT)
    with (
        gunicorn("tests.faults.django_app:application", own_server, "--worker-class", "gevent") as place,
        ThreadPoolExecutor(200) as pool,
    ):
        for number in range(200):
            ask(place, f"write/{number}")
        with frozen(own_server):
            reads = [pool.submit(ask, place, f"read/{number}") for number in range(200)]
            until(lambda: json.loads(ask(place, "health"))["waiting"] == 200, "all of them wait")
            health = [json.loads(ask(place, "health")) for _ in range(50)]
            assert health == [{"waiting": 200, "waiter": "gevent"}] * 50
            assert not any(read.done() for read in reads)
        assert [read.result() for read in reads] == [str(number) for number in range(200)]
        assert json.loads(ask(place, "health")) == {"waiting": 0, "waiter": "gevent"}
