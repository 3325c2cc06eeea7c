"""The way to the server: URL forms, credentials, database, protocol, TLS."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import trustme

import hitrate
from hitrate.exceptions import AuthenticationError, ServerConnectionError
from hitrate.testing import Server
from tests.faults import proxy as faults
from tests.faults.proxy import Proxy, proxy_to, server_context
from tests.integration.conftest import MakeVerbs

PASSWORD = "p@ss:w/ö rd#?%"
QUOTED = "p%40ss%3Aw%2F%C3%B6%20rd%23%3F%25"


@pytest.fixture
def locked_server(start_server: Callable[..., Server]) -> Server:
    """A server with a password, and an ACL user ``us@er``."""
    server = start_server(password=PASSWORD, unixsocket=True)
    server.execute("ACL", "SETUSER", "us@er", "on", f">{PASSWORD}", "~*", "&*", "+@all")
    return server


def connections(server: Server) -> list[dict[str, str]]:
    """What the server says of each connection, without our own."""
    lines = server.execute("CLIENT", "LIST").decode().splitlines()
    found = [dict(field.split("=", 1) for field in line.split()) for line in lines]
    return [connection for connection in found if not connection["cmd"].startswith("client")]


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:{port}", "valkey://127.0.0.1:{port}/", "redis://localhost:{port}/0"]
)
async def test_a_url_without_credentials_connects(own_server: Server, make_verbs: MakeVerbs, url: str) -> None:
    verbs = make_verbs(url.format(port=own_server.port))
    await verbs.set("k", 1)
    assert await verbs.get("k") == 1


@pytest.mark.parametrize("scheme", ["unix", "unix+db"])
async def test_a_unix_socket_connects(own_server: Server, make_verbs: MakeVerbs, scheme: str) -> None:
    assert own_server.unix_url is not None
    verbs = make_verbs(own_server.unix_url + ("?db=2" if scheme == "unix+db" else ""), prefix="p")
    await verbs.set("k", 1)
    assert await verbs.get("k") == 1
    assert own_server.info("keyspace").keys() == {"db2" if scheme == "unix+db" else "db0"}


@pytest.mark.parametrize(
    ("suffix", "options", "database"),
    [("", {}, 0), ("/3", {}, 3), ("?db=3", {}, 3), ("/", {"db": 4}, 4), ("", {"db": 15}, 15)],
)
async def test_the_database_comes_from_url_or_argument(
    own_server: Server,
    make_verbs: MakeVerbs,
    suffix: str,
    options: dict[str, Any],
    database: int,
    protocol: int,
) -> None:
    verbs = make_verbs(own_server.url + suffix, prefix="p", protocol=protocol, **options)
    await verbs.set("k", 1)
    assert await verbs.get("k") == 1
    assert own_server.info("keyspace").keys() == {f"db{database}"}


async def test_a_database_that_does_not_exist_is_told(own_server: Server, make_verbs: MakeVerbs) -> None:
    with pytest.raises(hitrate.HitrateError, match=r"(?i)db"):
        await make_verbs(own_server.url, db=5000).get("k")


@pytest.mark.parametrize(
    ("user", "options"),
    [
        (f":{QUOTED}@", {}),
        (f"default:{QUOTED}@", {}),
        (f"us%40er:{QUOTED}@", {}),
        ("", {"password": PASSWORD}),
        ("", {"username": "us@er", "password": PASSWORD}),
        ("us%40er@", {"password": PASSWORD}),
    ],
    ids=["password", "default user", "user", "argument", "both arguments", "mixed"],
)
async def test_credentials_come_from_url_or_arguments(
    locked_server: Server, make_verbs: MakeVerbs, user: str, options: dict[str, Any], protocol: int
) -> None:
    verbs = make_verbs(f"redis://{user}127.0.0.1:{locked_server.port}", protocol=protocol, **options)
    await verbs.set("k", 1)
    assert await verbs.get("k") == 1


async def test_a_password_goes_through_a_unix_socket(locked_server: Server, make_verbs: MakeVerbs) -> None:
    verbs = make_verbs(f"unix://{locked_server.directory}/server.sock", password=PASSWORD)
    await verbs.set("k", 1)
    assert await verbs.get("k") == 1


@pytest.mark.parametrize(
    "options",
    [{}, {"password": "wrong-hush"}, {"username": "nobody", "password": PASSWORD}],
    ids=["none", "wrong", "user"],
)
async def test_wrong_credentials_are_told_without_being_shown(
    locked_server: Server, make_verbs: MakeVerbs, options: dict[str, Any], protocol: int
) -> None:
    verbs = make_verbs(f"redis://127.0.0.1:{locked_server.port}", protocol=protocol, **options)
    with pytest.raises(AuthenticationError) as caught:
        await verbs.get("k")
    assert "hush" not in str(caught.value)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(("options", "name"), [({}, "hitrate"), ({"client_name": "shop-web"}, "shop-web")])
async def test_the_server_is_told_our_name_and_protocol(
    own_server: Server, make_verbs: MakeVerbs, options: dict[str, Any], name: str, protocol: int
) -> None:
    verbs = make_verbs(own_server.url, protocol=protocol, **options)
    await verbs.get("k")
    (connection,) = connections(own_server)
    assert connection["name"] == name
    assert connection.get("resp", str(protocol)) == str(protocol)


async def test_a_server_that_does_not_know_hello_is_spoken_to_in_resp2(
    start_server: Callable[..., Server], make_verbs: MakeVerbs
) -> None:
    server = start_server(args=["--rename-command", "HELLO", ""], password=PASSWORD)
    verbs = make_verbs(server.url, db=2, client_name="old")
    await verbs.set("k", 1)
    assert await verbs.get("k") == 1
    (connection,) = connections(server)
    assert (connection["name"], connection["db"], connection.get("resp", "2")) == ("old", "2", "2")


async def test_calls_one_after_another_share_a_connection(own_server: Server, make_verbs: MakeVerbs) -> None:
    with proxy_to(own_server.url) as proxy:
        verbs = make_verbs(proxy.url)
        for number in range(50):
            await verbs.set(f"k{number}", number)
        assert proxy.connections == 1


async def test_a_connection_that_the_server_closed_is_replaced(own_server: Server, make_verbs: MakeVerbs) -> None:
    with proxy_to(own_server.url) as proxy:
        verbs = make_verbs(proxy.url)
        await verbs.set("k", 1)
        own_server.execute("CLIENT", "KILL", "TYPE", "normal")
        assert await verbs.get("k") == 1
        proxy.cut()
        assert await verbs.get("k") == 1


async def test_nobody_listening_is_told_with_the_address(make_verbs: MakeVerbs, own_server: Server) -> None:
    own_server.kill()
    with pytest.raises(ServerConnectionError, match=f"127.0.0.1:{own_server.port}"):
        await make_verbs(f"redis://:hush@127.0.0.1:{own_server.port}").get("k")
    with pytest.raises(ServerConnectionError, match=r"no\.such\.sock"):
        await make_verbs(f"unix://{own_server.directory}/no.such.sock").get("k")
    with pytest.raises(ServerConnectionError, match=r"nowhere\.invalid"):
        await make_verbs("redis://nowhere.invalid:6379", timeout=10).get("k")


async def test_a_reply_in_many_pieces_is_put_together(own_server: Server, make_verbs: MakeVerbs) -> None:
    with proxy_to(own_server.url) as proxy:
        verbs = make_verbs(proxy.url, timeout=20)
        await verbs.set("k", {"a": [1, "zwei"]})
        proxy.fault = faults.trickle(0)
        assert await verbs.get("k") == {"a": [1, "zwei"]}
        assert await verbs.get_many(["k", "absent"]) == {"k": {"a": [1, "zwei"]}}


class Pem:
    """PEM files of one authority."""

    def __init__(self, directory: Path, authority: trustme.CA) -> None:
        self.ca = directory / "ca.pem"
        self.cert = directory / "cert.pem"
        self.key = directory / "key.pem"
        authority.cert_pem.write_to_path(self.ca)
        client = authority.issue_cert("client@example.org")
        client.private_key_pem.write_to_path(self.key)
        for block in client.cert_chain_pems:
            block.write_to_path(self.cert, append=True)


@pytest.fixture
def pem(tmp_path: Path, authority: trustme.CA) -> Pem:
    """The files of the authority that signs the servers' certificates."""
    return Pem(tmp_path, authority)


