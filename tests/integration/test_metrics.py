"""Metrics of real calls, and of several processes together."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

import hitrate
from hitrate.metrics import collector
from hitrate.testing import Endpoint, Server, free_port

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 60.0
needs_fork = pytest.mark.skipif(sys.platform == "win32", reason="needs fork")

# Reads in itself and in forked children, whose numbers are written by each way there is.
FORKING = """
import multiprocessing, os, sys
import hitrate, hitrate.metrics
url, prefix, way = sys.argv[1:]
cache = hitrate.Cache(url, prefix=prefix, timeout=60)
interval = 0.01 if way == "thread" else 3600
hitrate.metrics.collector({"forks": cache}, interval=interval)

def child():
    for _ in range(10):
        cache.get("absent")
    if way == "publish":
        hitrate.metrics.publish()
        os._exit(0)
    if way == "thread":
        while cache.get("stop") is None:
            pass
        os._exit(0)
    sys.exit()  # the end of the interpreter

children = []
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        child()
    children.append(pid)
for _ in range(100):
    cache.get("absent")
for pid in children:
    assert os.waitpid(pid, 0)[1] == 0
"""


def until(condition: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up, f"not within {PATIENCE} s: {what}"
        time.sleep(0.01)


def merged(directory: Path, name: str, **labels: str) -> float | None:
    """What Prometheus would be told of all processes together."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(directory))  # type: ignore[no-untyped-call]
    return registry.get_sample_value(name, labels)


def start(program: str, *args: str, directory: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        # Python 3.12 and newer warn of every fork beside a thread; ours is prepared for it.
        [sys.executable, "-W", "error", "-W", "ignore:.*fork:DeprecationWarning", "-c", program, *args],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(directory)},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_numbers_of_real_calls(cache: hitrate.Cache) -> None:
    registry = CollectorRegistry()
    registry.register(collector({"real": cache}))
    cache.set("a", "x" * 1000)
    cache.get("a")
    cache.get("b")
    cache.delete("a")

    def value(name: str, **labels: str) -> float:
        found = registry.get_sample_value(f"hitrate_{name}", {"cache": "real", **labels})
        assert found is not None
        return found

    stats = cache.stats()
    assert [value(f"{name}_total") for name in ("hits", "misses", "sets", "deletes")] == [1, 1, 1, 1]
    assert value("sent_bytes_total") == stats["bytes_out"] > 1000
    assert value("received_bytes_total") == stats["bytes_in"] > 1000
    assert value("pool_connections", state="idle") == 1
    assert value("round_trip_duration_seconds_count") == stats["round_trips"] == 4
    assert value("round_trip_duration_seconds_bucket", le="+Inf") == 4
    assert value("round_trip_duration_seconds_sum") == pytest.approx(stats["latency"]["sum"])
    buckets = [count for _, count in stats["latency"]["buckets"]]
    bounds = ["1e-05", "2e-05", "3e-05", "5e-05", "7.5e-05", "0.0001", "0.0002", "0.0003", "0.0005", "0.001"]
    cumulated = [value("round_trip_duration_seconds_bucket", le=bound) for bound in bounds]
    assert cumulated == [sum(buckets[: number + 1]) for number in range(len(bounds))]


