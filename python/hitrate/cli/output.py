"""
What a command says: lines on one stream, complaints and progress on the other.

Colours and progress bars are rich's, only for a terminal, and not where ``NO_COLOR`` is set. What comes from the server
(keys, values, texts) is escaped, for a key may hold what a terminal would obey.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from rich.console import Console

Part = str | tuple[str, str]
"""Text, or text and its style (``"bold red"``)."""
Advance = Callable[[int], None]
"""Called with how many steps were done since the last call."""


class Stream(Protocol):
    """What is written to: a file, or what Django puts around one."""

    def write(self, text: str, /) -> object:
        """Write text."""

    def flush(self) -> object:
        """Hand over what was written."""

    def isatty(self) -> bool:
        """Whether this is a terminal."""


class Output:
    """Where a command writes."""

    def __init__(self, out: Stream, err: Stream, *, is_plain: bool = False) -> None:
        """
        Args:
            out: for what was asked for.
            err: for complaints and progress.
            is_plain: no colours and no bars, even on a terminal.
        """
        self._out = out
        self._err = err
        self._console = None if is_plain else _console(out)
        self._progress_console = None if is_plain else _console(err)

    def line(self, *parts: Part) -> None:
        """Write one line; characters that are no text are escaped."""
        pieces = [(part, "") if isinstance(part, str) else part for part in parts]
        pieces = [(printable(text), style) for text, style in pieces]
        if self._console is None:
            self._out.write("".join(text for text, _ in pieces) + "\n")
        else:
            from rich.text import Text

            self._console.print(Text.assemble(*pieces), soft_wrap=True)

    def json(self, value: Any, *, is_compact: bool = False) -> None:
        """Write a value as JSON in ASCII: on one line, or indented."""
        self._out.write(json.dumps(value, indent=None if is_compact else 2) + "\n")

    def complain(self, text: str) -> None:
        """Write one line where complaints go."""
        self._err.write(printable(text) + "\n")
        self._err.flush()

    def ask(self, question: str) -> bool:
        """Ask on the terminal; only ``y`` and ``yes`` are a yes."""
        self._err.write(f"{printable(question)} [y/N] ")
        self._err.flush()
        try:
            return input().strip().lower() in {"y", "yes"}
        except EOFError:
            return False

    @contextmanager
    def progress(self, what: str, total: int | None) -> Iterator[Advance]:
        """
        Show how far something is, on a terminal with rich; silently otherwise.

        Args:
            what: is being done, ``"counting keys"``.
            total: number of steps; None: nobody knows.
        """
        if self._progress_console is None:
            yield lambda _: None
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._progress_console, transient=True) as bars:
            task = bars.add_task(what, total=total)
            yield lambda steps: bars.advance(task, steps)


def printable(text: str) -> str:
    """Escape what a terminal would not show but do: control characters, line ends, halves of characters."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _console(stream: Stream) -> Console | None:
    """A console of rich, if rich is installed, and the stream a terminal that may be coloured."""
    if not stream.isatty() or os.environ.get("NO_COLOR") or find_spec("rich") is None:
        return None
    from rich.console import Console

    return Console(file=cast("IO[str]", stream), highlight=False, emoji=False, markup=False)