@pytest.fixture
def tls_proxy(own_server: Server) -> Iterator[Callable[[ssl.SSLContext], Proxy]]:
    """Start a proxy that speaks TLS with the given context before the server."""
    with ExitStack() as proxies:
        yield lambda context: proxies.enter_context(proxy_to(own_server.url, tls=context))


TLSProxy = Callable[[ssl.SSLContext], Proxy]


@pytest.mark.parametrize("scheme", ["rediss", "valkeys"])
async def test_tls_with_the_right_authority_connects(
    tls_proxy: TLSProxy, authority: trustme.CA, pem: Pem, make_verbs: MakeVerbs, scheme: str, protocol: int
) -> None:
    proxy = tls_proxy(server_context(authority, "127.0.0.1"))
    verbs = make_verbs(proxy.url.replace("rediss", scheme), tls_ca_file=str(pem.ca), protocol=protocol, timeout=5)
    values = {f"k{number}": b"\x00" * 100_000 for number in range(30)}
    assert await verbs.set_many(values) == []
    assert await verbs.get_many(values) == values
    assert await verbs.get("k0") == values["k0"]
    assert proxy.connections == 1


async def test_tls_checks_the_name_of_the_server(
    tls_proxy: TLSProxy, authority: trustme.CA, pem: Pem, make_verbs: MakeVerbs
) -> None:
    proxy = tls_proxy(server_context(authority, "cache.example.org"))
    with pytest.raises(ServerConnectionError, match=r"(?i)certificate|name"):
        await make_verbs(proxy.url, tls_ca_file=str(pem.ca), timeout=5).get("k")
    verbs = make_verbs(proxy.url, tls_ca_file=str(pem.ca), tls_server_name="cache.example.org", timeout=5)
    await verbs.set("k", 1)
    assert await verbs.get("k") == 1