@needs_fork
def test_a_forked_child_that_is_scraped_by_itself_begins_at_zero(server: Endpoint, prefix: str) -> None:
    program = """
import os, sys
import hitrate, hitrate.metrics
from prometheus_client import CollectorRegistry
cache = hitrate.Cache(sys.argv[1], prefix=sys.argv[2], timeout=60)
gone = hitrate.Cache(sys.argv[1], prefix=sys.argv[2], timeout=60)
registry = CollectorRegistry()
own = hitrate.metrics.collector()
registry.register(own)
cache.get("absent")
gone.get("absent")
def misses():
    return registry.get_sample_value("hitrate_misses_total", {"cache": sys.argv[2]})
assert misses() == 2
del gone
assert misses() == 2
own._lock.acquire()  # as by a thread in the middle of a scrape
child = os.fork()
if child == 0:
    assert misses() == 0, misses()
    cache.get("absent")
    assert misses() == 1, misses()
    os._exit(0)
own._lock.release()
assert os.waitpid(child, 0)[1] == 0
assert misses() == 2
"""
    done = subprocess.run(
        [sys.executable, "-c", program, server.url, prefix],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@needs_fork
@pytest.mark.parametrize("way", ["exit", "publish", "thread"])
def test_forked_processes_are_added_up(server: Endpoint, prefix: str, tmp_path: Path, way: str) -> None:
    with start(FORKING, server.url, prefix, way, directory=tmp_path) as process:
        if way == "thread":

            def everything_written() -> bool:
                # The children go on reading: what they read first is in the sum, and theirs is in four files.
                files = [
                    file for file in tmp_path.glob("counter_*.db") if file.stat().st_size and own_misses(file) >= 10
                ]
                return len(files) == 4

            until(everything_written, "each process's thread wrote its file")
            server.execute("SET", f"{prefix}:stop", "1")
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert said == ""
    if way != "thread":
        assert merged(tmp_path, "hitrate_misses_total", cache="forks") == 130
    round_trips = merged(tmp_path, "hitrate_round_trip_duration_seconds_count", cache="forks")
    assert round_trips == merged(tmp_path, "hitrate_round_trip_duration_seconds_bucket", cache="forks", le="+Inf")
    assert round_trips is not None
    assert round_trips >= 130


def own_misses(file: Path) -> float:
    metrics = MultiProcessCollector.merge([str(file)])  # type: ignore[no-untyped-call]
    return sum(sample.value for metric in metrics for sample in metric.samples if sample.name == "hitrate_misses_total")


READER = """
import sys
import hitrate, hitrate.metrics
import prometheus_client.values
{before}
url, prefix, reads = sys.argv[1:]
cache = hitrate.Cache(url, prefix=prefix, timeout=60)
hitrate.metrics.collector({{"readers": cache}}, interval=3600)
for _ in range(int(reads)):
    cache.get("absent")
"""


def test_two_processes_are_added_up_and_the_gauges_of_a_dead_one_are_dropped(
    server: Endpoint, prefix: str, tmp_path: Path
) -> None:
    processes = [start(READER.format(before=""), server.url, prefix, reads, directory=tmp_path) for reads in "34"]
    for process in processes:
        assert process.communicate(timeout=PATIENCE)[1] == ""
    assert merged(tmp_path, "hitrate_misses_total", cache="readers") == 7
    assert merged(tmp_path, "hitrate_breaker_state", cache="readers", state="closed") == 2
    mark_process_dead(processes[0].pid, str(tmp_path))  # type: ignore[no-untyped-call]
    assert merged(tmp_path, "hitrate_breaker_state", cache="readers", state="closed") == 1
    assert merged(tmp_path, "hitrate_misses_total", cache="readers") == 7


def test_the_gauges_of_a_cache_that_is_gone_are_zero_and_its_counters_stay(prefix: str, tmp_path: Path) -> None:
    program = """
import sys
import hitrate, hitrate.metrics
cache = hitrate.Cache("redis://127.0.0.1:1", prefix=sys.argv[1])
hitrate.metrics.collector(interval=3600)
cache.get("a")
hitrate.metrics.publish()
del cache
hitrate.metrics.publish()
"""
    process = start(program, prefix, directory=tmp_path)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert merged(tmp_path, "hitrate_misses_total", cache=prefix) == 1
    assert merged(tmp_path, "hitrate_breaker_openings_total", cache=prefix) == 1
    assert merged(tmp_path, "hitrate_breaker_state", cache=prefix, state="open") == 0


def test_a_successor_with_the_same_process_id_counts_on(server: Endpoint, prefix: str, tmp_path: Path) -> None:
    same_id = (
        "prometheus_client.values.ValueClass = prometheus_client.values.MultiProcessValue(process_identifier=lambda: 1)"
    )
    for reads in "34":
        process = start(READER.format(before=same_id), server.url, prefix, reads, directory=tmp_path)
        assert process.communicate(timeout=PATIENCE)[1] == ""
    assert [file.name for file in tmp_path.glob("counter*")] == ["counter_1.db"]
    assert merged(tmp_path, "hitrate_misses_total", cache="readers") == 7


def test_a_directory_that_cannot_be_written_is_logged_once(server: Endpoint, prefix: str, tmp_path: Path) -> None:
    program = """
import logging, sys, time
logging.basicConfig(format="%(message)s")
import hitrate, hitrate.metrics
from hitrate.metrics import prometheus
cache = hitrate.Cache(sys.argv[1], prefix=sys.argv[2])
try:
    hitrate.metrics.collector(interval=0.01)
except OSError as error:
    print("raised", file=sys.stderr)
passes = 0
publish = prometheus.publisher.publish
def counted():
    global passes
    passes += 1
    publish()
prometheus.publisher.publish = counted
while passes < 3:
    time.sleep(0.01)
"""
    process = start(program, server.url, prefix, directory=tmp_path / "absent")
    said = process.communicate(timeout=PATIENCE)[1].splitlines()
    assert said[0] == "raised"
    assert len(said) == 2
    assert "check PROMETHEUS_MULTIPROC_DIR" in said[1]


@contextmanager
def gunicorn(server: Server, directory: Path, *options: str) -> Iterator[Callable[[str], str]]:
    """The application of `metrics_app.py` behind two workers, as a function from path to answer."""
    files = directory / "multiproc"
    files.mkdir()
    config = directory / "gunicorn.conf.py"
    config.write_text(
        "from prometheus_client import multiprocess\n"
        "def child_exit(server, worker):\n"
        "    multiprocess.mark_process_dead(worker.pid)\n"
    )
    place = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "gunicorn", "--config", str(config), "--workers", "2", "--bind", place, *options]
    env = {**os.environ, "APP_CACHE_URL": server.url, "PROMETHEUS_MULTIPROC_DIR": str(files)}

    def ask(path: str) -> str:
        try:
            with urllib.request.urlopen(f"http://{place}/{path}", timeout=PATIENCE) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, ConnectionError):
            return ""

    with subprocess.Popen(
        [*command, "--log-level", "warning", "tests.integration.metrics_app:application"],
        cwd=ROOT,
        env=env,
        stderr=subprocess.PIPE,
        text=True,
    ) as master:
        try:
            until(lambda: ask("0") != "" or master.poll() is not None, "gunicorn serves")
            yield ask
        finally:
            master.send_signal(signal.SIGTERM)
            _, said = master.communicate(timeout=PATIENCE)
    assert master.returncode == 0, said
    assert "Error" not in said, said


