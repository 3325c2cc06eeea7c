"""A cache's entry in ``settings.CACHES`` → URL and options of `hitrate.Cache`, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from django.conf import settings

from hitrate import urls
from hitrate.config import Local
from hitrate.django.foreign import FACTORIES, FOREIGN, SERIALIZERS, Meaning, Rule, means, only, serializer
from hitrate.django.problems import Problem
from hitrate.django.sessions import CACHE_ENGINE_PREFIX
from hitrate.exceptions import ConfigError

# Above this, a hung server costs every process more than a visitor waits for.
LONG_TIMEOUT = 2.0

# An empty text among these is a variable that was not set, and must not take protection away in silence.
PROTECTING = {"SIGNING_KEYS", "UNPICKLE"}

# Our own OPTIONS; each is the native option of the same name in small letters.
OWN: Mapping[str, Rule] = {
    name: means(name.lower(), silent=(None,) if name in PROTECTING else (None, ""))
    for name in (
        "ACCEPT_UNSIGNED",
        "BULK_TIMEOUT",
        "CLIENT_NAME",
        "COMPRESS_LEVEL",
        "COMPRESS_MIN_BYTES",
        "CRITICAL",
        "IDLE_TIMEOUT",
        "JSON_ASCII",
        "JSON_DEFAULT",
        "JSON_ENVELOPE",
        "JOURNAL_MAX_KEYS",
        "MAX_BYTES",
        "MAX_CONNECTIONS",
        "MAX_REPLY_BYTES",
        "MAX_VALUE_BYTES",
        "ON_ERROR",
        "PICKLE_PROTOCOL",
        "PROTOCOL",
        "SIGNING_KEYS",
        "STAGED_WAIT",
        "TIMEOUT",
        "TLS_CA_FILE",
        "TLS_CERT_FILE",
        "TLS_KEY_FILE",
        "TLS_SERVER_NAME",
        "TLS_VERIFY",
        "UNPICKLE",
        "UNPICKLE_GLOBALS",
    )
}


@dataclass(frozen=True)
class CacheConfig:
    """
    What `hitrate.Cache` is made from.

    Attributes:
        url: of the server; may hold a password.
        options: keyword arguments of `hitrate.Cache`.
        problems: what is wrong; with an error among them the cache cannot be used.
    """

    url: str
    options: dict[str, Any]
    problems: tuple[Problem, ...]

    def require_valid(self) -> None:
        """Raise `ConfigError` with every error among the problems."""
        errors = [f"{problem.text}; {problem.hint}" for problem in self.problems if problem.is_error]
        if errors:
            raise ConfigError(f"the settings of this cache cannot be used: {'. '.join(errors)}")


def read(location: Any, params: Mapping[str, Any]) -> CacheConfig:
    """
    Read a cache's settings.

    Args:
        location: ``LOCATION``: the URL of one server.
        params: the other settings of the cache, as Django hands them to a backend.
    """
    url, problems = _url(location)
    options: dict[str, Any] = {}
    for meaning in _meanings(params.get("OPTIONS") or {}):
        if isinstance(meaning, Problem):
            problems.append(meaning)
        else:
            options[meaning[0]] = meaning[1]
    for name in _in_url(url) & options.keys():
        # As with redis-py, which both other backends ask: what the URL says wins.
        del options[name]
    problems += _dangers(url, options)
    return CacheConfig(url, {**_defaults(params), **options, "critical": _critical(options)}, tuple(problems))


def _url(location: Any) -> tuple[str, list[Problem]]:
    """Take the only URL out of the forms that Django and django-redis allow for one server or several."""
    if isinstance(location, str):
        # A comma or semicolon may stand in a password, so it ends a URL only where the next one begins.
        urls: Sequence[Any] = re.split(r"[;,]\s*(?=[a-z+]+://)", location.strip())
    else:
        urls = list(location) if isinstance(location, (list, tuple, set)) else [location]
    if len(urls) > 1:
        hint = "name the primary alone, or an address that leads to it; reading from replicas is not in this release"
        return "", [Problem("E002", f"LOCATION names {len(urls)} servers, and one is supported", hint)]
    if not urls or not urls[0] or not isinstance(urls[0], str):
        return "", [Problem("E001", "LOCATION names no server", "write for example 'redis://localhost:6379/1'")]
    return urls[0], []


def _meanings(given: Mapping[str, Any]) -> Iterator[Meaning]:
    """Say what each of the OPTIONS means, django-redis's and redis-py's names first, so that our own win."""
    ignore = getattr(settings, "DJANGO_REDIS_IGNORE_EXCEPTIONS", None)
    if ignore is not None:
        yield from FOREIGN["IGNORE_EXCEPTIONS"]("DJANGO_REDIS_IGNORE_EXCEPTIONS", ignore)
    factory = getattr(settings, "DJANGO_REDIS_CONNECTION_FACTORY", None)
    if factory is not None:
        yield from only(FACTORIES, "E004", "remove this setting")("DJANGO_REDIS_CONNECTION_FACTORY", factory)
    for name in sorted(given, key=lambda name: (name in OWN, str(name))):
        rule = OWN.get(name) or FOREIGN.get(name)
        if name == "LOCAL":
            yield from _local(given[name])
        elif name in SERIALIZERS:
            yield from serializer(name, given[name], given)
        elif rule is None:
            yield Problem.unknown(name, name, [*OWN, *FOREIGN, *SERIALIZERS])
        else:
            yield from rule(name, given[name])


def _local(given: Any) -> Iterator[Meaning]:
    """Read what is said of the local cache: True, or what of it is not as by default."""
    if not isinstance(given, Mapping):
        yield "local", given
        return
    known = [field.upper() for field in Local.__dataclass_fields__]
    for name in sorted(given.keys() - set(known), key=str):
        yield Problem.unknown(f"LOCAL[{name!r}]", name, known)
    yield "local", Local(**{name.lower(): given[name] for name in known if name in given})


def _defaults(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the backend says to the client whatever the OPTIONS are."""
    return {
        "layout": "django",
        "prefix": params.get("KEY_PREFIX") or "",
        "version": params.get("VERSION", 1),
        "serializer": "pickle",
    }


