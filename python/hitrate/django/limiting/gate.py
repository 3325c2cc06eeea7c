"""One declared limit: who may pass, and what the others are told."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from asgiref.sync import sync_to_async
from django.http import HttpResponse, HttpResponseBase

from hitrate.django.aliases import client_behind
from hitrate.django.limiting.subjects import READERS
from hitrate.django.responses.identity import load_user
from hitrate.exceptions import ConfigError, ServerError
from hitrate.gates import LISTS, By, Limiters, Subjects, Telling, methods_of
from hitrate.limits import Decision, RateLimiter, limits_of

logger = logging.getLogger("hitrate")

# Every gate that was declared, for the system checks, and is still in use: some make them at each request.
gates: WeakSet[Gate] = WeakSet()


class Gate:
    """
    Limits, and whom they are about.

    Attributes:
        subjects: whom they are about.
        cost: requests that a call counts as.
        cache: alias of the cache that counts.
        shadow: it refuses nobody.
        telling: what clients are told.
    """

    def __init__(
        self,
        limits: Any,
        *,
        by: By | Mapping[str, By],
        methods: str | Iterable[str] | None,
        cost: int,
        cache: str,
        shadow: bool,
        telling: Telling,
        **options: Any,
    ) -> None:
        # Whatever is wrong is said where it is written, and not at the first request.
        if options.get("on_error") == "raise":
            raise ConfigError("'on_error' of a view cannot be 'raise'; use 'memory', 'allow' or 'deny'")
        named = [limit.name for limit in limits_of(limits, cost=cost, **options)]
        self._limiters = Limiters(limits, **options)
        self.subjects = Subjects(by, named, READERS)
        self._methods = methods_of(methods)
        self.cost, self.cache, self.shadow, self.telling = cost, cache, shadow, telling
        gates.add(self)

    def covers(self, method: str | None) -> bool:
        """Whether requests with this method are counted."""
        return self._methods is None or method in self._methods

    def decide(self, request: Any, place: str) -> Decision | None:
        """
        Count a request.

        Args:
            request: that the view gets.
            place: what is limited; each place counts for itself.

        Returns:
            The decision; None for a request that no limit is about.
        """
        who = self.subjects.of(request, place)
        return None if who is None else self._limiter().hit(who, self.cost)

    async def adecide(self, request: Any, place: str) -> Decision | None:
        """Count a request, as `decide` does."""
        subjects = self.subjects
        if subjects.has_functions:
            # The project's own functions may ask the database, for the user, too.
            who = await sync_to_async(subjects.of)(request, place)
        else:
            if subjects.has_users:
                # `request.user` would read the database in the event loop. Where he cannot be read, that is said there.
                with suppress(ServerError):
                    await load_user(request)
            who = subjects.of(request, place)
        return None if who is None else await self._limiter().ahit(who, self.cost)

    def refusal(self, request: Any, place: str, decision: Decision | None) -> HttpResponse | None:
        """Make the answer to a request that is refused; None where it may pass."""
        if decision is None or decision.allowed:
            return None
        if self.shadow:
            logger.info("%s would be refused, by %s", place, ", ".join(decision.violated))
            return None
        answer = self.telling.refusal(decision, request.META.get("HTTP_ACCEPT"))
        return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))

    def tell(self, response: Any, decision: Decision | None) -> Any:
        """Write how things stand into an answer of the view."""
        if decision is None or self.shadow or not isinstance(response, HttpResponseBase):
            # Django says it better when a view returns something else.
            return response
        for name, value in self.telling.lines(decision):
            before = response.headers.get(name) if name in LISTS else None
            response.headers[name] = value if before is None else f"{before}, {value}"
        return response

    def _limiter(self) -> RateLimiter:
        return self._limiters.on(client_behind(self.cache))
