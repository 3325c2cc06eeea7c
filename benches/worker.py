"""Client processes of their own: started once per case, told over a pipe whom to measure, and where to run."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from bench import Bench, bound
from harness import MissedError, Sample, latencies, percentile_us, together
from peers import configure_django
from values import KEY, TTL, product

REPLY_SECONDS = 60.0


@dataclass(frozen=True)
class Order:
    """What all workers do at the same moment: GET by that contender in so many threads."""

    contender: str
    threads: int
    start: float  # of `time.monotonic`, which all processes of a machine share
    seconds: float


def serve(pipe: Connection, cores: Sequence[int] | None, bench: Bench) -> None:
    """The life of a worker: until the pipe closes, take an order and send the latencies (ns) and the CPU seconds."""
    if cores is not None:
        # Before the clients are opened: they look at how many cores they may use.
        os.sched_setaffinity(0, cores)
    configure_django()
    while True:
        try:
            order: Order = pipe.recv()
        except EOFError:
            return
        pipe.send(_obey(order, bench))


def _obey(order: Order, bench: Bench) -> tuple[list[int], float] | None:
    client = bench.client(order.contender)
    client.set(KEY, product(), TTL)
    read = bound(client.get, KEY)
    if read() is None:
        return None
    time.sleep(max(0.0, order.start - time.monotonic()))
    cpu = time.process_time()
    try:
        taken = together([lambda until: latencies(read, until)] * order.threads, order.seconds, read)
    except MissedError:
        return None
    return [ns for thread in taken for ns in thread], time.process_time() - cpu


class Workers:
    """Some processes that read at the same time."""

    def __init__(self, bench: Bench, count: int, cores: Sequence[int] | None) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        self._processes: list[SpawnProcess] = []
        for number in range(count):
            ours, theirs = context.Pipe()
            own = Bench(bench.url, None, None, bench.seconds, bench.quick, prefix=f"{bench.prefix}-w{number}")
            process = context.Process(target=serve, args=(theirs, cores, own), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    def measure(self, contender: str, seconds: float, threads: int = 1) -> Sample:
        order = Order(contender, threads, time.monotonic() + 0.05, seconds)
        for pipe in self._pipes:
            pipe.send(order)
        replies: list[Any] = []
        for pipe in self._pipes:
            if not pipe.poll(REPLY_SECONDS):
                raise TimeoutError(f"a worker did not answer within {REPLY_SECONDS:.0f} s")
            replies.append(pipe.recv())
        if any(reply is None for reply in replies):
            raise MissedError
        each = [ns for taken, _ in replies for ns in taken]
        return {
            "GET/s": len(each) / seconds,
            "p50 µs": percentile_us(each, 50),
            "p99 µs": percentile_us(each, 99),
            "CPU µs": sum(cpu for _, cpu in replies) / len(each) * 1e6,
        }

    def close(self) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(10)


@contextmanager
def pinned(pid: int | None, cores: Sequence[int]) -> Iterator[None]:
    """Keep a process on these cores for a while."""
    if pid is None:
        yield
        return
    before = os.sched_getaffinity(pid)
    os.sched_setaffinity(pid, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(pid, before)
