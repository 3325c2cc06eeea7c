"""
The contenders, each behind the few methods of Django's cache interface that the cases call.

Backends of Django are reached the way a view reaches them, through the proxy that `django.core.cache.cache` is. Clients
that return bytes get a thin wrapper that pickles, so that all of them do the same work. Local caches are off but where
the name says so.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol
from urllib.parse import urlsplit

HITRATE = "hitrate"
HITRATE_OFF = "hitrate, staged wait off"
HITRATE_CACHE = "hitrate.Cache"
HITRATE_CACHE_OFF = "hitrate.Cache, staged wait off"
DJANGO_REDIS = "django-redis"
DJANGO_REDIS_1000 = "django-redis, itersize 1000"
DJANGO = "Django RedisCache"
VCACHE = "django-vcache"
REDIS_PY = "redis-py + hiredis"
GLIDE = "valkey-glide-sync"
LOCMEM = "LocMemCache"
HITRATE_LOCAL = "hitrate, local hit"
HITRATE_CACHE_LOCAL = "hitrate.Cache, local hit"
MEMORY = "hitrate, memory://"


class Client(Protocol):
    """What the cases call."""

    def get(self, key: str) -> Any: ...

    def set(self, key: str, value: Any, timeout: int) -> Any: ...

    def incr(self, key: str) -> int: ...

    def get_many(self, keys: Sequence[str]) -> Mapping[str, Any]: ...

    def set_many(self, data: Mapping[str, Any], timeout: int) -> Any: ...

    def delete_pattern(self, pattern: str) -> int: ...


@dataclass(frozen=True)
class Peer:
    """
    One contender.

    Attributes:
        open: makes a client for a ``redis://`` or ``unix://`` URL and a key prefix.
        modules: what must be importable.
        install: how to get that.
        python: oldest Python it runs on.
    """

    open: Callable[[str, str], Client]
    modules: tuple[str, ...]
    install: str
    python: tuple[int, int] = (3, 10)

    @property
    def why_missing(self) -> str | None:
        """Why it cannot take part, and what to do; None if it can."""
        if sys.version_info < self.python:
            return f"needs Python {self.python[0]}.{self.python[1]} or newer"
        return None if all(_is_installed(name) for name in self.modules) else f"not installed; {self.install}"


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:  # a package without its compiled half
        return False


_MIDDLEWARE = (
    "middleware.security.SecurityMiddleware",
    "contrib.sessions.middleware.SessionMiddleware",
    "middleware.common.CommonMiddleware",
    "middleware.csrf.CsrfViewMiddleware",
    "contrib.auth.middleware.AuthenticationMiddleware",
    "contrib.messages.middleware.MessageMiddleware",
    "middleware.clickjacking.XFrameOptionsMiddleware",
)


def configure_django() -> None:
    """Set up Django without a project. Does nothing where it is missing."""
    if find_spec("django") is None:
        return
    settings = import_module("django.conf").settings
    if not settings.configured:
        settings.configure(
            CACHES={"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}},
            # For the cases of whole pages: what `startproject` writes.
            ALLOWED_HOSTS=["testserver"],
            DATABASES={
                "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("DATABASE", ":memory:")}
            },
            INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
            MIDDLEWARE=[f"django.{name}" for name in _MIDDLEWARE],
            SECRET_KEY="only for the bench",
            USE_TZ=True,
        )
        import_module("django").setup()


def _django(
    backend: str, options: Mapping[str, Any] | None = None, location: str | None = None
) -> Callable[[str, str], Client]:
    """A backend of Django, on the server of the run unless it has a place of its own."""

    def connect(url: str, prefix: str) -> Client:
        caches = import_module("django.core.cache").caches
        caches.settings[prefix] = {
            "BACKEND": backend,
            "LOCATION": location or url,
            "KEY_PREFIX": prefix,
            "TIMEOUT": 300,
            "OPTIONS": dict(options or {}),
        }
        # The class of `django.core.cache.cache`, for another alias than "default".
        proxy: Client = import_module("django.utils.connection").ConnectionProxy(caches, prefix)
        return proxy

    return connect


class _Itersize1000:
    """django-redis told to look at 1,000 keys per SCAN; as shipped it is 10."""

    def __init__(self, url: str, prefix: str) -> None:
        self._cache: Any = _django("django_redis.cache.RedisCache")(url, prefix)
        self.set = self._cache.set

    def delete_pattern(self, pattern: str) -> int:
        return int(self._cache.delete_pattern(pattern, itersize=1000))


class _HitrateCache:
    """The client without Django."""

    def __init__(self, url: str, prefix: str, **options: Any) -> None:
        self._cache: Any = import_module("hitrate").Cache(url, prefix=prefix, serializer="pickle", **options)
        self.get, self.get_many = self._cache.get, self._cache.get_many

    def set(self, key: str, value: Any, timeout: int) -> Any:
        return self._cache.set(key, value, ttl=timeout)

    def set_many(self, data: Mapping[str, Any], timeout: int) -> Any:
        return self._cache.set_many(data, ttl=timeout)


class _RedisPy:
    """redis-py by itself, with pickle."""

    def __init__(self, url: str, prefix: str) -> None:
        self._redis: Any = import_module("redis").Redis.from_url(url)
        self._prefix = prefix + ":"

    def get(self, key: str) -> Any:
        stored = self._redis.get(self._prefix + key)
        return None if stored is None else pickle.loads(stored)

    def set(self, key: str, value: Any, timeout: int) -> Any:
        stored = value if isinstance(value, int) else pickle.dumps(value)
        return self._redis.set(self._prefix + key, stored, ex=timeout)

    def incr(self, key: str) -> int:
        return int(self._redis.incr(self._prefix + key))

    def get_many(self, keys: Sequence[str]) -> Mapping[str, Any]:
        found = self._redis.mget([self._prefix + key for key in keys])
        return {key: pickle.loads(stored) for key, stored in zip(keys, found, strict=True) if stored is not None}

    def set_many(self, data: Mapping[str, Any], timeout: int) -> Any:
        pipeline = self._redis.pipeline(transaction=False)
        for key, value in data.items():
            pipeline.set(self._prefix + key, pickle.dumps(value), ex=timeout)
        return pipeline.execute()


class _Glide:
    """valkey-glide's synchronous client, with pickle."""

    def __init__(self, url: str, prefix: str) -> None:
        self._glide: Any = import_module("glide_sync")
        parts = urlsplit(url)
        address = self._glide.NodeAddress(parts.hostname, parts.port)
        database = int(parts.path.strip("/") or 0)
        configuration = self._glide.GlideClientConfiguration([address], database_id=database)
        self._client = self._glide.GlideClient.create(configuration)
        self._prefix = prefix + ":"

    def get(self, key: str) -> Any:
        stored = self._client.get(self._prefix + key)
        return None if stored is None else pickle.loads(stored)

    def set(self, key: str, value: Any, timeout: int) -> Any:
        expiry = self._glide.ExpirySet(self._glide.ExpiryType.SEC, timeout)
        stored = str(value) if isinstance(value, int) else pickle.dumps(value)
        return self._client.set(self._prefix + key, stored, expiry=expiry)

    def incr(self, key: str) -> int:
        return int(self._client.incr(self._prefix + key))

    def get_many(self, keys: Sequence[str]) -> Mapping[str, Any]:
        found = self._client.mget([self._prefix + key for key in keys])
        return {key: pickle.loads(stored) for key, stored in zip(keys, found, strict=True) if stored is not None}


