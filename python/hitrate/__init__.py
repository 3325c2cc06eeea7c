"""Caching on Redis and Valkey: fast, coherent, private, and unhurt by a sick server."""

from __future__ import annotations

from hitrate._native import __version__, escape_glob
from hitrate.cache import Cache, Lock
from hitrate.config import Local
from hitrate.decorators import cached
from hitrate.exceptions import (
    AuthenticationError,
    ConfigError,
    CounterError,
    CounterOverflowError,
    HitrateError,
    InvalidKeyError,
    LockError,
    LockNotOwnedError,
    LockTimeoutError,
    MissingKeyError,
    NotANumberError,
    ProtocolError,
    SerializationError,
    ServerConnectionError,
    ServerError,
    ServerPermissionError,
    ServerResponseError,
    ServerStateError,
    ServerTimeoutError,
    ServerUnavailableError,
)
from hitrate.limits import Decision, Limit, RateLimiter

__all__ = [
    "AuthenticationError",
    "Cache",
    "ConfigError",
    "CounterError",
    "CounterOverflowError",
    "Decision",
    "HitrateError",
    "InvalidKeyError",
    "Limit",
    "Local",
    "Lock",
    "LockError",
    "LockNotOwnedError",
    "LockTimeoutError",
    "MissingKeyError",
    "NotANumberError",
    "ProtocolError",
    "RateLimiter",
    "SerializationError",
    "ServerConnectionError",
    "ServerError",
    "ServerPermissionError",
    "ServerResponseError",
    "ServerStateError",
    "ServerTimeoutError",
    "ServerUnavailableError",
    "__version__",
    "cached",
    "escape_glob",
]
