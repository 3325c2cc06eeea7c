"""Several threads of one process: all reading, one beside a busy thread, and what a sleeping neighbour feels of it."""

from __future__ import annotations

import ctypes
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bars import Bar
from bench import Bench, Case, bound
from harness import Measure, Operation, Sample, latencies, percentile_us, together
from peers import DJANGO, DJANGO_REDIS, GLIDE, HITRATE, HITRATE_OFF, LOCMEM, REDIS_PY, VCACHE
from values import KEY, TTL, product

THREADS = 8
HOG_SECONDS = 5  # in samples: beside a busy thread most clients manage 200 reads a second
NAP = 0.001
UNGATED = "ungated poll"


@contextmanager
def _eight_readers(bench: Bench) -> Iterator[Measure]:
    def measure(name: str) -> Sample:
        client = bench.client(name)
        client.set(KEY, product(), TTL)
        read = bound(client.get, KEY)
        cpu, started = time.process_time(), time.perf_counter()
        taken = together([lambda until: latencies(read, until)] * THREADS, 2 * bench.seconds, read)
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
        each = [ns for thread in taken for ns in thread]
        return {
            "GET/s": len(each) / wall,
            "p50 µs": percentile_us(each, 50),
            "p99 µs": percentile_us(each, 99),
            "CPU µs": cpu / len(each) * 1e6,
        }

    yield measure


def hog(until: float) -> list[int]:
    """A thread that computes in Python until then."""
    turns = 0
    while time.perf_counter() < until:
        for _ in range(1000):
            turns += 1
    return [turns]


def victim(until: float) -> list[int]:
    """A thread that sleeps 1 ms at a time; returns by how many ns each waking was late."""
    late: list[int] = []
    while (before := time.perf_counter()) < until:
        time.sleep(NAP)
        late.append(int((time.perf_counter() - before - NAP) * 1e9))
    return late


@contextmanager
def _beside_a_hog(bench: Bench) -> Iterator[Measure]:
    seconds = HOG_SECONDS * bench.seconds

    def measure(name: str) -> Sample:
        client = bench.client(name)
        client.set(KEY, product(), TTL)
        read = bound(client.get, KEY)
        taken, turns = together([lambda until: latencies(read, until), hog], seconds, read)
        return {
            "p50 µs": percentile_us(taken, 50),
            "p99 µs": percentile_us(taken, 99),
            "GET/s": len(taken) / seconds,
            "busy thread, M turns/s": turns[0] / seconds / 1e6,
        }

    yield measure


@contextmanager
def _beside_a_victim(bench: Bench) -> Iterator[Measure]:
    with _ungated_poll(bench) as ungated:

        def measure(name: str) -> Sample:
            read = ungated if name == UNGATED else _reader(bench, name)
            seconds = HOG_SECONDS * bench.seconds
            taken, late = together([lambda until: latencies(read, until), victim], seconds, read)
            return {
                "late p99 µs": percentile_us(late, 99),
                "late p50 µs": percentile_us(late, 50),
                "GET/s": len(taken) / seconds,
            }

        yield measure


def _reader(bench: Bench, name: str) -> Operation:
    client = bench.client(name)
    client.set(KEY, product(), TTL)
    return bound(client.get, KEY)


@contextmanager
def _ungated_poll(bench: Bench) -> Iterator[Operation]:
    """
    What a client does that polls its socket and never lets go of the GIL: the reference for lateness.

    `ctypes.PyDLL` calls C functions with the GIL held, so this polls like native code would.
    """
    key = f"{bench.prefix}-ungated".encode()
    bench.server().execute("SET", key, b"x" * 1024, "EX", 3600)
    command = b"*2\r\n$3\r\nGET\r\n$%d\r\n%b\r\n" % (len(key), key)
    reply_bytes = len(b"$1024\r\n") + 1024 + 2
    libc = ctypes.PyDLL(None)
    buffer = ctypes.create_string_buffer(reply_bytes)
    with socket.create_connection(bench.address) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        number, flags = sock.fileno(), socket.MSG_DONTWAIT
        send, receive = libc.send, libc.recv

        def read() -> bool:
            send(number, command, len(command), 0)
            got = 0
            while got < reply_bytes:
                got += max(0, receive(number, buffer, reply_bytes - got, flags))
            return True

        yield read
    bench.server().execute("DEL", key)


def _needs_plain_server(bench: Bench) -> str | None:
    needs_login = "@" in bench.url or not bench.url.startswith(("redis://", "valkey://"))
    return "the ungated poll logs in nowhere and speaks no TLS" if needs_login else None


READERS: tuple[str, ...] = (HITRATE, HITRATE_OFF, DJANGO_REDIS, DJANGO, VCACHE, REDIS_PY, GLIDE, LOCMEM)

CASES = (
    Case(
        "threads",
        "GET hit, 1 KB, 8 threads",
        READERS,
        ("GET/s", "p50 µs", "p99 µs", "CPU µs"),
        _eight_readers,
        (
            Bar(HITRATE, "GET/s", DJANGO_REDIS, at_least=5.0),
            Bar(HITRATE, "GET/s", VCACHE, at_least=1.0),
        ),
    ),
    Case(
        "hog",
        "GET hit beside one CPU-bound Python thread",
        (HITRATE, HITRATE_OFF, DJANGO_REDIS, VCACHE, REDIS_PY, GLIDE),
        ("p50 µs", "p99 µs", "GET/s", "busy thread, M turns/s"),
        _beside_a_hog,
        (Bar(HITRATE, "p50 µs", DJANGO_REDIS, at_most=1 / 50),),
    ),
    Case(
        "victim",
        "how late a thread wakes that sleeps 1 ms beside a GET loop",
        (HITRATE, HITRATE_OFF, UNGATED, DJANGO_REDIS, VCACHE, REDIS_PY, GLIDE),
        ("late p99 µs", "late p50 µs", "GET/s"),
        _beside_a_victim,
        (
            Bar(HITRATE, "late p99 µs", UNGATED, at_most=1 / 3),
            Bar(HITRATE, "late p99 µs", HITRATE_OFF, at_most_more=2000),
        ),
        extra=(UNGATED,),
        why_skipped=_needs_plain_server,
    ),
)
