"""Limits on requests of ASGI: who may pass, and what the others are told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hitrate.asgi.identity import is_known, text_of, user_of
from hitrate.asgi.scopes import Scope, header, header_lines
from hitrate.cache import Cache
from hitrate.gates import By, Limiters, Readers, Subject, Subjects, Telling, methods_of
from hitrate.http import Headers, Refused, client_address
from hitrate.http.address import ForwardedHeader, proxies
from hitrate.http.text import digest
from hitrate.limits import Decision, limits_of

logger = logging.getLogger("hitrate")

# One customer has that many bits of IPv6, and can use any address behind them.
IPV6_PREFIX = 64
# Stands for all clients of a Unix socket whose peer is not trusted: they cannot be told apart.
UNKNOWN = "unknown"


class Gate:
    """Limits, and whom they are about."""

    def __init__(
        self,
        limits: Any,
        *,
        by: By | Mapping[str, By],
        trusted_proxies: Iterable[str],
        forwarded_header: ForwardedHeader | None,
        methods: str | Iterable[str] | None,
        cost: int,
        shadow: bool,
        telling: Telling,
        asker: Callable[[Scope], Any],
        **options: Any,
    ) -> None:
        """
        Args:
            limits: as `hitrate.RateLimiter` takes them, as are `options`.
            by: whom they are about.
            trusted_proxies: networks of the proxies that are believed.
            forwarded_header: that they write.
            methods: of requests that are counted.
            cost: requests that a call counts as.
            shadow: refuse nobody.
            telling: what clients are told.
            asker: makes what functions of the project are given.

        Raises:
            ConfigError: an argument that cannot be meant.
        """
        # Whatever is wrong is said where it is written, and not at the first request.
        named = [limit.name for limit in limits_of(limits, cost=cost, **options)]
        trusted = (trusted_proxies,) if isinstance(trusted_proxies, str) else tuple(trusted_proxies)
        proxies(trusted)
        client_address(Headers(), header=forwarded_header)
        self._limiters = Limiters(limits, **options)
        self._subjects = Subjects(by, named, _readers(trusted, forwarded_header, asker))
        self._methods = methods_of(methods)
        self._cost, self._shadow, self._telling = cost, shadow, telling

    async def decide(self, scope: Scope, place: str, cache: Cache) -> Decision | None:
        """
        Count a request.

        Args:
            scope: of it.
            place: what is limited; each place counts for itself.
            cache: that counts.

        Returns:
            The decision; None for a request that no limit is about.
        """
        if self._methods is not None and scope["method"] not in self._methods:
            return None
        who = await self._subjects.aof(scope, place)
        return None if who is None else await self._limiters.on(cache).ahit(who, self._cost)

    def refusal(self, scope: Scope, place: str, decision: Decision | None) -> Refused | None:
        """Make the answer to a request that is refused; None where it may pass."""
        if decision is None or decision.allowed:
            return None
        if self._shadow:
            logger.info("%s would be refused, by %s", place, ", ".join(decision.violated))
            return None
        return self._telling.refusal(decision, header(scope, b"accept"))

    def lines(self, decision: Decision | None) -> list[tuple[str, str]]:
        """How things stand, for an answer that is not a refusal."""
        return [] if decision is None or self._shadow else list(self._telling.lines(decision))


def _readers(
    trusted: tuple[str, ...], forwarded_header: ForwardedHeader | None, asker: Callable[[Scope], Any]
) -> Readers:
    def by_address(scope: Scope) -> str:
        client = scope.get("client")
        found = client_address(
            Headers(scope["headers"]),
            trusted,
            peer=client[0] if client else None,
            header=forwarded_header,
            ipv6_prefix=IPV6_PREFIX,
        )
        return f"ip:{found or UNKNOWN}"

    def by_user(scope: Scope) -> str:
        user = user_of(scope)
        return f"user:{text_of(user, 'user')}" if is_known(user) else f"stranger:{by_address(scope)}"

    def by_header(name: str) -> Subject:
        key, family = name.lower().encode("latin-1"), f"header:{name.lower()}"

        def read(scope: Scope) -> str:
            values = header_lines(scope, key)
            # Who leaves the header out must not be free of the limit, nor who sends several lines: of these nobody can
            # tell which one the application believes. What it holds is a secret, and no part of a key.
            is_one = len(values) == 1 and values[0]
            return f"{family}:{digest(values[0]) if is_one else by_address(scope)}"

        return read

    return Readers(by_address, by_user, by_header, awaits=True, asker=asker)