def _critical(options: Mapping[str, Any]) -> tuple[str, ...]:
    """
    Return the beginnings of keys whose reads must not miss: sessions always, and what the project adds.

    The prefix of one session engine begins with that of the other, so this one covers both.
    """
    given = options.get("critical", ())
    return (CACHE_ENGINE_PREFIX, *((given,) if isinstance(given, str) else given))


def _in_url(url: str) -> set[str]:
    """Return which of the options the URL sets itself."""
    parts = _split(url)
    named = {
        "username": parts.username,
        "password": parts.password,
        "db": parts.scheme != "unix" and parts.path.strip("/"),
    }
    return {name for name, value in named.items() if value} | (parse_qs(parts.query).keys() & named.keys())


def _dangers(url: str, options: Mapping[str, Any]) -> Iterator[Problem]:
    """Find what works but should not stay so."""
    parts = _split(url)
    has_password = "password" in _in_url(url) or options.get("password")
    if has_password and parts.scheme in ("redis", "valkey") and not _is_loopback(parts.hostname):
        text = f"the password goes to '{parts.hostname}' unencrypted"
        hint = "use 'rediss://' and TLS on the server, or silence this if the network is yours alone"
        yield Problem("W001", text, hint)
    timeout = options.get("timeout")
    if isinstance(timeout, (int, float)) and timeout > LONG_TIMEOUT:
        text = f"a server that hangs is waited for {timeout} s ('SOCKET_TIMEOUT' or 'TIMEOUT' of OPTIONS)"
        yield Problem("W002", text, "remove it: 0.5 s is the default, and covers connecting, writing and reading")
    if not urls.is_verified(parts, options):
        text = "the server's certificate is not checked, so anybody between can read and change what is cached"
        yield Problem("W004", text, "give the certificate of its authority as 'TLS_CA_FILE' and remove 'ssl_cert_reqs'")
    if options.get("accept_unsigned"):
        text = "values without a signature are read, so whoever can write to the server needs none"
        yield Problem("W008", text, "remove 'ACCEPT_UNSIGNED' as soon as the values of before have expired")
    if options.get("serializer") == "json":
        text = "values are stored as JSON, which holds no dates, decimals or tuples"
        yield Problem("W006", text, "use pickle, the default, unless all values are plain")


def _split(url: str) -> SplitResult:
    """Take a URL apart; one that cannot be read is empty here, and refused by the client in its own words."""
    try:
        return urls.split(url)
    except ValueError:
        return urlsplit("")


def _is_loopback(host: str | None) -> bool:
    if host is None or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
