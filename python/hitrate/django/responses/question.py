"""A request to a cached view: what it asks, where the answer is, and what a view is shown of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.urls import ResolverMatch

from hitrate.django.invalidation import bypasses
from hitrate.django.responses.address import Addresses
from hitrate.django.responses.identity import is_known, user_of
from hitrate.django.responses.options import Options
from hitrate.django.responses.rest import is_of_rest
from hitrate.http import EnvironHeaders, Request
from hitrate.responses import Exchange, Learned, Numbers

_BY_STRANGER = frozenset({"authorization"})


class Question(Exchange[HttpResponseBase]):
    """
    What one request asks.

    Attributes:
        declared: the options of the view.
        request: Django's.
        asker: what the view gets: Django's request, or REST framework's around it.
        url_arguments: those by name.
        is_stranger: nobody was authenticated when the key was made, though the answer is the user's: what else tells
            askers apart is unknown.
        session_was_read: by the view.
    """

    __slots__ = ("asker", "is_stranger", "request", "session_was_read", "url_arguments")

    declared: Options

    def __init__(
        self,
        options: Options,
        addresses: Addresses,
        asker: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        learned: Learned,
        numbers: Numbers,
    ) -> None:
        """
        Args:
            options: of the view.
            addresses: of the view's answers.
            asker: see above.
            args: positional arguments of the view after the request.
            kwargs: its arguments by name, those of the URL.
            learned: what its answers vary on.
            numbers: of the view.
        """
        request: HttpRequest = getattr(asker, "_request", asker)
        meta = request.META
        # One look at all of them, for nearly every request has none.
        is_plain = (
            request.method == "GET" and meta.keys().isdisjoint(options.concerns) and not meta.get("CONTENT_LENGTH")
        )
        super().__init__(options, learned, numbers, is_plain=is_plain)
        self.asker, self.request, self.url_arguments = asker, request, kwargs
        self.session_was_read = False
        self.is_stranger = not options.shared and options.by_user and not is_known(user_of(asker))
        self.place = addresses.of(asker, request, args, kwargs, self._vary)
        if callable(options.tags):
            self.place = self.place._replace(tags=self.bounded(options.tags(asker, **kwargs)))
        if not is_plain:
            self.consider()
        if self.passes is None:
            self.passes = self._own_way(is_early=addresses.is_early)

    def _own_way(self, *, is_early: bool) -> str | None:
        """Why it goes past the cache for a reason that HTTP does not know."""
        if self.is_stranger and "HTTP_AUTHORIZATION" in self.request.META:
            return "authorization"
        if self.asker is self.request and not is_early and _is_of_rest(self.request.resolver_match):
            # A decorator around `dispatch()`: nobody has been authenticated, permitted or counted yet.
            return "before-rest-framework"
        return "transaction" if bypasses(self.place.key, self.place.tags) else None

    def _asked(self) -> Request:
        is_staff = self.declared.policy.clients == "staff" and bool(getattr(user_of(self.asker), "is_staff", False))
        return Request(self.request.method or "", EnvironHeaders(self.request.META), is_staff)

    def covered(self) -> frozenset[str]:
        """Headers that other parts of the key stand for."""
        if self.declared.shared:
            return frozenset()
        return _BY_STRANGER if self.is_stranger else self.declared.covered

    @contextmanager
    def narrowed(self) -> Iterator[None]:
        """
        Show the view the declared parameters only.

        Else the links that it writes would bring one caller's other parameters to the next one.
        """
        params = self.declared.params
        request = self.request
        if params is None or not (request.GET.keys() - params):
            yield
            return
        whole, text = request.GET, request.META.get("QUERY_STRING", "")
        kept = whole.copy()
        for name in whole.keys() - params:
            del kept[name]
        shown = kept.urlencode()
        request.GET, request.META["QUERY_STRING"] = QueryDict(shown, encoding=request.encoding), shown
        try:
            yield
        finally:
            request.GET, request.META["QUERY_STRING"] = whole, text


def _is_of_rest(match: ResolverMatch | None) -> bool:
    return match is not None and is_of_rest(match.func)
