"""The processes of the demonstration: management commands and gunicorn, ended by their ids."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gunicorn.config import make_settings

SHOP = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
THREADS = 4


class DemoError(Exception):
    """The demonstration cannot go on; its text is the sentence shown to the user."""


@dataclass(frozen=True)
class Shop:
    """A shop that is being served."""

    port: int
    workers: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def must_live(self) -> None:
        """Raise when gunicorn has ended."""
        if self.process.poll() is not None:
            raise DemoError(f"gunicorn ended with code {self.process.returncode}: {last_words(self.log)}")


def manage(environment: Mapping[str, str], *arguments: str, timeout: float = 120) -> str:
    """
    Run a management command and return what it printed. Its stderr, and so a progress bar, goes to ours.

    Raises:
        DemoError: it failed or took longer than `timeout` seconds.
    """
    command = [sys.executable, "manage.py", *arguments]
    try:
        done = subprocess.run(
            command, cwd=SHOP, env=dict(environment), stdout=subprocess.PIPE, text=True, timeout=timeout, check=True
        )
    except subprocess.CalledProcessError as error:
        raise DemoError(f"'manage.py {' '.join(arguments)}' failed with code {error.returncode}") from error
    except subprocess.TimeoutExpired as error:
        raise DemoError(f"'manage.py {' '.join(arguments)}' took longer than {timeout:.0f} s") from error
    return done.stdout.strip()


@contextmanager
def serving(environment: Mapping[str, str], log: Path, *, workers: int, timeout: float = 30) -> Iterator[Shop]:
    """Serve the shop with gunicorn until the block ends; enters once it answers, within `timeout` seconds."""
    with socket.socket() as listener:
        # Bound here and handed over, so that no other process can take the free port in between.
        listener.bind((HOST, 0))
        listener.listen(128)
        number = listener.fileno()
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", *_options(number, workers), "shop.wsgi"],
                cwd=SHOP,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(number,),
            )
        shop = Shop(listener.getsockname()[1], workers, process, log)
    try:
        _wait_until_ready(shop, time.monotonic() + timeout)
        yield shop
    finally:
        _end(process)


def _options(listener: int, workers: int) -> list[str]:
    options = [
        f"--bind=fd://{listener}",
        "--worker-class=gthread",
        f"--workers={workers}",
        f"--threads={THREADS}",
        "--keep-alive=60",
        "--log-level=warning",
        "--graceful-timeout=3",
    ]
    # Newer releases put a control socket into the home directory, where two servers would meet.
    return [*options, "--no-control-socket"] if "control_socket_disable" in make_settings() else options


def _wait_until_ready(shop: Shop, give_up: float) -> None:
    problem = "no answer"
    while time.monotonic() < give_up:
        shop.must_live()
        connection = http.client.HTTPConnection(HOST, shop.port, timeout=5)
        try:
            connection.request("GET", "/health/")
            answer = connection.getresponse()
            if answer.status == http.HTTPStatus.OK:
                return
            problem = f"/health/ answered {answer.status}"
        except OSError as error:
            problem = str(error) or type(error).__name__
        finally:
            connection.close()
        time.sleep(0.1)
    raise DemoError(f"the shop was not ready in time ({problem}): {last_words(shop.log)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=8)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def last_words(log: Path) -> str:
    """The end of a log, for an error message."""
    text = log.read_text(errors="replace").strip() if log.exists() else ""
    return text[-1500:] or "its log is empty"


def environment_for(cache_url: str, prefix: str, database_url: str, *, cached: bool) -> dict[str, str]:
    """What a process of the shop needs to know, on top of our own environment."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "shop.settings",
        "HITRATE_URL": cache_url,
        "SHOP_KEY_PREFIX": prefix,
        "DATABASE_URL": database_url,
        "SHOP_CACHE": "1" if cached else "0",
        "SHOP_DEBUG_HEADERS": "1",
    }
