"""
The raw client: commands on keys as they stand in the server, by redis-py's names and with its kinds of replies.

It is what ``get_redis_connection()`` of django-redis gave. Keys get no prefix and no version, values are bytes and not
unpickled, and every failure raises. It holds the usual commands of code around a cache; `execute_command` sends any
other.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import caches

from hitrate.cache import Cache
from hitrate.server_info import parse

# What one argument of a command may be; text is sent as UTF-8.
Arg = bytes | str | int | float


def get_redis_connection(alias: str = "default", write: bool = True) -> RawClient:
    """
    Return the raw client of a cache, as the function of django-redis does.

    Args:
        alias: which of ``settings.CACHES``.
        write: accepted and without effect: there is one server.

    Raises:
        NotImplementedError: the backend of this cache has no raw client.
    """
    try:
        access: ClientAccess = getattr(caches[alias], "client")  # noqa: B009 (not every backend has it)
    except AttributeError:
        raise NotImplementedError(f"the cache '{alias}' is not one of hitrate and has no raw client") from None
    return access.get_client(write)


class ClientAccess:
    """What ``cache.client`` is; code written for django-redis asks it for the raw client."""

    def __init__(self, cache: Cache) -> None:
        """
        Args:
            cache: whose connections are used.
        """
        self._cache = cache

    def get_client(self, write: bool = True, tried: list[int] | None = None) -> RawClient:
        """Return the raw client; both arguments are django-redis's, and without effect: there is one server."""
        del write, tried
        return RawClient(self._cache)


