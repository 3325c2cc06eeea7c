"""
Django's own tests of caches and of sessions in caches, from the sdist of the installed Django, over our backend.

Left out, with the reason:

- of `RedisCacheTests`, what is not in `BaseCacheTests`: the client class, redis-py's pools, timeouts as whole seconds:
  internals of Django's backend
- `test_cull`, `test_zero_cull`: skip themselves, for the server evicts; as with Django's own backend
- `test_cache_read_for_model_instance_with_deferred` and its twin for writing: of the async round only; these querysets
  ask the database while they are pickled, which Django forbids in a coroutine
- `test_..._async_uses_specialized_implementation` (Django 6): of the async round only; they look at methods
- `AsyncDummyCacheTests`: is about the dummy backend; instead all of `BaseCacheTests` runs again, through the async
  methods
- `PrefixedCacheUtils`, `DefaultNonExpiringCacheKeyTests`, tests with settings of their own: they name LocMemCache
- the classes of the other backends
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import django
import pytest

from hitrate.testing import Server

SUITE = Path(__file__).parent / "suite"
# Kept inside the virtual environment: one download per environment and version of Django.
KEPT = Path(sys.prefix) / "django-own-tests"
# Python before 3.11.4 knows no filters.
FILTER: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


@pytest.fixture(scope="module")
def django_tests() -> Path:
    """The folder ``tests`` of the installed Django's sdist, with our modules in it."""
    tests = KEPT / f"django-{django.__version__}" / "tests"
    if not (tests / "runtests.py").exists():
        download(tests, "django", django.__version__)
    for ours, place in (
        ("hitrate_suite_settings.py", "hitrate_suite_settings.py"),
        ("cache_tests.py", "cache/tests_hitrate.py"),
        ("sessions_tests.py", "sessions_tests/tests_hitrate.py"),
    ):
        # Other processes of the run may be reading it.
        copy = tests / f"{place}.{os.getpid()}"
        shutil.copyfile(SUITE / ours, copy)
        copy.replace(tests / place)
    return tests


def download(tests: Path, project: str, version: str) -> None:
    """Keep the folder ``tests`` of a project's sdist."""
    # Several processes of a run may come here at a time, so each has a folder of its own.
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as own:
        pip = [sys.executable, "-m", "pip", "download", "--no-binary", ":all:", "--no-deps", "--dest", own]
        done = subprocess.run([*pip, f"{project}=={version}"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"the sdist of {project} {version} cannot be downloaded: {done.stderr.strip()[-300:]}")
        (sdist,) = Path(own).glob("*.tar.gz")
        unpacked = Path(own) / "unpacked"
        with tarfile.open(sdist) as archive:
            members = [member for member in archive if re.match(r"[^/]+/tests/", member.name)]
            archive.extractall(unpacked, members, **FILTER)
        (found,) = unpacked.iterdir()
        # In one step, so that whoever looks sees nothing or all of it; whoever was first has done it for all.
        with suppress(OSError):
            found.rename(tests.parent)


@pytest.mark.parametrize("embedded", [False, True], ids=["server", "memory"])
@pytest.mark.parametrize(("label", "least"), [("cache.tests_hitrate", 140), ("sessions_tests.tests_hitrate", 200)])
def test_djangos_own_tests_pass(
    django_tests: Path,
    start_server: Callable[..., Server],
    label: str,
    least: int,
    embedded: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = "memory://" if embedded else start_server().url
    done = subprocess.run(
        [sys.executable, "-Wa", "runtests.py", label, "--settings=hitrate_suite_settings", "--parallel=1", "--noinput"],
        cwd=django_tests,
        env={**os.environ, "HITRATE_SUITE_URL": url, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-20000:]
    ran = re.search(r"Ran (\d+) tests? in .*\n+(OK.*)", said)
    assert ran is not None, said[-2000:]
    with capsys.disabled():
        sys.stdout.write(f"\nDjango {django.__version__}, {label}: {' '.join(ran[0].split())}\n")
    assert int(ran[1]) >= least
