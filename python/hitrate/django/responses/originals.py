"""
Answers in the form of the original's code, beside old workers: under its key, as its data.

What the original's key does not tell apart (languages, hosts, headers, renderers) is kept in our own form, under our
own key, as ever: a request that differs from the site's defaults goes there, and so does a view one of whose answers
did not fit. See "Beside old workers" in docs/features/layouts.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.timezone import get_current_timezone_name
from django.utils.translation import get_language, get_supported_language_variant

from hitrate.django.invalidation import bypasses
from hitrate.django.responses.address import Addresses
from hitrate.django.responses.options import Options
from hitrate.django.responses.original import Original, claim
from hitrate.django.responses.rendering import rendered
from hitrate.django.responses.visit import Visit
from hitrate.http import Headers, kept_headers
from hitrate.http.text import escaped
from hitrate.lease import OriginalPlace, Rebuilt

# The original's keys are as long as the query is.
MAX_KEY_CHARS = 250

_ADDRESS = re.compile(rb"""https?:\\?/\\?/[^/\\"'<>\s]+""", re.IGNORECASE)
# What views answer when they fail, which the original keeps and serves as a success.
_EXCUSES = ({"detail"}, {"error"})


class Originals:
    """
    Begins visits to a view whose answers old code reads.

    Attributes:
        has_given_up: one of its answers was of a kind that the original's form cannot hold, or its key not tell apart:
            since then, this process keeps them in our own form.
    """

    def __init__(self, function: Callable[..., Any], options: Options, original: Original) -> None:
        claim(options.cache, original.family(function.__name__), function)
        self.original = original
        self.has_given_up = False
        self._function = function

    def visit(
        self,
        options: Options,
        addresses: Addresses,
        asker: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *of: Any,
    ) -> Visit:
        """Begin a visit, as `Visit` does, by the original's key if this request may use it."""
        key = None if self.has_given_up or args else self._key(options, asker, kwargs)
        if key is None:
            return Visit(options, addresses, asker, args, kwargs, *of)
        return OriginalVisit(self, key, options, addresses, asker, args, kwargs, *of)

    def _key(self, options: Options, asker: Any, kwargs: Mapping[str, Any]) -> str | None:
        request: HttpRequest = getattr(asker, "_request", asker)
        renderer = getattr(asker, "accepted_renderer", None)
        if getattr(renderer, "format", None) != "json" or not _is_own_method(asker, self._function):
            return None
        if not _has_site_defaults(request):
            return None
        url = {name: str(value) for name, value in kwargs.items()}
        query = request.GET
        if any(not value or escaped(value) != value for value in url.values()):
            # It could spell another entry's key.
            return None
        if options.params is not None and query.keys() - options.params:
            return None
        key = self.original.key(self._function.__name__, url, query)
        return key if key is not None and len(key) <= MAX_KEY_CHARS else None


class OriginalVisit(Visit):
    """One request that may be answered with what old code keeps, and whose answer old code may be given."""

    def __init__(self, originals: Originals, key: str, *question: Any) -> None:
        super().__init__(*question)
        self._originals = originals
        self.place: Any = OriginalPlace(self.place.client, key, self.place, self._rebuild, self._give_up)
        if self.passes is None and bypasses(key):
            self.passes = "transaction"

    def judge(self, response: HttpResponseBase) -> Any:
        """Judge the view's answer as ever, and whether the original's form can hold it."""
        own_headers = {name.lower() for name in response.headers} - {"content-type"}
        kept = super().judge(response)
        if kept is None:
            return None
        if kept[1]["older_by"] > 0:
            # Old code leaves no note of what it forgets, so that nothing proves that this is not outdated.
            self._reason = "snapshot"
            return None
        value = None if own_headers else self._value(response)
        if value is None:
            self._give_up()
            return None
        # To the second, as the original has it, for the age of an answer is told from what is left.
        return value, self.declared.policy.ttl

    def _give_up(self) -> None:
        self._reason = "not-original"
        self._originals.has_given_up = True

    def _value(self, response: Any) -> Any:
        """What to store: data that will be rendered into the very bytes of this answer. None where there is none."""
        original, data = self._originals.original, getattr(response, "data", None)
        if data is None or _names_other_hosts(response.content, self.request) or _is_excuse(data):
            return None
        try:
            value = original.write(data)
            is_same = self._rendered(original.read(value)).content == response.content
        except (TypeError, ValueError):
            return None
        return value if is_same else None

    def _rendered(self, data: Any) -> Any:
        from rest_framework.response import Response

        return rendered(Response(data), self.asker)

    def _rebuild(self, value: Any, left: float) -> Rebuilt | None:
        """Make an answer from what old code, or one of ours, stored."""
        try:
            data = self._originals.original.read(value)
        except (TypeError, ValueError):
            return None
        if data is None or _is_excuse(data):
            return None
        response = self._rendered(data)
        body: bytes = response.content
        if _names_other_hosts(body, self.request):
            self._originals.has_given_up = True
            return None
        self._mark(response, body, Headers(response.items()))
        age = max(0.0, self.declared.policy.ttl - left)
        return Rebuilt(200, tuple(kept_headers(response.items())), body, age, left)


def _is_own_method(asker: Any, function: Callable[..., Any]) -> bool:
    """Whether no other class can have inherited the view: its answers would have the same key."""
    view = type(asker.parser_context["view"])
    name = function.__name__
    return function.__qualname__ in {name, f"{view.__qualname__}.{name}"}


def _has_site_defaults(request: Any) -> bool:
    """Whether language, time zone and mounting are those that every request has unless somebody chose others."""
    if settings.USE_I18N and get_language() not in _site_languages(settings.LANGUAGE_CODE):
        return False
    if settings.USE_TZ and get_current_timezone_name() != settings.TIME_ZONE:
        return False
    return not request.META.get("SCRIPT_NAME")


@lru_cache(maxsize=16)
def _site_languages(code: str) -> tuple[str, str]:
    """What is active where nobody chose a language: as it is set, and as `LocaleMiddleware` spells it."""
    return code, get_supported_language_variant(code)


def _names_other_hosts(body: bytes, request: HttpRequest) -> bool:
    """Whether an answer holds addresses of another host or scheme: that of whoever asked before, for all we know."""
    own = f"{request.scheme}://{request.get_host()}".encode().lower()
    return any(found.replace(b"\\", b"").lower() != own for found in _ADDRESS.findall(body))


def _is_excuse(data: Any) -> bool:
    return isinstance(data, dict) and data.keys() in _EXCUSES