def _hitrate_cache(**options: Any) -> Callable[[str, str], Any]:
    return lambda url, prefix: _HitrateCache(url, prefix, **options)


def _open(wrapper: Callable[[str, str], Any]) -> Callable[[str, str], Client]:
    """A wrapper has the methods of the cases it takes part in, which may be fewer than all."""
    return wrapper


_HITRATE_BACKEND = "hitrate.django.RedisCache"
_NATIVE = ("hitrate._native",)
_REDIS = ("django", "redis", "hiredis")

PEERS: dict[str, Peer] = {
    HITRATE: Peer(_django(_HITRATE_BACKEND, {"STAGED_WAIT": "auto"}), ("django", *_NATIVE), "make build"),
    HITRATE_OFF: Peer(_django(_HITRATE_BACKEND, {"STAGED_WAIT": "off"}), ("django", *_NATIVE), "make build"),
    HITRATE_CACHE: Peer(_open(_hitrate_cache(staged_wait="auto")), _NATIVE, "make build"),
    HITRATE_CACHE_OFF: Peer(_open(_hitrate_cache(staged_wait="off")), _NATIVE, "make build"),
    HITRATE_LOCAL: Peer(_django(_HITRATE_BACKEND, {"LOCAL": True}), ("django", *_NATIVE), "make build"),
    HITRATE_CACHE_LOCAL: Peer(_open(_hitrate_cache(local=True)), _NATIVE, "make build"),
    DJANGO_REDIS: Peer(
        _django("django_redis.cache.RedisCache"),
        ("django_redis", *_REDIS),
        "pip install 'django-redis' 'redis[hiredis]'",
    ),
    DJANGO_REDIS_1000: Peer(
        _open(_Itersize1000), ("django_redis", *_REDIS), "pip install 'django-redis' 'redis[hiredis]'"
    ),
    DJANGO: Peer(
        _django("django.core.cache.backends.redis.RedisCache"), _REDIS, "pip install 'django' 'redis[hiredis]'"
    ),
    VCACHE: Peer(
        _django("django_vcache.backend.ValkeyCache"), ("django_vcache",), "pip install django-vcache", python=(3, 12)
    ),
    REDIS_PY: Peer(_open(_RedisPy), ("redis", "hiredis"), "pip install 'redis[hiredis]'"),
    GLIDE: Peer(_open(_Glide), ("glide_sync",), "pip install valkey-glide-sync"),
    MEMORY: Peer(_django(_HITRATE_BACKEND, location="memory://"), ("django", *_NATIVE), "make build"),
    LOCMEM: Peer(_django("django.core.cache.backends.locmem.LocMemCache"), ("django",), "pip install 'django'"),
}
