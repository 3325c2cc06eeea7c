"""One request of ASGI whose answer is kept: what `hitrate.responses` must know of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from hitrate.asgi.identity import Nobody, is_known, user_of
from hitrate.asgi.scopes import Scope
from hitrate.cache import Cache
from hitrate.http import Headers, Request, Vary
from hitrate.lease import Place
from hitrate.responses import Declared, Exchange, Learned, Numbers

R = TypeVar("R")

_NONE: frozenset[str] = frozenset()


class ScopeVisit(Exchange[R]):
    """
    One request.

    Attributes:
        scope: of it.
    """

    __slots__ = ("_is_nobody", "scope")

    def __init__(self, declared: Declared, scope: Scope, *, learned: Learned, numbers: Numbers) -> None:
        """
        Args:
            declared: about the view or application.
            scope: of the request.
            learned: what its answers vary on.
            numbers: of it.
        """
        self.scope = scope
        names = {name.decode("latin-1") for name, _ in scope["headers"]}
        is_plain = (
            scope["method"] == "GET"
            and names.isdisjoint(declared.policy.concerns)
            # A length of 0 is no content; the rules look.
            and "content-length" not in names
        )
        super().__init__(declared, learned, numbers, is_plain=is_plain)
        if not is_plain:
            self.consider()

    @property
    def vary(self) -> Vary:
        """What the key holds of the headers that answers are known to vary on."""
        return self._vary

    def settle(self, client: Cache, key: str, who: str, tags: Iterable[object]) -> None:
        """
        Say where the answer is.

        Args:
            client: the cache.
            key: of the entry.
            who: for whom it is, as `identity` tells it.
            tags: by which it is forgotten.
        """
        self._is_nobody = isinstance(who, Nobody)
        self.place = Place(client, key, self.bounded(tags))
        if self.passes is None and self._is_unknown(who):
            self.passes = "authorization"

    def _is_unknown(self, who: str) -> bool:
        """Whether somebody asks whom the key does not tell apart."""
        policy = self.declared.policy
        if policy.audience == "unknown":
            # By a certificate, say: no header told.
            return is_known(user_of(self.scope))
        # Who signs in past the middleware that knows users is a user all the same.
        return self._is_nobody and "authorization" in self.facts.headers

    def _asked(self) -> Request:
        user = user_of(self.scope)
        is_staff = self.declared.policy.clients == "staff" and bool(getattr(user, "is_staff", False))
        return Request(self.scope["method"], Headers(self.scope["headers"]), is_staff)

    def covered(self) -> frozenset[str]:
        """Headers that other parts of the key stand for. Of an asker whom nobody knows it holds nothing."""
        return _NONE if self.declared.shared or self._is_nobody else self.declared.covered
