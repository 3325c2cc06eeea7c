"""
Where the answer to a request is kept: its key, and what that tells apart.

Addresses are remembered. A hit asks nothing that was not asked before, and to make the key anew takes longer than all
the rest of it: Django parses the query (11 µs), and compares the host with ``ALLOWED_HOSTS`` (4 µs).
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.core.signals import setting_changed
from django.http import HttpRequest, QueryDict

from hitrate.django.aliases import client_behind
from hitrate.django.responses.active import active
from hitrate.django.responses.identity import EVERYBODY, identity
from hitrate.django.responses.options import Options
from hitrate.exceptions import ConfigError
from hitrate.http import EnvironHeaders, Representation, Vary, canonical_query
from hitrate.http.fields import environ_key
from hitrate.http.text import bounded, escaped
from hitrate.lease import Place

# What ends the key of an entry in our own form; no parameter can write it, for a colon within a part is escaped.
SUFFIX = "h1"

Seen: TypeAlias = tuple[Any, ...]
"""All of a request that its address depends on, as it came."""

# More than most processes are asked for again and again. Beyond it all are forgotten: clients can invent queries.
MOST = 4096
# All that was seen, written out. Whoever sends more has his address made each time.
MOST_CHARS = 2048
# A project's own classes may find host and query elsewhere.
_USUAL_REQUESTS = frozenset({WSGIRequest, ASGIRequest})
# Of these, equal ones have equal texts.
_USUAL_ARGUMENTS = frozenset({str, int, uuid.UUID})

# Without tags where a function of the request names them.
_known: dict[Seen, Place] = {}
# Whether a proxy's headers are trusted. To ask Django's settings takes 0.3 µs each.
_is_behind_proxy: list[bool] = []


class Addresses:
    """
    The addresses of the answers of one view.

    Attributes:
        is_early: they are given before REST framework's own work.
    """

    def __init__(self, options: Options, view: Callable[..., Any], early: type | None = None) -> None:
        """
        Args:
            options: of the view.
            view: the function that answers.
            early: the class of the view, where REST framework has not made one yet.
        """
        self._options, self._view, self._early = options, view, early
        self.is_early = early is not None
        self._is_for_everybody = options.shared and options.aspects is None

    def of(
        self,
        asker: Any,
        request: HttpRequest,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        vary: Vary,
    ) -> Place:
        """
        Find where the answer to a request is, if it varies on no more than this.

        Args:
            asker: what the view gets: Django's request, or REST framework's around it.
            request: Django's.
            args: positional arguments of the view after the request.
            kwargs: its arguments by name, those of the URL.
            vary: headers that answers of this view are known to vary on, beyond those that name the user.

        Raises:
            DisallowedHost: ``ALLOWED_HOSTS`` has not the host that was asked.
            ImproperlyConfigured: the alias is of another backend.
            ConfigError: the prefix or a tag names an argument that the URL does not have.
        """
        options, meta, own = self._options, request.META, vars(request)
        renderer = version = None
        # Two classes may inherit one method.
        owner = self._early
        if asker is not request:
            # Asked for otherwise, what is missing is looked for in Django's request, at ten times the price.
            of_rest = vars(asker)
            renderer, version = of_rest.get("accepted_renderer"), of_rest.get("version")
            view = (of_rest.get("parser_context") or {}).get("view")
            owner = None if view is None else type(view)
        chosen = (
            EVERYBODY if self._is_for_everybody else identity(asker, options.aspects, shared=options.shared),
            # A pattern may match more than it hands to the view.
            request.path_info,
            owner,
            # With its parameters (indent, version), which renderers heed.
            None if renderer is None else f"{asker.accepted_media_type} {renderer.format}",
            *active(),
            meta.get("SCRIPT_NAME") or None,
            None if version is None else str(version),
        )
        given = (args, *kwargs.items()) if args or kwargs else None
        if type(request) not in _USUAL_REQUESTS or "get_host" in own or (given and not _are_usual(args, kwargs)):
            return self._make(chosen, request, args, kwargs, vary)
        seen = (
            self,
            *chosen,
            _origin(request),
            # Once it is parsed, a middleware may have changed it or put another one in its place.
            (_query(request.GET, options.params),) if "GET" in own else meta.get("QUERY_STRING"),
            request.encoding,
            given,
            (vary.names, *[meta.get(environ_key(name)) for name in vary.names]) if vary.names else None,
        )
        found = _known.get(seen)
        if found is None:
            found = self._make(chosen, request, args, kwargs, vary)
            _remember(seen, found)
        return found

    def _make(
        self,
        chosen: Seen,
        request: HttpRequest,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        vary: Vary,
    ) -> Place:
        who, path, owner, media_type, language, timezone, root, version = chosen
        form = Representation(
            media_type=media_type,
            language=language,
            timezone=timezone,
            scheme=request.scheme,
            host=request.get_host(),
            root=root,
            version=version,
        )
        view, options = self._view, self._options
        # Two views may share a prefix and a name.
        names = [view.__module__, view.__qualname__, *([] if owner is None else [owner.__module__, owner.__qualname__])]
        base = ":".join(
            (
                _prefix(options.key_prefix, kwargs),
                view.__name__,
                _url_arguments(args, kwargs),
                _query(request.GET, options.params),
                _digest(path, *names),
            )
        )
        key = f"{base}&{form.text(EnvironHeaders(request.META), vary)}:{who}:{SUFFIX}"
        return Place(client_behind(options.cache), key, _tags(options.tags, kwargs))


def _origin(request: HttpRequest) -> Seen:
    """All that Django may find scheme and host in."""
    meta = request.META
    host, scheme = meta.get("HTTP_HOST"), meta.get("wsgi.url_scheme")
    if host is not None and scheme is not None and not (_is_behind_proxy or _look_for_proxy())[0]:
        return host, scheme
    forwarded = meta.get("HTTP_X_FORWARDED_HOST"), meta.get("HTTP_X_FORWARDED_PORT")
    return host, request.scheme, *forwarded, meta.get("SERVER_NAME"), meta.get("SERVER_PORT")


def _look_for_proxy() -> list[bool]:
    trusted = settings.USE_X_FORWARDED_HOST, settings.USE_X_FORWARDED_PORT, settings.SECURE_PROXY_SSL_HEADER
    _is_behind_proxy.append(any(trusted))
    return _is_behind_proxy


def _are_usual(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    return _USUAL_ARGUMENTS.issuperset(map(type, (*args, *kwargs.values())))


def _prefix(declared: str, kwargs: Mapping[str, Any]) -> str:
    if "{" not in declared:
        return declared
    return _filled(declared, {name: escaped(str(value)) for name, value in kwargs.items()})


def _url_arguments(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    parts = [escaped(str(value)) for value in args]
    parts += [f"{escaped(name)}={escaped(str(value))}" for name, value in sorted(kwargs.items())]
    return bounded("&".join(parts))


def _query(query: QueryDict, params: frozenset[str] | None) -> str:
    if not query:
        return ""
    return canonical_query([(name, str(value)) for name, values in query.lists() for value in values], params)


def _digest(*names: str) -> str:
    # 80 bits, for clients choose the path: nobody finds one with the digest of another view, or of another path.
    found = hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(found[:10]).decode("ascii").lower()


def _tags(declared: Any, kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    if callable(declared):
        return ()
    return tuple([_filled(tag, kwargs) if "{" in tag else tag for tag in declared])


def _filled(template: str, kwargs: Mapping[str, Any]) -> str:
    try:
        return template.format_map(kwargs)
    except KeyError as error:
        known = ", ".join(map(repr, kwargs)) or "none"
        raise ConfigError(
            f"'{template[:100]}' names {error}, which is no argument of the URL; it has {known}"
        ) from error


def _remember(seen: Seen, place: Place) -> None:
    if len(repr(seen)) > MOST_CHARS:
        return
    if len(_known) >= MOST:
        _known.clear()
    _known[seen] = place


def forget(**_: Any) -> None:
    """Forget all: any setting may bear on it. They change in tests only."""
    _known.clear()
    _is_behind_proxy.clear()


setting_changed.connect(forget, dispatch_uid="hitrate.django.responses.address")
