"""gunicorn: workers forked from a master that has used the cache already, and workers full of greenlets."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from hitrate.testing import Server
from tests.faults.conftest import frozen, until
from tests.faults.serving import ask, gunicorn

pytest.importorskip("gunicorn", reason="gunicorn is not installed; it is in the dependency group 'test'")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn needs fork")

NO_GEVENT = "gevent is not installed; it is in the dependency group 'test'"
WORKERS = 4
REQUESTS = 200
READS = 500  # per request: 100,000 in all


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
