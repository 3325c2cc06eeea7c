"""A cached view: what is declared about it, and how it is asked, in threads and in event loops."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from asgiref.sync import sync_to_async
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpResponseBase

from hitrate._native import Lease
from hitrate.django.responses.address import Addresses
from hitrate.django.responses.identity import load_user, tell_users_apart
from hitrate.django.responses.options import Options
from hitrate.django.responses.originals import Originals
from hitrate.django.responses.rendering import is_unrendered, rendered
from hitrate.django.responses.visit import Visit
from hitrate.exceptions import ServerError
from hitrate.http import Vary
from hitrate.http.facts import READS
from hitrate.lease import Made
from hitrate.responses import Learned, answer, numbers_of
from hitrate.responses.tasks import aanswer

_ANSWERS = (Http404, PermissionDenied, SuspiciousOperation, BadRequest)


def is_failure(error: Exception) -> bool:
    """Whether the view failed; else what it raised is its answer (not found, not allowed, not valid)."""
    return not isinstance(error, _ANSWERS) and getattr(error, "status_code", 500) >= 500


class CachedView:
    """
    A view function whose answers are kept.

    Attributes:
        options: what was declared.
        function: the view as it was written.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        options: Options,
        *,
        varies_on: Sequence[str] = (),
        early: type | None = None,
    ) -> None:
        """
        Args:
            function: see above.
            options: see above.
            varies_on: headers that its answers are known to vary on from the beginning.
            early: the class of the view, if it is asked before REST framework's own work.
        """
        self.options, self.function = options, function
        self._addresses = Addresses(options, function, early)
        self._learned = Learned(Vary.of(varies_on))
        self._numbers = numbers_of(f"{function.__module__}.{function.__qualname__}")
        original = options.original
        self._begin = Visit if original is None else Originals(function, options, original).visit

    def answer(
        self, asker: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], call: Callable[[], HttpResponseBase]
    ) -> HttpResponseBase:
        """
        Answer a request from the cache, or by running the view.

        Args:
            asker: the request that the view gets.
            args: positional arguments of the view after the request.
            kwargs: its other arguments.
            call: runs it.
        """
        if getattr(asker, "_request", asker).method not in READS or not self.options.enabled():
            return call()
        try:
            visit = self._visit(asker, args, kwargs)
        except ServerError:
            # Who asks is not known without his session, which is on a server that is away. The view may do without it.
            return call()

        def passing() -> HttpResponseBase:
            with visit.view_runs():
                return visit.passed(call())

        def make(lease: Lease | None) -> Made[HttpResponseBase]:
            with visit.view_runs():
                response = rendered(call(), asker)
            kept = visit.judge(response)
            return visit.made(response, was_stored=kept is not None and visit.place.keep_response(lease, *kept))

        return answer(visit, passing, make, is_failure)

    async def aanswer(
        self,
        asker: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        call: Callable[[], Awaitable[HttpResponseBase]],
    ) -> HttpResponseBase:
        """Answer a request from the cache, or by awaiting the view, as `answer` does."""
        if getattr(asker, "_request", asker).method not in READS or not self.options.enabled():
            return await call()
        try:
            visit = await self._avisit(asker, args, kwargs)
        except ServerError:
            # As above.
            return await call()

        async def passing() -> HttpResponseBase:
            with visit.view_runs():
                return visit.passed(await call())

        async def make(lease: Lease | None) -> Made[HttpResponseBase]:
            with visit.view_runs():
                response = await call()
                if is_unrendered(response):
                    response = await sync_to_async(rendered)(response, asker)
            kept = visit.judge(response)
            return visit.made(response, was_stored=kept is not None and await visit.place.akeep_response(lease, *kept))

        return await aanswer(visit, passing, make, is_failure)

    def _visit(self, asker: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Visit:
        return self._begin(self.options, self._addresses, asker, args, kwargs, self._learned, self._numbers)

    async def _avisit(self, asker: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Visit:
        options = self.options
        tells_users = options.by_user and (options.aspects is not None or not options.shared)
        # Of an answer for everybody a hit would cost two queries for a user whom nobody asks for.
        if tells_users or options.policy.clients == "staff":
            # `request.user` would read the database in the event loop.
            is_certain = await load_user(asker)
            if tells_users and not is_certain:
                await tell_users_apart(asker)
        if options.aspects is None and not callable(options.tags):
            return self._visit(asker, args, kwargs)
        # The project's own functions may ask the database.
        return await sync_to_async(self._visit)(asker, args, kwargs)


def is_async(function: Callable[..., Any]) -> bool:
    """Whether a view is to be awaited."""
    return inspect.iscoroutinefunction(function)
