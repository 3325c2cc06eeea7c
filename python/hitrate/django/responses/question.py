"""A request to a cached view: what it asks, under which key the answer is, and what a view is shown of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, QueryDict
from django.utils.timezone import get_current_timezone_name
from django.utils.translation import get_language

from hitrate.django.responses.identity import identity, is_known, user_of
from hitrate.django.responses.options import Options
from hitrate.http import EnvironHeaders, Representation, Request, Vary, canonical_query
from hitrate.http.text import bounded, escaped

# What ends the key of an entry in our own form; no parameter can write it, for a colon within a part is escaped.
SUFFIX = "h1"

# Covered by other parts of the key: by the user, by the language, by the media type that was negotiated.
_BY_IDENTITY = frozenset({"cookie", "authorization"})
_BY_LANGUAGE = frozenset({"accept-language"})
_BY_NEGOTIATION = frozenset({"accept"})


class Question:
    """
    What one request asks.

    Attributes:
        request: Django's.
        asker: what the view gets: Django's request, or REST framework's around it.
        facts: for the rules of HTTP.
        base: the key without its variant.
        covered: headers that other parts of the key stand for.
        session_was_read: by the view.
    """

    __slots__ = (
        "_form",
        "_who",
        "asker",
        "base",
        "covered",
        "facts",
        "options",
        "request",
        "session_was_read",
        "url_arguments",
    )

    def __init__(
        self, options: Options, asker: Any, view: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        """
        Args:
            options: of the view.
            asker: see above.
            view: the function that answers.
            args: its positional arguments after the request.
            kwargs: its arguments by name, those of the URL.
        """
        request: HttpRequest = getattr(asker, "_request", asker)
        self.options, self.asker, self.request = options, asker, request
        self.url_arguments, self.session_was_read = kwargs, False
        policy = options.policy
        is_staff = policy.clients == "staff" and bool(getattr(user_of(asker), "is_staff", False))
        self.facts = Request(request.method or "", EnvironHeaders(request.META), is_staff)
        self._who = identity(asker, options.aspects, shared=options.shared)
        self._form, self.covered = _form(asker, request)
        if not options.shared:
            self.covered |= (
                _BY_IDENTITY if options.aspects or is_known(user_of(asker)) else frozenset({"authorization"})
            )
        names = _url_arguments(args, kwargs) if args or kwargs else ""
        query = canonical_query(_pairs(request.GET), options.params) if request.GET else ""
        self.base = f"{_prefix(options, kwargs)}:{view.__name__}:{names}:{query}:{_mounting(request, view)}"

    def key(self, vary: Vary) -> str:
        """
        Where the answer is, if it varies on no more than this.

        Args:
            vary: headers that answers of this view are known to vary on, beyond what is covered.
        """
        form = self._form.text(self.facts.headers, vary)
        return f"{self.base}{form}:{self._who}:{SUFFIX}"

    def tags(self) -> tuple[str, ...]:
        """The tags of the answer, with the URL's arguments in them."""
        declared = self.options.tags
        if callable(declared):
            return tuple(dict.fromkeys(map(str, declared(self.asker, **self.url_arguments))))
        if not self.url_arguments:
            return declared
        return tuple([tag.format_map(self.url_arguments) if "{" in tag else tag for tag in declared])

    @property
    def is_stranger(self) -> bool:
        """Nobody was authenticated, though the answer is the user's: what else tells askers apart is unknown."""
        options = self.options
        return not options.shared and options.aspects is None and not is_known(user_of(self.asker))

    @contextmanager
    def narrowed(self) -> Iterator[None]:
        """
        Show the view the declared parameters only.

        Else the links that it writes would bring one caller's other parameters to the next one.
        """
        params = self.options.params
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


def _pairs(query: QueryDict) -> Iterator[tuple[str, str]]:
    for name, values in query.lists():
        for value in values:
            yield name, str(value)


def _prefix(options: Options, kwargs: Mapping[str, Any]) -> str:
    declared = options.key_prefix
    if "{" not in declared:
        return declared
    return declared.format_map({name: escaped(str(value)) for name, value in kwargs.items()})


def _url_arguments(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    parts = [escaped(str(value)) for value in args]
    parts += [f"{escaped(name)}={escaped(str(value))}" for name, value in sorted(kwargs.items())]
    return bounded("&".join(parts))


def _mounting(request: HttpRequest, view: Callable[..., Any]) -> str:
    """Which view this is: two may share a prefix and a name, and one may be mounted at two places."""
    match = request.resolver_match
    return _digest(request.path_info if match is None else match.route, view.__module__, view.__qualname__)


# As many as there are views; paths are among them only where no URL was resolved, as in tests.
@lru_cache(maxsize=4096)
def _digest(*names: str) -> str:
    # Eight digits keep this project's own views apart; nobody else can choose their names.
    return hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass")).hexdigest()[:8] + "&"


def _form(asker: Any, request: HttpRequest) -> tuple[Representation, frozenset[str]]:
    """What was chosen for the request before the view runs, and which headers it was chosen by."""
    media_type, covered = None, frozenset[str]()
    renderer = getattr(asker, "accepted_renderer", None)
    if renderer is not None:
        # With its parameters (indent, version), which renderers heed.
        media_type, covered = f"{asker.accepted_media_type} {renderer.format}", _BY_NEGOTIATION
    language = None
    if settings.USE_I18N:
        language, covered = get_language(), covered | _BY_LANGUAGE
    form = Representation(
        media_type=media_type,
        language=language,
        timezone=get_current_timezone_name() if settings.USE_TZ else None,
        scheme=request.scheme,
        host=request.get_host(),
        root=request.META.get("SCRIPT_NAME") or None,
    )
    return form, covered
