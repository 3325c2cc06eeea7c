"""What a request of ASGI says, and what is sent in answer."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlencode

from hitrate.http import canonical_query, selected
from hitrate.http.text import bounded, digest

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

# Of which every parser makes the same: name=value, joined by &, with nothing but whole escapes.
_PIECE = r"(?:[A-Za-z0-9_.~!$'()*,:@/?+\[\]-]|%[0-9A-Fa-f]{2})"
_PLAIN = re.compile(rf"{_PIECE}+={_PIECE}*(?:&{_PIECE}+={_PIECE}*)*")


def header_lines(scope: Scope, name: bytes) -> list[str]:
    """The lines of a header; `name` in lower case."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def header(scope: Scope, name: bytes) -> str | None:
    """
    The lines of a header joined by commas, or None; `name` in lower case.

    Not to tell who asks: applications take the first line, the last, or all of them.
    """
    found = header_lines(scope, name)
    return ", ".join(found) if found else None


def route_path(scope: Scope) -> str:
    """
    The path below the place where the application is mounted, as its routes know it.

    ASGI has `root_path` at the beginning of the path; servers and proxies that leave it out there are understood, too.

    Reference: https://asgi.readthedocs.io/en/latest/specs/www.html#http-connection-scope
    """
    path: str = scope["path"]
    return path[len(scope["root_path"]) :] if has_root(scope) else path


def has_root(scope: Scope) -> bool:
    """Whether the path begins with the place where the application is mounted."""
    root: str = scope.get("root_path") or ""
    path: str = scope["path"]
    return root != "" and path.startswith(root) and path[len(root) : len(root) + 1] in {"", "/"}


def host_of(scope: Scope) -> str:
    """Host and port that were asked for, as applications build links from them."""
    found = header(scope, b"host")
    if found is not None:
        return found
    server = scope.get("server")
    return "" if not server else f"{server[0]}:{server[1]}"


def query_part(text: bytes, params: Iterable[str] | None) -> str:
    """
    The query as a part of a key.

    Args:
        text: the query as it came.
        params: names that matter; None: all, and then a query that parsers may understand differently is told apart by
            its very text, too.
    """
    if not text:
        return ""
    names = None if params is None else frozenset(params)
    query = text.decode("latin-1")
    part = canonical_query(_pairs(query), names)
    if names is not None or _PLAIN.fullmatch(query):
        return part
    return bounded(part + digest(query))


def narrowed_query(text: bytes, params: Iterable[str]) -> bytes:
    """The query with these parameters alone, so that links in the answer bring nobody's others to the next one."""
    kept = selected(_pairs(text.decode("latin-1")), frozenset(params))
    return urlencode(kept, errors="surrogateescape").encode("ascii")


def _pairs(query: str) -> list[tuple[str, str]]:
    # Bytes that are no UTF-8 stay as different as they are.
    return parse_qsl(query, keep_blank_values=True, errors="surrogateescape")


def cookie_values(scope: Scope, name: str) -> list[str]:
    """The values of a cookie, of which some frameworks take the first and some the last."""
    found = []
    for line in header_lines(scope, b"cookie"):
        for part in line.split(";"):
            own, equals, text = part.partition("=")
            if equals and own.strip() == name:
                found.append(text.strip())
    return found
