"""
REST framework's own tests of throttles, from the sdist of the installed version, over our classes and a real server.

All of them run. What they do with ``timer``, which our throttles do not ask, is done to the server's clock.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import rest_framework

from hitrate.testing import Server, find_server
from tests.faults.wall_clock import WallClock, build_library, compiler
from tests.with_django.test_django_suite import KEPT, download

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = Path(__file__).parent / "suite" / "throttling_tests.py"

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or compiler() is None,
    reason="a library is preloaded to move a server's clock, which takes Linux and a C compiler",
)


@pytest.fixture(scope="module")
def their_tests() -> Path:
    """The folder ``tests`` of the installed REST framework's sdist."""
    tests = KEPT / f"djangorestframework-{rest_framework.VERSION}" / "tests"
    if not (tests / "test_throttling.py").exists():
        download(tests, "djangorestframework", rest_framework.VERSION)
    return tests


def test_rest_frameworks_own_tests_pass(
    their_tests: Path, start_server: Callable[..., Server], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program, clock = find_server(), WallClock(tmp_path / "offset")
    environment = clock.environment(build_library(tmp_path))
    moved = tmp_path / "server"
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    moved.write_text("\n".join(["#!/bin/sh", *lines, f'exec {shlex.quote(str(program))} "$@"', ""]), encoding="utf-8")
    moved.chmod(0o700)
    done = subprocess.run(
        [sys.executable, PROGRAM, start_server(binary=moved).url, clock.file],
        env={**os.environ, "PYTHONPATH": f"{their_tests}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-20000:]
    ran = re.search(r"Ran (\d+) tests? in .*\n+(OK.*)", said)
    assert ran is not None, said[-2000:]
    with capsys.disabled():
        sys.stdout.write(f"\nREST framework {rest_framework.VERSION}, throttling: {' '.join(ran[0].split())}\n")
    assert int(ran[1]) >= 28