@needs_fork
@pytest.mark.parametrize("options", [[], ["--preload"]], ids=["each loads", "preload"])
def test_a_scrape_of_one_gunicorn_worker_tells_of_all(own_server: Server, tmp_path: Path, options: list[str]) -> None:
    pytest.importorskip("gunicorn", reason="gunicorn is not installed; it is in the dependency group 'test'")
    with gunicorn(own_server, tmp_path, *options) as ask:

        def scraped(name: str) -> float:
            found = re.search(rf"^hitrate_{re.escape(name)} (\S+)$", ask("metrics"), re.MULTILINE)
            return float(found[1]) if found else -1

        workers: set[str] = set()
        until(lambda: (workers.add(ask("0")), len(workers) == 2)[1], "both workers answered")
        for _ in range(40):
            ask("5")
        until(lambda: scraped('hits_total{cache="app"}') == 200, "all reads are in the sum")
        # With --preload the master has made the cache, and the collector, too.
        processes = 3 if options else 2
        closed = 'breaker_state{cache="app",state="closed"}'
        until(lambda: scraped(closed) == processes, "every process has written its gauges")

        os.kill(int(workers.pop()), signal.SIGTERM)
        successors: set[str] = set()
        until(lambda: (successors.add(ask("0")), len(successors - workers) > 0)[1], "a new worker answers")
        until(lambda: scraped(closed) == processes, "the gauges of the old worker are gone, those of the new one there")
        assert scraped('hits_total{cache="app"}') == 200
