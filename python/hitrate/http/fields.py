"""Header fields: where they come from, and how lists and quoted strings in them are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

# Longer than anything a browser or a framework sends; what is longer is not read on.
MAX_CHARS = 8192

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\xa0]")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_STOP = re.compile(r'[",\\]')


class Headers:
    """
    The header fields of a message, names without regard to case.

    Args:
        pairs: name and value of each line, in order, as ASGI has them. Bytes are read as Latin-1.
    """

    __slots__ = ("_found",)

    def __init__(self, pairs: Iterable[tuple[str | bytes, str | bytes]] = ()) -> None:
        self._found: dict[str, list[str]] = {}
        for name, value in pairs:
            self._found.setdefault(_text(name).lower(), []).append(_text(value))

    def lines(self, name: str) -> tuple[str, ...]:
        """
        Every line of a field.

        Two lines ``a`` and ``b`` mean the same as one line ``a, b`` to HTTP, but not to code that reads the first
        line only. What tells answers apart must tell these apart, too.

        Args:
            name: in lower case.
        """
        return tuple(self._found.get(name, ()))

    def get(self, name: str) -> str | None:
        """The lines of a field joined by commas, or None; `name` in lower case."""
        lines = self._found.get(name)
        return ", ".join(lines) if lines else None

    def __contains__(self, name: str) -> bool:
        return name in self._found


class EnvironHeaders(Headers):
    """
    The header fields in a WSGI environment, looked up as they are asked for.

    Args:
        environ: ``environ`` of PEP 3333, or Django's ``request.META``.
    """

    __slots__ = ("_environ",)

    def __init__(self, environ: Mapping[str, object]) -> None:
        super().__init__()
        self._environ = environ

    def lines(self, name: str) -> tuple[str, ...]:
        """Every line of a field: the server has joined them, so there is one or none."""
        value = self.get(name)
        return () if value is None else (value,)

    def get(self, name: str) -> str | None:
        """The value of a field, or None; `name` in lower case."""
        value = self._environ.get(environ_key(name))
        return None if value is None else str(value)

    def __contains__(self, name: str) -> bool:
        return self._environ.get(environ_key(name)) is not None


@lru_cache(maxsize=512)
def environ_key(name: str) -> str:
    """Where a WSGI environment has a field; `name` in lower case."""
    key = name.upper().replace("-", "_")
    return key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else "HTTP_" + key


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def split_list(text: str) -> list[str]:
    """
    Split a list at the commas outside quoted strings, without empty members.

    From a quote that is never closed on, every comma counts.
    """
    if '"' not in text:
        return [part for part in map(str.strip, text.split(",")) if part]
    parts, start, opened, skip = [], 0, -1, -1
    for stop in _STOP.finditer(text):
        at, mark = stop.start(), stop[0]
        if at == skip:
            continue
        if mark == '"':
            opened = at if opened < 0 else -1
        elif mark == "\\" and opened >= 0:
            skip = at + 1
        elif mark == "," and opened < 0:
            parts.append(text[start:at])
            start = at + 1
    parts += text[start:].split(",") if opened >= 0 else [text[start:]]
    return [part for part in map(str.strip, parts) if part]


def unquoted(text: str) -> str:
    """The content of a quoted string; anything else as it is."""
    match = _QUOTED.fullmatch(text)
    return re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL) if match else text


def quoted(text: str) -> str:
    """A token as it is, anything else as a quoted string, without control characters."""
    if TOKEN.fullmatch(text):
        return text
    return '"' + re.sub(r'(["\\])', r"\\\1", CONTROL.sub(" ", text)) + '"'
