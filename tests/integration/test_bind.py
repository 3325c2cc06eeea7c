"""A server that is bound to an address answers there and nowhere else, and only whoever has its password."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import Any

import pytest

# An address that is no loopback one, in a network of the test's own: nothing outside of it is listened to.
OUTSIDE = "192.0.2.7"
NETWORK = f'ip link set lo up && ip addr add {OUTSIDE}/32 dev lo && exec "$@"'
ALONE = ["unshare", "--net", "--map-root-user", "sh", "-c", NETWORK, "sh"]

ASK = """
import json, sys
from contextlib import closing
import hitrate
from hitrate.testing import throwaway_server

bind, password, *askers = json.loads(sys.argv[1])
answers = []
with throwaway_server(args=["--bind", bind], password=password) as server:
    for host, given in askers:
        url = f"redis://{host}:{server.port}/0"
        with closing(hitrate.Cache(url, password=given, on_error="raise")) as cache:
            try:
                cache.set("k", "v")
                answers.append(cache.get("k"))
            except hitrate.ServerError as error:
                answers.append(f"{type(error).__name__}: {error}".replace(str(server.port), "6379"))
print(json.dumps(answers))
"""


def is_alone() -> bool:
    """Whether this machine lets its users have a network of their own."""
    if not (shutil.which("unshare") and shutil.which("ip")):
        return False
    return subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode == 0


def ask(bind: str, password: str | None, *askers: tuple[str, str | None]) -> Any:
    """What each (address, password) is told by a server that is started so."""
    arguments = json.dumps([bind, password, *askers])
    command = [*ALONE, sys.executable, "-W", "error", "-c", ASK, arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def is_older_than_redis_7() -> bool:
    """Whether throwaway servers are."""
    version = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=False).stdout
    return re.search(r"^Redis server v=[2-6]\.", version) is not None


needs_network = pytest.mark.skipif(not is_alone(), reason="needs unshare and ip, and the right to a network namespace")


@needs_network
def test_a_server_that_is_bound_to_localhost_refuses_other_addresses() -> None:
    here, there = ask("127.0.0.1", None, ("127.0.0.1", None), (OUTSIDE, None))
    assert here == "v"
    assert there.startswith(f"ServerConnectionError: no connection to {OUTSIDE}:6379: Connection refused")


@needs_network
def test_a_server_without_a_password_is_protected_from_other_machines() -> None:
    here, there = ask("0.0.0.0", None, ("127.0.0.1", None), (OUTSIDE, None))
    assert here == "v"
    if is_older_than_redis_7():
        # Told to listen everywhere, it takes that for meant, and protects nobody.
        assert there == "v"
        return
    # The server says why, and closes at once, so that it is not always heard.
    assert re.match(
        rf"ServerConnectionError: no connection to {re.escape(OUTSIDE)}:6379: |"
        r"ServerResponseError: the server answered DENIED (Redis is r|R)unning in protected mode",  # Redis, Valkey
        there,
    )


@needs_network
def test_a_server_with_a_password_answers_everywhere_who_has_it() -> None:
    right, wrong, none = ask("0.0.0.0", "secret", (OUTSIDE, "secret"), (OUTSIDE, "guess"), (OUTSIDE, None))
    assert right == "v"
    assert wrong.startswith("AuthenticationError: ")
    assert none.startswith("AuthenticationError: ")
    assert none.endswith("; set a password")
    assert "guess" not in wrong
