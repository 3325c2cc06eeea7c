"""
Workers on django-redis 6, on django-redis 7, on Django's own backend and on hitrate, as processes on one database.

Each reads what the others wrote, in every form that django-redis has; sessions, counters and `add` are shared; and a
fleet goes over to hitrate and back without a flush. Each django-redis is installed for the test session, which needs
the network.
"""

from __future__ import annotations

import base64
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils.safestring import mark_safe

import hitrate
from hitrate._native import Lease
from hitrate.testing import Endpoint

PROGRAM = Path(__file__).with_name("worker.py")
OURS = "hitrate.django.RedisCache"
BACKENDS = {
    "django-redis 6": "django_redis.cache.RedisCache",
    "django-redis 7": "django_redis.cache.RedisCache",
    "Django": "django.core.cache.backends.redis.RedisCache",
    "hitrate": OURS,
}
JSON = "django_redis.serializers.json.JSONSerializer"
MSGPACK = "django_redis.serializers.msgpack.MSGPackSerializer"
FORMS: dict[str, dict[str, Any]] = {
    "pickle": {},
    **{f"pickle-{protocol}": {"PICKLE_VERSION": protocol} for protocol in range(2, 6)},
    "json": {"SERIALIZER": JSON},
    "msgpack": {"SERIALIZER": MSGPACK},
    "zlib": {"COMPRESSOR": "django_redis.compressors.zlib.ZlibCompressor"},
    "gzip": {"COMPRESSOR": "django_redis.compressors.gzip.GzipCompressor"},
    "lzma": {"COMPRESSOR": "django_redis.compressors.lzma.LzmaCompressor"},
    "lz4": {"COMPRESSOR": "django_redis.compressors.lz4.Lz4Compressor"},
    "zstd": {"COMPRESSOR": "django_redis.compressors.zstd.ZStdCompressor"},
    "json-zlib": {"SERIALIZER": JSON, "COMPRESSOR": "django_redis.compressors.zlib.ZlibCompressor"},
    "msgpack-zstd": {"SERIALIZER": MSGPACK, "COMPRESSOR": "django_redis.compressors.zstd.ZStdCompressor"},
}
PLAIN = [
    0,
    42,
    -1,
    2**70,
    True,
    False,
    None,
    "",
    "123",
    "text é 🐘",
    1.5,
    [1, [2, {"three": "four"}]],
    {"a": "b" * 500},
]
JSONABLE = [Decimal("9.99"), datetime(2026, 11, 20, tzinfo=timezone.utc)]
ANYTHING = [*JSONABLE, b"\x00bytes", (1, 2), {1, 2}, mark_safe("<b>bold</b>")]


class Fleet:
    """Workers on one database, each a process."""

    def __init__(self, location: str, prefix: str, packages: dict[str, Path], stack: ExitStack) -> None:
        self._params = {"LOCATION": location, "KEY_PREFIX": prefix, "TIMEOUT": 300}
        self._packages = packages
        self._stack = stack

    def start(self, kind: str, **options: Any) -> Process:
        """A worker on this backend, with these OPTIONS."""
        return self.start_with(kind, {"default": options})

    def start_with(self, kind: str, caches: dict[str, dict[str, Any]]) -> Process:
        """A worker with several caches on this backend: their OPTIONS by alias."""
        common = {"TIMEOUT": 10} if kind == "hitrate" else {}
        params = {
            alias: {**self._params, "BACKEND": BACKENDS[kind], "OPTIONS": {**common, **options}}
            for alias, options in caches.items()
        }
        paths = [str(self._packages[kind])] if kind in self._packages else []
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), json.dumps(params)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([*paths, *sys.path])},
        )
        worker = Process(process)
        self._stack.callback(worker.stop)
        return worker


