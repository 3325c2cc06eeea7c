"""The exit codes of every command, and which failure has which. 0 to 3 mean what monitoring plugins mean by them."""

from __future__ import annotations

from hitrate.exceptions import (
    AuthenticationError,
    ConfigError,
    HitrateError,
    ServerConnectionError,
    ServerTimeoutError,
    ServerUnavailableError,
)

FINE = 0
# `doctor --strict` found something to warn of; `get` and `ttl` found no such key; `clear` was told not to.
WARNING = 1
# `doctor` found a problem; the server answered, and refused.
PROBLEM = 2
UNREACHABLE = 3
# As in sysexits.h, because argparse's own 2 is taken.
USAGE = 64
INTERRUPTED = 130
BROKEN_PIPE = 141


def is_unreachable(error: BaseException) -> bool:
    """Tell whether the server gave no answer at all. Refusing a password is an answer."""
    silent = (ServerConnectionError, ServerTimeoutError, ServerUnavailableError)
    return isinstance(error, silent) and not isinstance(error, AuthenticationError)


def of_error(error: HitrateError) -> int:
    """Return the exit code of a command that ended with this error."""
    if isinstance(error, ConfigError):
        return USAGE
    return UNREACHABLE if is_unreachable(error) else PROBLEM
