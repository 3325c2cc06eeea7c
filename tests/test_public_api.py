"""
The public names, as reviewed, and what importing them costs.

A name that is added here is a promise to every user; one that is taken away needs a deprecation first.
"""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys

import pytest

EXCEPTIONS = frozenset(
    """
    HitrateError
    ConfigError InvalidKeyError SerializationError
    CounterError MissingKeyError NotANumberError CounterOverflowError
    LockError LockTimeoutError LockNotOwnedError
    ServerError ServerConnectionError AuthenticationError ServerTimeoutError ServerUnavailableError ServerStateError
    ServerPermissionError ServerResponseError ProtocolError
    """.split()
)
PUBLIC = {
    "hitrate": EXCEPTIONS | {"Cache", "Lock", "__version__"},
    "hitrate.django": frozenset({"RawClient", "RedisCache", "get_redis_connection"}),
    "hitrate.metrics": frozenset({"collector", "publish"}),
    "hitrate.testing": frozenset({"Endpoint", "Server", "TLSFiles", "find_server", "free_port", "throwaway_server"}),
}
# Neither the frameworks we adapt to, nor what we replace, nor what is slow to import and needed by few.
NOT_IMPORTED = set(
    "asyncio django fastapi gevent odoo prometheus_client redis rest_framework rich starlette valkey".split()
)

IMPORT_AND_LOOK = """
import json, os, sys
events = []
sys.addaudithook(lambda event, args: events.append(event))
def kinds():
    here = f"/proc/{os.getpid()}"
    if not os.path.isdir(here):
        return {}
    links = [os.path.join(here, "fd", fd) for fd in os.listdir(f"{here}/fd")]
    opened = [os.readlink(link).split(":")[0] for link in links if os.path.lexists(link)]
    return {"threads": len(os.listdir(f"{here}/task")), "sockets": opened.count("socket")}
before, modules, at = kinds(), set(sys.modules), len(events)
import hitrate
print(json.dumps({
    "events": [e for e in events[at:] if e.startswith(("socket.", "_thread.", "subprocess.", "os.fork"))],
    "before": before,
    "after": kinds(),
    "modules": sorted({name.partition(".")[0] for name in set(sys.modules) - modules}),
}))
"""


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_are_the_reviewed_ones(module: str) -> None:
    imported = importlib.import_module(module)
    assert sorted(imported.__all__) == sorted(PUBLIC[module])
    assert [name for name in imported.__all__ if not hasattr(imported, name)] == []


def test_every_error_class_is_public_and_under_one_base() -> None:
    exceptions = importlib.import_module("hitrate.exceptions")
    classes = {name: item for name, item in vars(exceptions).items() if inspect.isclass(item)}
    assert set(classes) == EXCEPTIONS
    assert all(issubclass(item, exceptions.HitrateError) for item in classes.values())


def test_the_version_is_that_of_the_installed_package() -> None:
    metadata = importlib.import_module("importlib.metadata")
    assert importlib.import_module("hitrate").__version__ == metadata.version("hitrate")


def test_importing_hitrate_starts_nothing_and_imports_no_framework() -> None:
    command = [sys.executable, "-I", "-W", "error", "-c", IMPORT_AND_LOOK]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seen = json.loads(output)
    assert seen["events"] == []
    assert seen["after"] == seen["before"]
    assert "hitrate" in seen["modules"]
    assert NOT_IMPORTED & set(seen["modules"]) == set()
