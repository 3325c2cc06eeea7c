"""What one GET hit asks of the kernel and of the allocator."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench import Bench, Case
from harness import Measure, Sample
from native_tools import build, why_no_rustc
from peers import DJANGO, DJANGO_REDIS, GLIDE, HITRATE, HITRATE_CACHE, HITRATE_OFF, REDIS_PY, VCACHE

CHILD = Path(__file__).parent.parent / "footprint_child.py"
FEW, MANY = 500, 2500
PERF = ["perf", "stat", "-x", ";", "-e", "raw_syscalls:sys_enter"]


@contextmanager
def _counted(bench: Bench) -> Iterator[Measure]:
    preload = {"LD_PRELOAD": str(build("count_allocations", "cdylib"))}
    can_count = _can_count_calls()

    def measure(name: str) -> Sample:
        child = [sys.executable, str(CHILD), name, bench.url, f"{bench.prefix}-child"]
        sample = {
            "native allocations": _allocations(child, preload),
            "allocations with Python's": _allocations(child, {**preload, "PYTHONMALLOC": "malloc"}),
        }
        if can_count:
            # The difference of two runs leaves out start and connection.
            sample["system calls"] = (_calls(child, MANY) - _calls(child, FEW)) / (MANY - FEW)
        return sample

    yield measure


def _allocations(child: list[str], extra: Mapping[str, str]) -> float:
    done = subprocess.run([*child, str(MANY)], env={**os.environ, **extra}, capture_output=True, text=True, check=True)
    return float(done.stdout)


def _can_count_calls() -> bool:
    """Counting by `perf` leaves the timing alone; strace would slow the calls, and with it change what clients do."""
    if shutil.which("perf") is None:
        return False
    return subprocess.run([*PERF, "true"], capture_output=True, check=False).returncode == 0


def _calls(child: list[str], gets: int) -> float:
    with tempfile.NamedTemporaryFile("r", encoding="utf-8", suffix=".csv") as counted:
        subprocess.run([*PERF, "-o", counted.name, *child, str(gets)], capture_output=True, check=True)
        line = next(line for line in counted.read().splitlines() if "raw_syscalls" in line)
    return float(line.split(";")[0])


def _why_skipped(bench: Bench) -> str | None:
    return why_no_rustc(bench) if sys.platform == "linux" else "counts on Linux only"


CASES = (
    Case(
        "footprint",
        "one GET hit: system calls and allocations",
        (HITRATE, HITRATE_OFF, HITRATE_CACHE, DJANGO_REDIS, DJANGO, VCACHE, REDIS_PY, GLIDE),
        ("system calls", "native allocations", "allocations with Python's"),
        _counted,
        why_skipped=_why_skipped,
    ),
)
