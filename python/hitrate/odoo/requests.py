"""
The request, as what is computed for the cache sees it: of what the key does not tell, it is noted that it was read.

Odoo's own code reads the request in the middle of models: the cart, for how many pieces are left, or the visitor's
country. Whatever was computed so belongs to that visitor, and must not be kept for others.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from odoo.api import Environment

# Of the request, what is the same for every visitor, told by the environment, or in the key where it matters.
_TOLD = {
    "db",
    "registry",
    "future_response",
    "is_frontend",
    "is_frontend_multilang",
    "lang",
    "website",
    "website_routing",
}
# Of a session; the website that it is forced to is in the key, where websites matter.
_OF_SESSION = {"db", "debug", "force_website_id", "login", "uid"}
# What is looked at by itself.
_WATCHED = {"httprequest", "session"}
_OF_HOST = {"host", "host_url", "scheme", "url_root"}


@contextmanager
def reading(env: Environment, vary: Collection[str]) -> Iterator[set[str]]:
    """
    Have the request be what a computation may see of it.

    Args:
        env: of the computation, which is that of the request meanwhile: of its records too.
        vary: what the key tells.

    Returns:
        A context manager that yields the names of what was read and is not told: then nothing may be kept.
    """
    from odoo.http import _request_stack

    untold: set[str] = set()
    if not _request_stack.top:
        yield untold
        return
    with _on_top(_Request(_request_stack.top, env, vary, untold)):
        yield untold


@contextmanager
def _on_top(request: Any) -> Iterator[None]:
    from odoo.http import _request_stack

    before = _request_stack.pop()
    _request_stack.push(request)
    try:
        yield
    finally:
        _request_stack.pop()
        _request_stack.push(before)


class _Request:
    """A request; what is set on it ends with the computation."""

    def __init__(self, real: Any, env: Environment, vary: Collection[str], untold: set[str]) -> None:
        self.env = env
        self._real, self._vary, self._untold = real, vary, untold
        # Of the request itself, where one computation asks for another one's value.
        self._kind: type = getattr(real, "_kind", type(real))

    def __getattr__(self, name: str) -> Any:
        # What methods and properties of its class read, they read of this one.
        member = inspect.getattr_static(self._kind, name, None)
        if hasattr(member, "__get__"):
            return member.__get__(self, self._kind)
        # The visitor's pricelist, say, is found when it is asked for, by all that Odoo knows of him.
        with _on_top(self._real):
            found: Any = getattr(self._real, name, None)
            is_record = hasattr(found, "with_env")
            if not self._is_told(name):
                self._untold.add(f"request.{name}")
        if name == "session":
            return _Session(found, self._untold)
        if name == "httprequest":
            return _HTTPRequest(found, self._untold, is_host_told="host" in self._vary)
        if is_record:
            return found.with_env(self.env(su=found.env.su))
        # What is not there raises.
        return getattr(self._real, name) if found is None else found

    def _is_told(self, name: str) -> bool:
        if name in {"pricelist", "fiscal_position"}:
            # Those of the context are other ones. A website has the currency of the request's pricelist.
            in_key = "pricelist" in self._vary and "pricelist" not in self.env.context
            return in_key or (name == "pricelist" and "currency" in self._vary)
        return name in _TOLD or name in _WATCHED or name.startswith("_")


class _Session(MutableMapping[str, Any]):
    """A session, of which a computation may know to whom it belongs."""

    def __init__(self, real: Any, untold: set[str]) -> None:
        self._real, self._untold = real, untold

    def _note(self, name: str) -> None:
        if name not in _OF_SESSION:
            self._untold.add("request.session")

    def __getattr__(self, name: str) -> Any:
        self._note(name)
        return getattr(self._real, name)

    def __getitem__(self, name: str) -> Any:
        self._note(name)
        return self._real[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._real[name] = value

    def __delitem__(self, name: str) -> None:
        del self._real[name]

    def __iter__(self) -> Iterator[str]:
        self._note("*")
        return iter(self._real)

    def __len__(self) -> int:
        self._note("*")
        return len(self._real)


class _HTTPRequest:
    """What a client sent, of which a computation may know the host if the key tells it."""

    def __init__(self, real: Any, untold: set[str], *, is_host_told: bool) -> None:
        self._real, self._untold, self._is_host_told = real, untold, is_host_told

    def __getattr__(self, name: str) -> Any:
        if not (self._is_host_told and name in _OF_HOST):
            self._untold.add("request.httprequest")
        return getattr(self._real, name)
