"""Which paths of an application a middleware is about."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from hitrate.exceptions import ConfigError

_SLASHES = re.compile("//+")


class Paths:
    """
    Paths by their beginnings.

    Args:
        wanted: beginnings of those that are meant; all without any.
        exempt: beginnings of those that are not.
        in_doubt: whether a path is meant that Litestar, for one, reads as another one: ``//login`` as ``/login``.

    Raises:
        ConfigError: one that is no path.
    """

    def __init__(self, wanted: Iterable[str], exempt: Iterable[str], *, in_doubt: bool) -> None:
        self._in_doubt = in_doubt
        self._wanted, self._exempt = _beginnings(wanted, "paths"), _beginnings(exempt, "exempt")

    def cover(self, path: str) -> bool:
        """Whether a path is meant."""
        if not self._wanted and not self._exempt:
            return True
        meant = {self._means(path), self._means(_SLASHES.sub("/", path))}
        return meant.pop() if len(meant) == 1 else self._in_doubt

    def _means(self, path: str) -> bool:
        whole = path.rstrip("/") + "/"
        return (not self._wanted or whole.startswith(self._wanted)) and not whole.startswith(self._exempt)


def _beginnings(given: Any, what: str) -> tuple[str, ...]:
    several = (given,) if isinstance(given, str) else tuple(given)
    for path in several:
        if not isinstance(path, str) or not path.startswith("/"):
            raise ConfigError(f"{what} holds {path!r:.100}; use beginnings of paths such as '/products'")
    # Whole segments, so that '/products' is no beginning of '/products-old'.
    return tuple(path.rstrip("/") + "/" for path in several)