class RawClient:
    """Commands on keys as they stand in the server."""

    def __init__(self, cache: Cache) -> None:
        """
        Args:
            cache: whose connections are used.
        """
        self._cache = cache

    def __getattr__(self, name: str) -> Any:
        """Say how to send a command that has no method here."""
        raise AttributeError(
            f"the raw client has no '{name}'; send it as execute_command('{name.upper()}', ...), "
            f"which returns the server's reply",
            name=name,
            obj=self,
        )

    def execute_command(self, *args: Arg) -> Any:
        """
        Send any command and return the server's reply.

        Returns:
            bytes, int, float, None, or a list or dict of these; ``True`` for a plain ``OK``.

        Raises:
            ServerError: the server refused the command, or did not answer in time.
        """
        reply = self._cache.execute(*args)
        return True if reply == "OK" else reply  # a stored value "OK" would be bytes

    def ping(self) -> bool:
        """Return True, or raise if the server does not answer."""
        return bool(self._cache.execute("PING") == "PONG")

    # Strings

    def get(self, name: Arg) -> bytes | None:
        """Return the value, or None."""
        found: bytes | None = self._cache.execute("GET", name)
        return found

    def set(
        self,
        name: Arg,
        value: Arg,
        ex: int | timedelta | None = None,
        px: int | timedelta | None = None,
        nx: bool = False,
        xx: bool = False,
        keepttl: bool = False,
    ) -> bool | None:
        """Store a value for `ex` seconds or `px` milliseconds; None if `nx` or `xx` prevented it."""
        options: list[Arg] = []
        if ex is not None:
            options += ["EX", _seconds(ex)]
        if px is not None:
            options += ["PX", _milliseconds(px)]
        options += [word for word, wanted in (("NX", nx), ("XX", xx), ("KEEPTTL", keepttl)) if wanted]
        return True if self.execute_command("SET", name, value, *options) else None

    def setex(self, name: Arg, time: int | timedelta, value: Arg) -> bool:
        """Store a value for a number of seconds."""
        return bool(self.execute_command("SETEX", name, _seconds(time), value))

    def setnx(self, name: Arg, value: Arg) -> bool:
        """Store a value if the key is absent; tell whether it was."""
        return bool(self._cache.execute("SETNX", name, value))

    def mget(self, keys: Arg | Iterable[Arg], *args: Arg) -> list[bytes | None]:
        """Return the values of keys, None for each that is absent."""
        found: list[bytes | None] = self._cache.execute("MGET", *_names(keys, args))
        return found

    def mset(self, mapping: Mapping[Arg, Arg]) -> bool:
        """Store several values, which never expire."""
        return bool(self.execute_command("MSET", *_flat(mapping)))

    def incr(self, name: Arg, amount: int = 1) -> int:
        """Add to a number, 0 if absent, and return the sum."""
        return int(self._cache.execute("INCRBY", name, amount))

    incrby = incr

    def decr(self, name: Arg, amount: int = 1) -> int:
        """Subtract from a number, 0 if absent, and return the rest."""
        return int(self._cache.execute("DECRBY", name, amount))

    decrby = decr

    # Keys

    def delete(self, *names: Arg) -> int:
        """Delete keys; return how many existed."""
        return int(self._cache.execute("DEL", *names))

    def unlink(self, *names: Arg) -> int:
        """Delete keys, and let the server free their memory later; return how many existed."""
        return int(self._cache.execute("UNLINK", *names))

    def exists(self, *names: Arg) -> int:
        """Return how many of the keys exist."""
        return int(self._cache.execute("EXISTS", *names))

    def type(self, name: Arg) -> bytes:
        """Return the kind of value: ``b"string"``, ``b"hash"``, ..., ``b"none"``."""
        return _bytes(self._cache.execute("TYPE", name))

    def rename(self, src: Arg, dst: Arg) -> bool:
        """Rename a key, with its lifetime."""
        return bool(self.execute_command("RENAME", src, dst))

    def keys(self, pattern: Arg = "*") -> list[bytes]:
        """Return all keys that match. Blocks the server while it looks through all of them: prefer `scan_iter`."""
        return list(self._cache.execute("KEYS", pattern))

    def scan(self, cursor: int = 0, match: Arg | None = None, count: int | None = None) -> tuple[int, list[bytes]]:
        """Look through about `count` keys; return where to go on (0 at the end) and those that match."""
        options: list[Arg] = [] if match is None else ["MATCH", match]
        options += [] if count is None else ["COUNT", count]
        following, found = self._cache.execute("SCAN", cursor, *options)
        return int(following), list(found)

    def scan_iter(self, match: Arg | None = None, count: int | None = None) -> Iterator[bytes]:
        """Yield the keys that match; one that is there all the time is yielded at least once."""
        cursor, found = self.scan(0, match, count)
        yield from found
        while cursor:
            cursor, found = self.scan(cursor, match, count)
            yield from found

    def ttl(self, name: Arg) -> int:
        """Return the seconds left; -1 if the key never expires, -2 if it is absent."""
        return int(self._cache.execute("TTL", name))

    def pttl(self, name: Arg) -> int:
        """Return the milliseconds left; -1 if the key never expires, -2 if it is absent."""
        return int(self._cache.execute("PTTL", name))

    def expire(self, name: Arg, time: int | timedelta) -> bool:
        """Let a key live this many seconds more; tell whether it exists."""
        return bool(self._cache.execute("EXPIRE", name, _seconds(time)))

    def pexpire(self, name: Arg, time: int | timedelta) -> bool:
        """Let a key live this many milliseconds more; tell whether it exists."""
        return bool(self._cache.execute("PEXPIRE", name, _milliseconds(time)))

    def expireat(self, name: Arg, when: int | datetime) -> bool:
        """Let a key live until then, a date or seconds since 1970; tell whether it exists."""
        stamp = int(when.timestamp()) if isinstance(when, datetime) else when
        return bool(self._cache.execute("EXPIREAT", name, stamp))

    def persist(self, name: Arg) -> bool:
        """Let a key never expire; tell whether it would have."""
        return bool(self._cache.execute("PERSIST", name))

    # Hashes and sets

    def hget(self, name: Arg, key: Arg) -> bytes | None:
        """Return a field of a hash, or None."""
        found: bytes | None = self._cache.execute("HGET", name, key)
        return found

    def hgetall(self, name: Arg) -> dict[bytes, bytes]:
        """Return all fields of a hash."""
        reply = self._cache.execute("HGETALL", name)
        # RESP3 has maps, RESP2 a list of fields and values in turn.
        return dict(reply) if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))

    def hset(
        self, name: Arg, key: Arg | None = None, value: Arg | None = None, mapping: Mapping[Arg, Arg] | None = None
    ) -> int:
        """Store a field, or those of a mapping, in a hash; return how many are new."""
        fields: dict[Arg, Arg] = dict(mapping or {})
        if key is not None and value is not None:
            fields[key] = value
        return int(self._cache.execute("HSET", name, *_flat(fields)))

    def hdel(self, name: Arg, *keys: Arg) -> int:
        """Delete fields of a hash; return how many existed."""
        return int(self._cache.execute("HDEL", name, *keys))

    def hincrby(self, name: Arg, key: Arg, amount: int = 1) -> int:
        """Add to a number in a hash, 0 if absent, and return the sum."""
        return int(self._cache.execute("HINCRBY", name, key, amount))

    def sadd(self, name: Arg, *values: Arg) -> int:
        """Add members to a set; return how many are new."""
        return int(self._cache.execute("SADD", name, *values))

    def srem(self, name: Arg, *values: Arg) -> int:
        """Remove members of a set; return how many were there."""
        return int(self._cache.execute("SREM", name, *values))

    def smembers(self, name: Arg) -> builtins.set[bytes]:
        """Return the members of a set."""
        return set(self._cache.execute("SMEMBERS", name))

    # The server

    def dbsize(self) -> int:
        """Return the number of keys in the database."""
        return int(self._cache.execute("DBSIZE"))

    def flushdb(self) -> bool:
        """Delete everything in the database, whoever put it there."""
        return bool(self.execute_command("FLUSHDB"))

    def info(self, *sections: Arg) -> dict[str, Any]:
        """Return what the server says about itself; numbers as numbers, ``a=1,b=2`` as a dict."""
        return parse(_bytes(self._cache.execute("INFO", *sections)).decode())


def _seconds(time: int | timedelta) -> int:
    return int(time.total_seconds()) if isinstance(time, timedelta) else time


def _milliseconds(time: int | timedelta) -> int:
    return int(time.total_seconds() * 1000) if isinstance(time, timedelta) else time


def _names(keys: Arg | Iterable[Arg], others: Iterable[Arg]) -> list[Arg]:
    """Put together names that were given as one list, or one by one."""
    first = [keys] if isinstance(keys, (bytes, str, int, float)) else list(keys)
    return [*first, *others]


def _flat(mapping: Mapping[Arg, Arg]) -> Iterator[Arg]:
    for name, value in mapping.items():
        yield name
        yield value


def _bytes(reply: Any) -> bytes:
    return reply.encode() if isinstance(reply, str) else bytes(reply)
