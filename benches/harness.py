"""
How something is measured here: loops, interleaved rounds, medians and spread, and what else ran meanwhile.

Every round visits all contenders of a case in a new random order, in one process, so that drift of the machine falls on
all of them alike. A sample taken beside too much foreign CPU is repeated a few times, then kept and marked.
"""

from __future__ import annotations

import gc
import os
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Sample = dict[str, float]
Measure = Callable[[str], Sample]
Operation = Callable[[], Any]

FOREIGN_LIMIT = 0.25  # cores; see `CPUMeter`
REPEATS = 4  # samples per contender and round, at most
PAUSE = 0.5  # seconds before the first repeat; more before later ones, for the others may be done by then
BATCH = 16  # operations between two looks at the clock


class MissedError(Exception):
    """A read that should have been a hit returned nothing; its timing would be that of something else."""


@dataclass
class Row:
    """What one contender of a case showed, one entry per round."""

    samples: list[Sample] = field(default_factory=list)
    noisy: int = 0
    missed: int = 0

    def median(self, metric: str) -> float | None:
        values = self._values(metric)
        return statistics.median(values) if values else None

    def spread(self, metric: str) -> tuple[float, float]:
        """The 25th and the 75th percentile over the rounds."""
        values = self._values(metric)
        if len(values) < 2:
            return values[0], values[0]
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        return low, high

    def _values(self, metric: str) -> list[float]:
        return [sample[metric] for sample in self.samples if metric in sample]


def run_rounds(
    contenders: Sequence[str], measure: Measure, rounds: int, pids: Iterable[int], on_sample: Callable[[str], None]
) -> dict[str, Row]:
    """
    Measure every contender once per round, in a new order each round.

    Args:
        contenders: their names, each an argument for `measure`.
        measure: takes one sample.
        rounds: how many samples each gets.
        pids: processes that belong to the measurement (the server), besides this one and its children.
        on_sample: called with the contender's name before each of its samples.
    """
    rows = {name: Row() for name in contenders}
    for name in contenders:  # first connections, first compilation of byte code, first page faults
        _try(measure, name)
    for _ in range(rounds):
        for name in random.sample(list(contenders), len(contenders)):
            on_sample(name)
            _add_sample(rows[name], measure, name, list(pids))
    return rows


def _add_sample(row: Row, measure: Measure, name: str, pids: Sequence[int]) -> None:
    kept: Sample | None = None
    noisy = False
    for attempt in range(REPEATS):
        time.sleep(attempt * PAUSE)
        gc.collect()
        meter = CPUMeter(pids)
        sample = _try(measure, name)
        foreign = meter.foreign()
        if sample is not None:
            kept, noisy = sample, foreign is not None and foreign > FOREIGN_LIMIT
            if not noisy:
                break
    if kept is None:
        row.missed += 1
    else:
        row.samples.append(kept)
        row.noisy += noisy


def _try(measure: Measure, name: str) -> Sample | None:
    try:
        return measure(name)
    except MissedError:
        return None


class CPUMeter:
    """
    CPU used by processes that are not ours, since this meter was made.

    Linux only, in steps of 10 ms per core. Time in interrupts is left out: much of it is our own loopback traffic. Time
    stolen by the hypervisor is left in.
    """

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self._started = time.perf_counter()
        self._machine = _machine_seconds()
        self._ours = self._own_seconds()

    def foreign(self) -> float | None:
        """Cores, averaged; None where the machine does not tell."""
        machine = _machine_seconds()
        if machine is None or self._machine is None:
            return None
        used = machine - self._machine - (self._own_seconds() - self._ours)
        return max(0.0, used / (time.perf_counter() - self._started))

    def _own_seconds(self) -> float:
        family = [*self._pids, *_children(os.getpid())]
        # Those that have ended (a load generator, say) are in no list any more.
        ended = os.times()
        own = time.process_time() + ended.children_user + ended.children_system
        return own + sum(_process_seconds(pid) for pid in family)


def _machine_seconds() -> float | None:
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
    except FileNotFoundError:
        return None
    user, nice, system, _idle, _iowait, _irq, _softirq, steal = map(int, first[1:9])
    return (user + nice + system + steal) / float(os.sysconf("SC_CLK_TCK"))


def _process_seconds(pid: int) -> float:
    """CPU of all threads of a process, in seconds; 0 when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0.0
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / float(os.sysconf("SC_CLK_TCK"))


def _children(pid: int) -> list[int]:
    """Processes we started and what they started: workers and the delaying proxy."""
    try:
        tasks = [task.name for task in Path(f"/proc/{pid}/task").iterdir()]
        own = [int(child) for task in tasks for child in _read(f"/proc/{pid}/task/{task}/children").split()]
    except OSError:
        return []
    return own + [grandchild for child in own for grandchild in _children(child)]


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except OSError:
        return ""


@dataclass(frozen=True)
class Loop:
    """A closed loop: how many operations, and what they took in seconds of wall and of this process's CPU."""

    count: int
    wall: float
    cpu: float

    def sample(self) -> Sample:
        return {"wall µs": self.wall / self.count * 1e6, "CPU µs": self.cpu / self.count * 1e6}


def closed_loop(operation: Operation, seconds: float) -> Loop:
    """Call `operation` for `seconds`; `MissedError` if it ever returns None. CPU includes the peers' own threads."""
    count = 0
    cpu = time.process_time()
    started = now = time.perf_counter()
    while now - started < seconds:
        for _ in range(BATCH):
            if operation() is None:
                raise MissedError
        count += BATCH
        now = time.perf_counter()
    return Loop(count, now - started, time.process_time() - cpu)


def latencies(operation: Operation, until: float) -> list[int]:
    """Call `operation` until that time of `time.perf_counter` and return how long each call took, in ns."""
    clock = time.perf_counter_ns
    taken: list[int] = []
    end = int(until * 1e9)
    after = 0
    while after < end:
        before = clock()
        if operation() is None:
            raise MissedError
        after = clock()
        taken.append(after - before)
    return taken


def percentile_us(nanoseconds: Sequence[int], percent: float) -> float:
    ordered = sorted(nanoseconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] / 1000


def together(jobs: Sequence[Callable[[float], T]], seconds: float, first: Operation | None = None) -> list[T]:
    """
    Run each job in a thread of its own, all from the same moment.

    Args:
        jobs: each is given the time of `time.perf_counter` at which it must end.
        seconds: how long that is from the start.
        first: what each thread does before the start (its first connection, say).

    Raises:
        Exception: the first one that a job raised.
    """
    results: list[Any] = [None] * len(jobs)
    errors: list[BaseException] = []
    barrier = threading.Barrier(len(jobs), action=lambda: ends.append(time.perf_counter() + seconds))
    ends: list[float] = []

    def work(index: int) -> None:
        try:
            if first is not None:
                first()
            barrier.wait()
            results[index] = jobs[index](ends[0])
        except Exception as error:  # noqa: BLE001  handed to the caller below
            errors.append(error)
            barrier.abort()

    threads = [threading.Thread(target=work, args=(index,), daemon=True) for index in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise next((e for e in errors if not isinstance(e, threading.BrokenBarrierError)), errors[0])
    return results