async def test_tls_refuses_an_authority_it_was_not_told_of(
    tls_proxy: TLSProxy, authority: trustme.CA, make_verbs: MakeVerbs, tmp_path: Path
) -> None:
    proxy = tls_proxy(server_context(authority, "127.0.0.1"))
    stranger = Pem(tmp_path, trustme.CA())
    with pytest.raises(ServerConnectionError, match=r"(?i)certificate"):
        await make_verbs(proxy.url, tls_ca_file=str(stranger.ca), timeout=5).get("k")
    with pytest.raises(ServerConnectionError, match=r"(?i)certificate"):
        await make_verbs(proxy.url, timeout=5).get("k")
    verbs = make_verbs(proxy.url, tls_verify=False, timeout=5)
    await verbs.set("k", 1)
    assert await verbs.get("k") == 1


async def test_tls_shows_the_client_certificate(
    tls_proxy: TLSProxy, authority: trustme.CA, pem: Pem, make_verbs: MakeVerbs
) -> None:
    proxy = tls_proxy(server_context(authority, "127.0.0.1", client_authority=authority))
    with pytest.raises(ServerConnectionError):
        await make_verbs(proxy.url, tls_ca_file=str(pem.ca), timeout=5).get("k")
    verbs = make_verbs(
        proxy.url, tls_ca_file=str(pem.ca), tls_cert_file=str(pem.cert), tls_key_file=str(pem.key), timeout=5
    )
    await verbs.set("k", 1)
    assert await verbs.get("k") == 1


async def test_tls_to_a_plain_server_and_the_reverse_fail_in_words(
    own_server: Server, tls_proxy: TLSProxy, authority: trustme.CA, pem: Pem, make_verbs: MakeVerbs
) -> None:
    with pytest.raises(hitrate.ServerError):
        await make_verbs(own_server.url.replace("redis", "rediss"), tls_ca_file=str(pem.ca), timeout=2).get("k")
    proxy = tls_proxy(server_context(authority, "127.0.0.1"))
    with pytest.raises(hitrate.ServerError):
        await make_verbs(proxy.url.replace("rediss", "redis"), timeout=2).get("k")


async def test_a_lost_tls_connection_is_replaced(
    tls_proxy: TLSProxy, authority: trustme.CA, pem: Pem, make_verbs: MakeVerbs
) -> None:
    proxy = tls_proxy(server_context(authority, "127.0.0.1"))
    verbs = make_verbs(proxy.url, tls_ca_file=str(pem.ca), timeout=5)
    await verbs.set("k", 1)
    proxy.cut()
    assert await verbs.get("k") == 1
