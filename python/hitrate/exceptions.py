"""
The error tree. Everything hitrate raises on purpose derives from `HitrateError`.

::

    HitrateError
    ├── ConfigError                  (ValueError)       a setting, URL or argument is wrong
    ├── InvalidKeyError              (ValueError)       a key that no server can hold
    ├── SerializationError           (ValueError, pickle.PicklingError)   a value that cannot be stored
    ├── CounterError                 (ValueError)       incr() or decr() could not count
    │   ├── MissingKeyError                             the key does not exist
    │   ├── NotANumberError                             the stored value is no integer
    │   └── CounterOverflowError     (OverflowError)    the result leaves 64 bits
    ├── LockError                                       a distributed lock
    │   ├── LockTimeoutError         (TimeoutError)     not acquired in time
    │   └── LockNotOwnedError                           released or extended by somebody else
    └── ServerError                                     the server, or the way to it
        ├── ServerConnectionError    (ConnectionError)  refused, reset, closed, TLS failed
        │   └── AuthenticationError                     user or password refused
        ├── ServerTimeoutError       (TimeoutError)     no answer within the deadline
        ├── ServerUnavailableError   (ConnectionError)  the breaker is open: nothing was sent
        ├── ServerStateError                            OOM, READONLY, LOADING, MISCONF, BUSY, ...
        ├── ServerPermissionError    (PermissionError)  the ACL user may not do this
        ├── ServerResponseError                         the server refused the command itself
        └── ProtocolError                               bytes that are no valid reply
"""

from __future__ import annotations

import pickle


class HitrateError(Exception):
    """Base class of every error hitrate raises on purpose."""


class ConfigError(HitrateError, ValueError):
    """A setting, URL or argument is wrong; the message names it and says what is allowed."""


class InvalidKeyError(HitrateError, ValueError):
    """A key that cannot be used, for example one that is no text."""


class SerializationError(HitrateError, ValueError, pickle.PicklingError):
    """A value that the chosen serializer cannot store. Code that catches pickle's own error keeps working."""


class CounterError(HitrateError, ValueError):
    """``incr()`` or ``decr()`` could not count."""


class MissingKeyError(CounterError):
    """``incr()`` or ``decr()`` on a key that does not exist; ``add()`` it first."""


class NotANumberError(CounterError):
    """``incr()`` or ``decr()`` on a value that is no integer."""


class CounterOverflowError(CounterError, OverflowError):
    """The result of ``incr()`` or ``decr()`` would not fit into a signed 64-bit integer."""


class LockError(HitrateError):
    """Something about a distributed lock."""


class LockTimeoutError(LockError, TimeoutError):
    """The lock was not acquired within its blocking timeout."""


class LockNotOwnedError(LockError):
    """The lock expired, or belongs to somebody else."""


class ServerError(HitrateError):
    """The server, or the way to it, failed."""


class ServerConnectionError(ServerError, ConnectionError):
    """The connection was refused, reset or closed, or TLS failed."""


class AuthenticationError(ServerConnectionError):
    """The server refused the user name or the password."""


class ServerTimeoutError(ServerError, TimeoutError):
    """No answer within the deadline of the round trip."""


class ServerUnavailableError(ServerError, ConnectionError):
    """The circuit breaker is open: the server was found dead and nothing was sent."""


class ServerStateError(ServerError):
    """The server answered that it cannot serve now: OOM, READONLY, LOADING, MISCONF, BUSY, ..."""


class ServerPermissionError(ServerError, PermissionError):
    """The ACL user of this connection may not run the command; the message names what is missing."""


class ServerResponseError(ServerError):
    """The server refused the command itself, for example WRONGTYPE."""


class ProtocolError(ServerError):
    """The server sent bytes that are no valid reply; the connection was closed."""