class Process:
    """One worker. A call is sent and waited for, or sent alone, so that several workers are busy at once."""

    def __init__(self, process: subprocess.Popen[str], alias: str = "default") -> None:
        self._process = process
        self._alias = alias

    def at(self, alias: str) -> Process:
        """The same worker, on another of its caches."""
        return Process(self._process, alias)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            self.send(name, *args, **options)
            return self.receive()

        return call

    def send(self, name: str, *args: Any, **options: Any) -> None:
        assert self._process.stdin
        line = base64.b64encode(pickle.dumps((self._alias, name, args, options))).decode()
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def receive(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the worker ended"
        worked, answer = pickle.loads(base64.b64decode(line))
        assert worked, answer
        return answer

    def stop(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each django-redis in a directory of its own; all else is that of the running environment."""
    found = {}
    for major in (6, 7):
        target = tmp_path_factory.mktemp(f"django_redis_{major}")
        wanted = f"django-redis>={major},<{major + 1}"
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--retries",
            "1",
            "--target",
            str(target),
            wanted,
        ]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{wanted} could not be installed: {done.stderr.strip().splitlines()[-1:]}")
        found[f"django-redis {major}"] = target
    return found


@pytest.fixture
def fleet(server: Endpoint, prefix: str, packages: dict[str, Path]) -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield Fleet(server.url, prefix, packages, stack)


@pytest.mark.parametrize("theirs", ["django-redis 6", "django-redis 7"])
def test_each_form_is_read_both_ways(theirs: str, fleet: Fleet, server: Endpoint, prefix: str) -> None:
    caches = {"default": {}, **FORMS}
    other, ours = fleet.start_with(theirs, caches), fleet.start_with("hitrate", caches)
    assert other.versions()["django_redis"].startswith(theirs[-1])
    assert ours.versions()["backend"].startswith("hitrate.")
    for form, options in FORMS.items():
        extra = JSONABLE if "json" in form else [b"\x00bytes"] if "msgpack" in form else ANYTHING
        for number, value in enumerate([*PLAIN, *extra]):
            written, read = f"{form}:{number}:theirs", f"{form}:{number}:ours"
            other.at(form).set(written, value)
            ours.at(form).set(read, value)
            expected = other.at(form).get(written)
            # The settings of `default` are the usual ones: nobody flushes when they change.
            for reader in (ours.at(form), ours):
                for key in (written, read):
                    found = reader.get(key, "a miss")
                    assert (found, type(found)) == (expected, type(expected)), key
            assert other.at(form).get(read) == expected, read
            theirs_stored, ours_stored = (server.execute("GET", f"{prefix}:1:{key}") for key in (written, read))
            if "COMPRESSOR" not in options:
                assert ours_stored == theirs_stored, read
            elif isinstance(value, dict):
                assert ours_stored[:2] == theirs_stored[:2], read
                assert len(ours_stored) < 200, read


@pytest.mark.parametrize("form", ["pickle", "zlib", "zstd", "json"])
def test_workers_of_all_kinds_serve_side_by_side(form: str, fleet: Fleet) -> None:
    kinds = ["django-redis 6", "django-redis 7", "hitrate", "hitrate"] + (["Django"] if form == "pickle" else [])
    workers = {
        f"{kind}-{number}".replace(" ", "-"): fleet.start(kind, **FORMS[form]) for number, kind in enumerate(kinds)
    }
    rounds = 150
    for worker in workers.values():
        worker.set("count", 0)  # it is up, then
    for name, worker in workers.items():
        worker.send("work", name, [other for other in workers if other != name], rounds)
    results = {name: worker.receive() for name, worker in workers.items()}
    assert {name: result["wrong"] for name, result in results.items()} == dict.fromkeys(workers, 0)
    assert sum(result["seen"] for result in results.values()) > rounds
    assert sum(result["added"] for result in results.values()) == rounds
    for worker in workers.values():
        assert worker.get("count") == rounds * len(workers)


@pytest.mark.parametrize("theirs", ["django-redis 6", "django-redis 7", "Django"])
def test_a_session_is_carried_from_worker_to_worker(theirs: str, fleet: Fleet) -> None:
    other, ours = fleet.start(theirs), fleet.start("hitrate")
    key = other.save_session(None, {"_auth_user_id": "1", "cart": [1, 2]})
    assert ours.load_session(key) == {"_auth_user_id": "1", "cart": [1, 2]}
    assert ours.save_session(key, {"cart": [1, 2, 3]}) == key
    assert other.load_session(key) == {"_auth_user_id": "1", "cart": [1, 2, 3]}
    assert other.save_session(key, {"seen": True}) == key
    assert ours.load_session(key) == {"_auth_user_id": "1", "cart": [1, 2, 3], "seen": True}


@pytest.mark.parametrize("form", ["pickle", "lz4", "msgpack"])
@pytest.mark.parametrize("theirs", ["django-redis 6", "django-redis 7"])
def test_a_fleet_goes_over_to_hitrate_and_back_without_a_flush(theirs: str, form: str, fleet: Fleet) -> None:
    old = [fleet.start(theirs, **FORMS[form]) for _ in range(2)]
    session = old[0].save_session(None, {"user": 1})
    old[0].set("count", 0)
    stored: dict[str, Any] = {}
    new = [fleet.start("hitrate", **FORMS[form]) for _ in range(2)]
    steps = {"before": old, "canary": [*old, new[0]], "half": [old[0], new[0]], "after": new, "rolled back": old}
    for step, workers in steps.items():
        for number, worker in enumerate(workers):
            # Every worker, old or new, finds all that was stored in every step before.
            assert worker.get_many(list(stored)) == stored
            key, value = f"{step}:{number}", {"by": step, "text": "round and round " * 20}
            worker.set(key, value)
            stored[key] = value
            worker.incr("count")
            worker.save_session(session, {step: number})
            assert worker.ttl(key) > 290
    for worker in (*old, *new):
        assert worker.get_many(list(stored)) == stored
        assert worker.get("count") == len(stored) == 11
        assert worker.load_session(session) == {
            "user": 1, "before": 1, "canary": 2, "half": 1, "after": 1, "rolled back": 1
        }  # fmt: skip


def test_signing_is_begun_under_load_and_given_up_without_a_flush(fleet: Fleet) -> None:
    keys = {"SIGNING_KEYS": ["0123456789abcdef0123456789abcdef"]}
    plain, begun, strict = (
        fleet.start("hitrate"),
        fleet.start("hitrate", **keys, ACCEPT_UNSIGNED=True),
        fleet.start("hitrate", **keys),
    )
    plain.set("before", [1])
    begun.set("signed", [2])
    assert (begun.get("before"), begun.get("signed"), plain.get("signed")) == ([1], [2], [2])
    assert (strict.get("before"), strict.get("signed")) == (None, [2])
    # A signature belongs to its key, so that this is no renaming in the server.
    strict.set("page", {"a": 1}, timeout=100)
    assert strict.incr_version("page") == 2
    assert (strict.get("page"), strict.get("page", version=2)) == (None, {"a": 1})
    assert 95 < strict.ttl("page", version=2) <= 100
    session = begun.save_session(None, {"user": 1})
    assert strict.load_session(session) == plain.load_session(session) == {"user": 1}


@pytest.mark.parametrize("theirs", ["django-redis 6", "django-redis 7", "Django"])
def test_a_lease_beside_old_code_is_none_to_every_worker(
    theirs: str, fleet: Fleet, server: Endpoint, prefix: str
) -> None:
    forms = {"default": {}} if theirs == "Django" else {"default": {}, **{f: FORMS[f] for f in ("zlib", "lz4", "zstd")}}
    cache = hitrate.Cache(server.url, layout="django", prefix=prefix, serializer="pickle")
    assert isinstance(cache._lease_original("page", 60), Lease)
    for kind in (theirs, "hitrate"):
        worker = fleet.start_with(kind, forms)
        assert [worker.at(form).get("page", "absent") for form in forms] == [None] * len(forms)
