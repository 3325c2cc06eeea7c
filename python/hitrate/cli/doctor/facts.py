"""What the server says of itself, asked once, as far as this user may ask."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hitrate import Cache, ServerPermissionError, ServerResponseError
from hitrate.cli.target import Target

# Never `requirepass`, `masterauth` or a key's passphrase: what is not asked for cannot be shown.
SETTINGS = (
    "activedefrag",
    "appendfsync",
    "appendonly",
    "bind",
    "client-output-buffer-limit",
    "disable-thp",
    "lazyfree-lazy-eviction",
    "lazyfree-lazy-expire",
    "lazyfree-lazy-server-del",
    "lazyfree-lazy-user-del",
    "maxclients",
    "maxmemory",
    "maxmemory-policy",
    "protected-mode",
    "save",
    "stop-writes-on-bgsave-error",
    "tcp-keepalive",
    "timeout",
)


@dataclass(frozen=True)
class Facts:
    """
    What is known of a server.

    Attributes:
        target: how it is spoken to.
        info: fields of ``INFO``, numbers as numbers, and ``total_keys``; empty if it may not be asked.
        config: `SETTINGS` by name, as text; those that the server knows and this user may ask for.
        user: the ACL user of the connection; None: nobody said.
        default_user: the flags of the user ``default`` (``on``, ``nopass``, ...); None: it may not be asked for.
        refused: commands that were refused.
    """

    target: Target
    info: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    default_user: frozenset[str] | None = None
    refused: tuple[str, ...] = ()

    def number(self, name: str) -> float | None:
        """A field of ``INFO`` that is a number; None if it is not there."""
        value = self.info.get(name)
        return value if isinstance(value, (int, float)) else None

    @property
    def maxmemory(self) -> int | None:
        """The bound of the server's memory in bytes; 0: none; None: nobody said."""
        found = self.number("maxmemory")
        if found is None and self.config.get("maxmemory", "").isdecimal():
            found = int(self.config["maxmemory"])
        return None if found is None else int(found)

    @property
    def policy(self) -> str | None:
        """What is evicted when memory is full; None: nobody said."""
        return self.info.get("maxmemory_policy") or self.config.get("maxmemory-policy")


class Interview:
    """Asks commands that may be refused, and asks none again that was."""

    def __init__(self, cache: Cache) -> None:
        """
        Args:
            cache: whose connection is used.
        """
        self._cache = cache
        self.refused: list[str] = []

    def ask(self, *command: str | bytes | int, words: int = 1) -> Any:
        """
        Ask, and return the reply; None if there is none to be had.

        Args:
            command: to send.
            words: how many of its first words make its name, under which a refusal is remembered.

        Raises:
            ServerError: the server gave no answer.
        """
        name = " ".join(map(str, command[:words]))
        if name in self.refused:
            return None
        try:
            return self._cache.execute(*command)
        except ServerPermissionError as error:
            if not is_about_key(str(error)):
                self.refused.append(name)
        except ServerResponseError as error:
            if "WRONGTYPE" not in str(error):
                self.refused.append(name)
        return None


def is_about_key(refusal: str) -> bool:
    """Tell from the server's words whether a key is forbidden, and not the command."""
    return re.search(r"run the '[^']*' command", refusal) is None


def gather(cache: Cache, target: Target) -> Facts:
    """
    Ask the server about itself.

    Raises:
        ServerError: it gave no answer.
    """
    info = cache.server_info()
    interview = Interview(cache)
    interview.refused += info.pop("missing")
    user = interview.ask("ACL", "WHOAMI", words=2)
    default_user = mapping(interview.ask("ACL", "GETUSER", "default", words=2)).get("flags")
    return Facts(
        target,
        info,
        _config(interview),
        user=text(user) if user is not None else None,
        default_user=None if default_user is None else frozenset(text(flag) for flag in default_user),
        refused=tuple(interview.refused),
    )


def _config(interview: Interview) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in SETTINGS:
        # One at a time: Redis 6.2 takes no list.
        reply = interview.ask("CONFIG", "GET", name, words=2)
        if reply is None:
            break
        found.update({key: text(value) for key, value in mapping(reply).items()})
    return found


def mapping(reply: Any) -> dict[str, Any]:
    """Read what RESP3 sends as a map and RESP2 as a list of names and values in turn; None is empty."""
    pairs = reply.items() if isinstance(reply, dict) else zip(reply[::2], reply[1::2], strict=True) if reply else ()
    return {text(name): value for name, value in pairs}


def text(value: Any) -> str:
    """A name or a text of the server, which may come as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
