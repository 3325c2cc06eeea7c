"""Telling an addon when the server is found dead, and when it is back, for log lines of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable


def on_change_of_state(
    away: Callable[[str, str], None] | None = None, back: Callable[[str], None] | None = None
) -> None:
    """
    Have functions called once per change of state and process, beside the lines that the logger ``hitrate`` writes.

    Args:
        away: called with the address of the server, without credentials, and what failed.
        back: called with the address.
    """
    logging.getLogger("hitrate").addHandler(_Listener(away, back))


class _Listener(logging.Handler):
    """Hears the lines of `hitrate.hooks`."""

    def __init__(self, away: Callable[[str, str], None] | None, back: Callable[[str], None] | None) -> None:
        super().__init__(logging.WARNING)
        self._away, self._back = away, back

    def emit(self, record: logging.LogRecord) -> None:
        said = record.args if isinstance(record.args, tuple) else ()
        if record.funcName == "opened" and self._away is not None:
            self._away(str(said[0]), str(said[1]))
        elif record.funcName == "recovered" and self._back is not None:
            self._back(str(said[0]))
