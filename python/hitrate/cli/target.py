"""Which server, and how to speak to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote

from hitrate import Cache, urls

ENCRYPTED = ("rediss", "valkeys")


@dataclass(frozen=True)
class Target:
    """
    A server and the options with which it is spoken to.

    Attributes:
        url: of the server; may hold a password, and is shown by nothing here.
        options: keyword arguments of `hitrate.Cache`; they beat the URL.
        neighbours: other caches that are known, whose keys ``clear()`` of this one deletes too.
    """

    url: str = field(repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    neighbours: tuple[str, ...] = ()

    def open(self) -> Cache:
        """
        Make a cache that raises what goes wrong; nothing is connected yet.

        Raises:
            ConfigError: the URL or an option is wrong.
        """
        return Cache(self.url, **{**self.options, "on_error": "raise"})

    @cached_property
    def _parts(self) -> SplitResult:
        return urls.split(self.url)

    @cached_property
    def _query(self) -> dict[str, list[str]]:
        return parse_qs(self._parts.query)

    def _said(self, name: str) -> Any:
        """What the options, else the query of the URL, say."""
        return self.options.get(name) or next(iter(self._query.get(name, [])), None)

    @property
    def address(self) -> str:
        """Scheme, host, port and database, or path: without user, password and options."""
        scheme = self._parts.scheme
        if self.is_embedded:
            return f"{scheme}://"
        if self.is_unix:
            return f"{scheme}://{unquote(self._parts.path)}"
        host = self._parts.hostname or "localhost"
        database = self._said("db") or self._parts.path.strip("/") or 0
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self._parts.port or 6379}/{database}"

    @property
    def is_embedded(self) -> bool:
        """Whether the store lives in this process, so that there is no server."""
        return self._parts.scheme == "memory"

    @property
    def is_unix(self) -> bool:
        """Whether a unix socket leads there."""
        return self._parts.scheme in ("unix", "redis+unix")

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection uses TLS."""
        return self._parts.scheme in ENCRYPTED

    @property
    def is_verified(self) -> bool:
        """Whether the certificate of the server is checked."""
        return urls.is_verified(self._parts, self.options)

    @property
    def is_local(self) -> bool:
        """Whether no network lies between: a unix socket, or an address of this machine itself."""
        if self.is_unix or self.is_embedded:
            return True
        host = self._parts.hostname
        if host in (None, "localhost"):
            return True
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return False

    @property
    def username(self) -> str | None:
        """The ACL user, if one is named."""
        said = self._said("username") or unquote(self._parts.username or "")
        return said or None

    @property
    def has_password(self) -> bool:
        """Whether a password is given."""
        return bool(self._said("password") or self._parts.password)
