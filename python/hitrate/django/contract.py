"""
Django's contract for cache backends, over the native client.

Nothing is decided here. A key is spelled, checked and sent and its value read in one native call; the methods translate
names (`timeout` is `ttl`) and say what a session engine gets when its cache is away.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.cache.backends.base import (
    DEFAULT_TIMEOUT,
    BaseCache,
    CacheKeyWarning,
    memcache_key_warnings,
)
from django.utils.functional import cached_property

from hitrate.cache import Cache
from hitrate.django import sessions
from hitrate.django.clients import client_of
from hitrate.django.patterns import KeyFunction
from hitrate.exceptions import ConfigError, MissingKeyError, ServerConnectionError, ServerError, ServerResponseError

_ABSENT: Any = object()


def warn_about_key(key: str) -> None:
    """Do what `BaseCache.validate_key` does, on no backend object, so that the shared client keeps none alive."""
    for warning in memcache_key_warnings(key):
        warnings.warn(warning, CacheKeyWarning, stacklevel=3)


class ContractCache(BaseCache):
    """
    What Django wants of every cache backend.

    ``timeout`` is in seconds, `int`, `float` or `timedelta`; None never expires, 0 and negative ones delete. Where
    Django says that a method returns nothing, the result is that of django-redis.
    """

    def __init__(self, location: Any, params: Mapping[str, Any]) -> None:
        """
        Args:
            location: ``LOCATION``: the URL of the server.
            params: the other settings of this cache. They are read at first use; `ConfigError` says what is wrong.
        """
        super().__init__(dict(params))
        self._location = location
        self._params = params

    def __getstate__(self) -> dict[str, Any]:
        """Leave the client out of pickles and copies: they find it again by their settings."""
        return {name: value for name, value in self.__dict__.items() if name != "_client"}

    @property
    def key_func(self) -> KeyFunction:
        """The function that spells keys: ``KEY_FUNCTION``, unless somebody put another one here."""
        return self._key_func

    @key_func.setter
    def key_func(self, function: KeyFunction) -> None:
        # It is the client that spells keys.
        self._key_func = function
        self.__dict__.pop("_client", None)

    @cached_property
    def _client(self) -> Cache:
        for name in ("make_key", "make_and_validate_key"):
            if getattr(type(self), name) is not getattr(BaseCache, name):
                raise ConfigError(
                    f"{type(self).__qualname__} has a {name}() of its own, which spells no key here: the client does; "
                    "give what it does to KEY_FUNCTION"
                )
        is_overridden = type(self).validate_key is not BaseCache.validate_key
        validate_key = self.validate_key if is_overridden else warn_about_key
        return client_of(self._location, self._params, self._key_func, validate_key)

    def _ttl(self, timeout: Any) -> Any:
        return self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout

    def get(self, key: Any, default: Any = None, version: int | None = None, *, shared: bool = False) -> Any:
        """Return the value, or `default` if there is none."""
        try:
            return self._client.get(key, default, version, shared=shared)
        except ServerError as error:
            return sessions.read_failed(key, default, error)

    def get_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        """Return the values that exist, by their keys."""
        return self._client.get_many(keys, version=version)

    def has_key(self, key: Any, version: int | None = None) -> bool:
        """Tell whether the key exists."""
        try:
            return self._client.has(key, version=version)
        except ServerError as error:
            return sessions.do_without(key, error)

    def set(  # type: ignore[override]  # None there
        self,
        key: Any,
        value: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        version: int | None = None,
        *,
        nx: bool = False,
        xx: bool = False,
    ) -> bool:
        """Store the value, with `nx` only if the key is absent, with `xx` only if it exists; tell whether it was."""
        try:
            stored = self._client.set(key, value, self._ttl(timeout), version, nx=nx, xx=xx)
        except ServerError as error:
            stored = sessions.do_without(key, error)
        if not stored and not nx and not xx and sessions.is_cached_db(key):
            self.delete(key, version)
        return stored

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Store the value if the key is absent; tell whether it was."""
        return self._client.add(key, value, self._ttl(timeout), version=version)

    def set_many(
        self, data: Mapping[Any, Any], timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> list[Any]:
        """Store all values; return the keys that were not stored."""
        return self._client.set_many(data, self._ttl(timeout), version=version)

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Give an existing key a new lifetime; tell whether it exists."""
        return self._client.touch(key, self._ttl(timeout), version=version)

    def delete(self, key: Any, version: int | None = None) -> bool:
        """Delete the key; tell whether it existed."""
        try:
            return self._client.delete(key, version=version)
        except ServerError as error:
            return sessions.do_without(key, error)

    def delete_many(  # type: ignore[override]
        self, keys: Iterable[Any], version: int | None = None
    ) -> int | None:
        """Delete the keys; return how many existed, or None if none were given."""
        found = list(keys)
        return self._client.delete_many(found, version=version) if found else None

    def clear(self) -> int | None:  # type: ignore[override]
        """Delete the keys of this cache, of all versions, and no others; return how many, None if done later."""
        return self._client.clear()

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Add to a number in one step and return the sum; `ValueError` if the key is absent."""
        return self._client.incr(key, delta, version=version)

    def decr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Subtract from a number in one step and return the rest; `ValueError` if the key is absent."""
        return self._client.decr(key, delta, version=version)

    def get_or_set(self, key: Any, default: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> Any:
        """Return the value; if there is none, store `default`, or what it returns if it is callable."""
        return self._client.get_or_set(key, default, self._ttl(timeout), version=version)

    def incr_version(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Move the value to another version with its lifetime, in one step unless it is signed; return that version."""
        if self._client.is_signing:
            return self._sign_anew(key, delta, version)
        rename, moved = self._renaming(key, delta, version)
        try:
            self._client.execute(*rename)
        except ServerResponseError as error:
            raise _explained(error, key) from error
        return moved

    async def aget(self, key: Any, default: Any = None, version: int | None = None, *, shared: bool = False) -> Any:
        """Do what `get` does."""
        try:
            return await self._client.aget(key, default, version, shared=shared)
        except ServerError as error:
            return sessions.read_failed(key, default, error)

    async def aget_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        """Do what `get_many` does."""
        return await self._client.aget_many(keys, version=version)

    async def ahas_key(self, key: Any, version: int | None = None) -> bool:
        """Do what `has_key` does."""
        try:
            return await self._client.ahas(key, version=version)
        except ServerError as error:
            return sessions.do_without(key, error)

    async def aset(  # type: ignore[override]
        self,
        key: Any,
        value: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        version: int | None = None,
        *,
        nx: bool = False,
        xx: bool = False,
    ) -> bool:
        """Do what `set` does."""
        try:
            stored = await self._client.aset(key, value, self._ttl(timeout), version, nx=nx, xx=xx)
        except ServerError as error:
            stored = sessions.do_without(key, error)
        if not stored and not nx and not xx and sessions.is_cached_db(key):
            await self.adelete(key, version)
        return stored

    async def aadd(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Do what `add` does."""
        return await self._client.aadd(key, value, self._ttl(timeout), version=version)

    async def aset_many(
        self, data: Mapping[Any, Any], timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> list[Any]:
        """Do what `set_many` does."""
        return await self._client.aset_many(data, self._ttl(timeout), version=version)

    async def atouch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Do what `touch` does."""
        return await self._client.atouch(key, self._ttl(timeout), version=version)

    async def adelete(self, key: Any, version: int | None = None) -> bool:
        """Do what `delete` does."""
        try:
            return await self._client.adelete(key, version=version)
        except ServerError as error:
            return sessions.do_without(key, error)

    async def adelete_many(  # type: ignore[override]
        self, keys: Iterable[Any], version: int | None = None
    ) -> int | None:
        """Do what `delete_many` does."""
        found = list(keys)
        return await self._client.adelete_many(found, version=version) if found else None

    async def aclear(self) -> int | None:  # type: ignore[override]
        """Do what `clear` does."""
        return await self._client.aclear()

    async def aincr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Do what `incr` does."""
        return await self._client.aincr(key, delta, version=version)

    async def adecr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Do what `decr` does."""
        return await self._client.adecr(key, delta, version=version)

    async def aget_or_set(
        self, key: Any, default: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> Any:
        """Do what `get_or_set` does."""
        return await self._client.aget_or_set(key, default, self._ttl(timeout), version=version)

    async def aincr_version(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Do what `incr_version` does."""
        if self._client.is_signing:
            return await self._asign_anew(key, delta, version)
        rename, moved = self._renaming(key, delta, version)
        try:
            await self._client.aexecute(*rename)
        except ServerResponseError as error:
            raise _explained(error, key) from error
        return moved

    def _renaming(self, key: Any, delta: int, version: int | None) -> tuple[tuple[str, str, str], int]:
        """Return the command that moves a key to another version, and that version."""
        found = self.version if version is None else version
        moved = found + delta
        names = self.make_and_validate_key(key, version=found), self.make_and_validate_key(key, version=moved)
        return ("RENAME", *names), moved

    def _sign_anew(self, key: Any, delta: int, version: int | None) -> int:
        """Do what `incr_version` does with a signed value, whose signature belongs to its key."""
        (_, name, _), moved = self._renaming(key, delta, version)
        left = _lifetime(self._client.execute("PTTL", name), key)
        value = self._client.get(key, _ABSENT, version)
        if value is _ABSENT:
            raise _missing(key)
        if not self._client.set(key, value, left, moved):
            raise _not_moved(key)
        self._client.delete(key, version)
        return moved

    async def _asign_anew(self, key: Any, delta: int, version: int | None) -> int:
        """Do what `_sign_anew` does."""
        (_, name, _), moved = self._renaming(key, delta, version)
        left = _lifetime(await self._client.aexecute("PTTL", name), key)
        value = await self._client.aget(key, _ABSENT, version)
        if value is _ABSENT:
            raise _missing(key)
        if not await self._client.aset(key, value, left, moved):
            raise _not_moved(key)
        await self._client.adelete(key, version)
        return moved

    def close(self, **_: Any) -> None:
        """Close nothing: Django calls this after every request, and connections are kept for the next one."""

    async def aclose(self, **_: Any) -> None:
        """Close nothing, as `close` does."""


def _explained(error: ServerResponseError, key: Any) -> Exception:
    """Return the error that Django's contract wants for a missing key, and any other as it is."""
    return _missing(key) if "no such key" in str(error) else error


def _missing(key: Any) -> MissingKeyError:
    return MissingKeyError(f"key '{str(key)[:100]}' not found")


def _not_moved(key: Any) -> ServerError:
    return ServerConnectionError(f"the value at '{str(key)[:100]}' was not moved: the server went away meanwhile")


def _lifetime(milliseconds: int, key: Any) -> float | None:
    """Return what ``PTTL`` says in seconds, None for ever; raise for a missing key, as Django's contract wants."""
    if milliseconds == -2:
        raise _missing(key)
    return None if milliseconds == -1 else milliseconds / 1000
