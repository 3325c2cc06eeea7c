"""The error tree, and each of its errors raised once by what raises it."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable

import pytest

import hitrate
from hitrate import exceptions
from hitrate.testing import Server
from tests.faults import proxy as faults
from tests.faults.proxy import proxy_to

Make = Callable[..., hitrate.Cache]

TREE = {name: kind for name, kind in vars(exceptions).items() if inspect.isclass(kind)}


def test_every_error_has_the_one_base_and_its_place_in_the_drawing() -> None:
    drawn = [line.strip("│├└─ ").split()[0] for line in (exceptions.__doc__ or "").splitlines() if "Error" in line]
    for name, kind in TREE.items():
        assert issubclass(kind, exceptions.HitrateError)
        assert name in drawn
        assert name.endswith("Error")
        assert kind.__doc__


def test_timeouts_connection_errors_and_bad_arguments_are_pythons_too() -> None:
    for name, kind in TREE.items():
        assert issubclass(kind, TimeoutError) == ("Timeout" in name)
    for kind in (
        exceptions.ConfigError,
        exceptions.InvalidKeyError,
        exceptions.SerializationError,
        exceptions.CounterError,
    ):
        assert issubclass(kind, ValueError)
    assert issubclass(exceptions.ServerConnectionError, ConnectionError)
    assert issubclass(exceptions.ServerPermissionError, PermissionError)


@pytest.mark.parametrize("kind", TREE.values(), ids=TREE.keys())
def test_an_error_survives_pickling(kind: type[Exception]) -> None:
    again = pickle.loads(pickle.dumps(kind("what, and what to do")))
    assert type(again) is kind
    assert str(again) == "what, and what to do"


def test_config_error() -> None:
    with pytest.raises(exceptions.ConfigError, match="'yaml'"):
        hitrate.Cache("redis://localhost", serializer="yaml")


def test_invalid_key_error(make_cache: Make) -> None:
    with pytest.raises(exceptions.InvalidKeyError):
        make_cache().get(5)


def test_serialization_error(make_cache: Make) -> None:
    with pytest.raises(exceptions.SerializationError):
        make_cache(serializer="json").set("k", {1})


def test_missing_key_error(make_cache: Make) -> None:
    with pytest.raises(exceptions.MissingKeyError):
        make_cache().incr("k")


def test_not_a_number_error(make_cache: Make) -> None:
    cache = make_cache()
    cache.set("k", "text")
    with pytest.raises(exceptions.NotANumberError):
        cache.incr("k")


def test_counter_overflow_error(make_cache: Make) -> None:
    cache = make_cache()
    cache.set("k", 2**63 - 1)
    with pytest.raises(exceptions.CounterOverflowError):
        cache.incr("k")


def test_lock_timeout_error(make_cache: Make) -> None:
    cache = make_cache()
    with (
        cache.lock("l", ttl=60),
        pytest.raises(exceptions.LockTimeoutError),
        cache.lock("l", ttl=60, blocking_timeout=0),
    ):
        pass


def test_lock_not_owned_error(make_cache: Make) -> None:
    with pytest.raises(exceptions.LockNotOwnedError):
        make_cache().lock("l", ttl=60).release()


def test_server_connection_error(make_cache: Make, own_server: Server) -> None:
    own_server.kill()
    with pytest.raises(exceptions.ServerConnectionError):
        make_cache(own_server.url).get("k")


def test_authentication_error(make_cache: Make, start_server: Callable[..., Server]) -> None:
    server = start_server(password="right")
    with pytest.raises(exceptions.AuthenticationError):
        make_cache(server.url, password="wrong").get("k")


def test_server_timeout_error(make_cache: Make, own_server: Server) -> None:
    cache = make_cache(own_server.url, timeout=0.2)
    cache.get("k")
    own_server.stop()
    with pytest.raises(exceptions.ServerTimeoutError, match=r"0\.2 s"):
        cache.get("k")


def test_server_unavailable_error(make_cache: Make, own_server: Server) -> None:
    cache = make_cache(own_server.url, timeout=0.2)
    own_server.stop()
    with pytest.raises(exceptions.ServerTimeoutError):
        cache.get("k")
    # The first failure has a fresh connection tried as well; from then on nothing is sent.
    with pytest.raises(exceptions.ServerUnavailableError):
        cache.get("k")


def test_server_state_error(make_cache: Make, start_server: Callable[..., Server]) -> None:
    server = start_server(args=["--maxmemory", "1", "--maxmemory-policy", "noeviction"])
    with pytest.raises(exceptions.ServerStateError, match=r"OOM.*maxmemory"):
        make_cache(server.url).set("k", "x" * 100)


def test_server_permission_error(make_cache: Make, own_server: Server) -> None:
    own_server.execute("ACL", "SETUSER", "web", "on", "nopass", "~*", "+@all", "-get")
    with pytest.raises(exceptions.ServerPermissionError, match="get"):
        make_cache(own_server.url, username="web", password="any").get("k")


def test_server_response_error(make_cache: Make) -> None:
    with pytest.raises(exceptions.ServerResponseError, match="unknown command"):
        make_cache().execute("NOSUCH")


def test_protocol_error(make_cache: Make, own_server: Server) -> None:
    with proxy_to(own_server.url) as proxy:
        cache = make_cache(proxy.url)
        cache.set("k", 1)
        proxy.fault = faults.corrupt(lambda data: b"HTTP/1.1 400 Bad Request\r\n\r\n")
        with pytest.raises(exceptions.ProtocolError):
            cache.get("k")
        proxy.fault = faults.healthy
        assert cache.get("k") == 1
