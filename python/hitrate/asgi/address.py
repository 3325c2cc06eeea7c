"""Where the answer to a request is kept: its key. What was asked again and again is remembered."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any
from urllib.parse import quote

from hitrate.asgi.scopes import Scope, has_root, host_of, query_part
from hitrate.http import Headers, Representation, Vary
from hitrate.http.strangers import Lines, lines_digest, of_links, unexplained
from hitrate.http.text import MAX_CHARS, digest
from hitrate.invalidation import NATIVE_SUFFIX

_PLAIN = re.compile(r"[A-Za-z0-9/._~-]*")
_DIGEST_CHARS = len(digest(""))

# More than most processes are asked for again and again. Beyond it all are forgotten: clients can invent queries.
MOST = 4096
# Of all that was seen. Whoever sends more has his key made each time.
MOST_BYTES = 2048


class Addresses:
    """
    The keys of the answers of one view or application.

    Args:
        params: query parameters that matter; None: all.
        tells_strangers: nobody said who may be given the answers, so that headers of unknown meaning tell askers apart.
    """

    def __init__(self, params: frozenset[str] | None, *, tells_strangers: bool) -> None:
        self._params, self._tells_strangers = params, tells_strangers
        self._known: dict[Hashable, str] = {}

    def key(self, scope: Scope, base: str, who: str, vary: Vary) -> str:
        """
        Make the key of the answer to a request.

        Args:
            scope: of the request.
            base: what stands before the query: prefix, and what is asked.
            who: for whom the answer is, escaped.
            vary: headers that the answer varies on beyond other parts of the key.
        """
        pairs = scope["headers"]
        raw_path = scope.get("raw_path")
        names = {name.encode("latin-1") for name in vary.names}
        seen = (
            base,
            who,
            scope["query_string"],
            scope.get("scheme"),
            host_of(scope),
            scope.get("root_path"),
            has_root(scope),
            raw_path if raw_path is not None and b"%" in raw_path else None,
            of_links(pairs),
            unexplained(pairs) if self._tells_strangers else (),
            (vary.names, tuple([pair for pair in pairs if pair[0] in names])) if names else None,
        )
        found = self._known.get(seen)
        if found is None:
            found = self._make(*seen[:10], Headers(pairs), vary)
            self._remember(seen, found)
        return found

    def _make(
        self,
        base: str,
        who: str,
        query: bytes,
        scheme: str | None,
        host: str,
        root: str | None,
        has_root: bool,
        raw_path: bytes | None,
        links: Lines,
        strangers: Lines,
        headers: Headers,
        vary: Vary,
    ) -> str:
        form = Representation(scheme=scheme, host=host, root=root or None).text(headers, vary)
        if root and not has_root:
            # The base is the same as of a path that begins with it.
            form += "&bare"
        told = f"{form}{_told('path', raw_path)}{_told('links', links)}{_told('headers', strangers)}"
        return f"{base}:{query_part(query, self._params)}:{told}:{who}{NATIVE_SUFFIX}"

    def _remember(self, seen: tuple[Any, ...], key: str) -> None:
        if len(repr(seen)) > MOST_BYTES:
            return
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[seen] = key


def _told(name: str, value: bytes | Lines | None) -> str:
    if not value:
        return ""
    return f"&{name}={digest(value.decode('latin-1')) if isinstance(value, bytes) else lines_digest(value)}"


def path_part(path: str) -> str:
    """
    A path as a part of a key, readable, so that it can be forgotten by path: ``/products/5``.

    Of a long one the first segments stay, so that patterns reach it, too; a digest stands for the rest.
    """
    # The first is all that most paths need, at a fifth of the price.
    whole = path if _PLAIN.fullmatch(path) else quote(path, safe="/", errors="surrogatepass")
    if len(whole) <= MAX_CHARS:
        return whole
    rest = whole.rfind("/", 0, MAX_CHARS - _DIGEST_CHARS) + 1
    return whole[:rest] + digest(whole[rest:])


def path_key(path: str, key_prefix: str = "asgi") -> str:
    """
    Spell the key at and below which the answers of a path stand: ``cache.invalidate(keys=[path_key("/products/5")])``.

    Args:
        path: as the application's routes know it: below ``root_path``, and not percent-encoded.
        key_prefix: of the middleware.
    """
    return f"{key_prefix}:{path_part(path)}"
