"""Events to logs: one line per change of state, from the logger ``hitrate``."""

from __future__ import annotations

import logging

logger = logging.getLogger("hitrate")


def opened(address: str, error: str) -> None:
    """
    The server was found dead.

    Args:
        address: the server, without credentials.
        error: what failed.
    """
    logger.error(
        "cache server %s is away (%s): reads miss, deletions are written down, until it answers again", address, error
    )


def recovered(address: str, after: float, replayed: int) -> None:
    """
    The server answers again and the journal is replayed.

    Args:
        address: the server, without credentials.
        after: for how long it was away, in seconds.
        replayed: deletions made up for.
    """
    logger.warning("cache server %s is back after %.1f s; %d deletions were replayed", address, after, replayed)


def journal_overflow(address: str) -> None:
    """
    More deletions are waiting than the journal holds.

    Args:
        address: the server, without credentials.
    """
    logger.error(
        "too many deletions wait for cache server %s: everything of this cache but its critical keys will be deleted",
        address,
    )


def refusing(address: str, error: str) -> None:
    """
    The server answers, but refuses.

    Args:
        address: the server, without credentials.
        error: what it said, and what to do about it.
    """
    logger.error("cache server %s refuses: %s", address, error)


def gave_up(address: str, error: str) -> None:
    """
    The server will never take a deletion that was written down.

    Args:
        address: the server, without credentials.
        error: what it said.
    """
    logger.error(
        "cache server %s refuses a deletion for good (%s): stale values may be read until they expire", address, error
    )


def limits_away(address: str, on_error: str) -> None:
    """
    The server cannot be asked about rate limits.

    Args:
        address: the server, without credentials.
        on_error: what is done instead, as the limiter was told.
    """
    done = {"memory": "each process counts for itself", "allow": "every call is allowed"}
    logger.warning(
        "rate limits cannot be counted on %s: %s until it answers again",
        address,
        done.get(on_error, "every call is refused"),
    )


def limits_back(address: str, after: float) -> None:
    """
    The server counts rate limits again.

    Args:
        address: the server, without credentials.
        after: for how long it did not, in seconds.
    """
    logger.warning("rate limits are counted on %s again, after %.1f s", address, after)


def unreleased(key: str, error: str) -> None:
    """
    A lock was not released, after something else had gone wrong under it.

    Args:
        key: of the lock.
        error: why.
    """
    logger.warning("lock '%s' was not released: %s", key, error)


def metrics_unwritten(error: str) -> None:
    """
    The files of prometheus_client's multiprocess mode cannot be written.

    Args:
        error: what the system said.
    """
    logger.error("cannot write metrics for other processes (%s): check PROMETHEUS_MULTIPROC_DIR; will try again", error)


def unforgotten(name: str, error: str) -> None:
    """
    Something that was to be forgotten after a commit was not.

    Args:
        name: alias of the cache.
        error: why.
    """
    logger.error(
        "cache '%s': not everything was forgotten (%s): stale answers may be read until they expire", name, error
    )
