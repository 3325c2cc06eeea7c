"""Opening a connection: TCP, TLS or a unix socket."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from hitrate.exceptions import ConfigError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Coroutine

    from hitrate.aio.connection import Connection


class DeadlineError(Exception):
    """A deadline passed while something was opened."""


class Dialer:
    """
    Opens connections to one server.

    Args:
        target: where it is, and how it is reached: `hitrate._native.Pending.target`.
    """

    def __init__(self, target: dict[str, Any]) -> None:
        self._target = target
        self._tls: ssl.SSLContext | None = None

    async def open(self, connection: Connection, timeout: float) -> None:
        """
        Open a connection.

        Args:
            connection: to be opened.
            timeout: seconds until a `DeadlineError`.

        Raises:
            OSError: refused, unreachable, or TLS failed.
            ConfigError: the TLS files cannot be used.
        """
        loop, target = asyncio.get_running_loop(), self._target
        if "path" in target:
            await _within(loop.create_unix_connection(lambda: connection, target["path"]), timeout)
        else:
            host, tls = target["host"], target.get("tls")
            name = None if tls is None else tls["server_name"] or host
            context = None if tls is None else self._context(tls)
            opening = loop.create_connection(
                lambda: connection, host, target["port"], ssl=context, server_hostname=name
            )
            await _within(opening, timeout)

    def _context(self, tls: dict[str, Any]) -> ssl.SSLContext:
        if self._tls is None:
            import ssl

            try:
                context = ssl.create_default_context(cafile=tls["ca_file"])
                if tls["cert_file"]:
                    context.load_cert_chain(tls["cert_file"], tls["key_file"])
            except OSError as error:
                raise ConfigError(f"the TLS files cannot be used: {error}") from error
            if not tls["verify"]:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            self._tls = context
        return self._tls


async def _within(opening: Coroutine[Any, Any, Any], timeout: float) -> None:
    """Wait for a connection to open. Not by `asyncio.wait_for`: up to Python 3.11 that may swallow a cancellation."""
    task = asyncio.ensure_future(opening)
    try:
        await asyncio.wait({task}, timeout=timeout)
    finally:
        # Cancelling closes what was half open; of what is done nothing is left to cancel.
        task.cancel()
    if not task.done():
        raise DeadlineError
    await task
