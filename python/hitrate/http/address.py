"""Whose request it is: the client's address behind proxies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal, Protocol, TypeAlias

from hitrate._native import Proxies
from hitrate.exceptions import ConfigError
from hitrate.http.fields import EnvironHeaders, Headers

ForwardedHeader: TypeAlias = Literal["forwarded", "x-forwarded-for"]
"""The header that the trusted proxies write."""

AddressLayout: TypeAlias = Literal["nalar", "quelyos_api", "quelyos_api_views", "quelyos_ecommerce"]
"""How the limiters of a known system found the address."""


class _Fields(Protocol):
    def get(self, name: str, /) -> Any: ...


def client_address(
    environ_or_headers: Mapping[str, Any] | Headers,
    trusted: Iterable[str] = (),
    *,
    peer: str | None = None,
    header: ForwardedHeader | None = None,
    ipv6_prefix: int = 128,
    layout: AddressLayout | None = None,
) -> str | None:
    """
    Find the address of the client, and never one that he chose himself.

    The headers are read from the right, where trusted proxies wrote, up to the first address that is no proxy's. What a
    hop hides, or what cannot be read, is not guessed: then it is the last address that is certain, that of a proxy. No
    request makes it raise.

    Args:
        environ_or_headers: the ``environ`` of WSGI or Django's ``request.META``, which are plain dicts, or the headers
            of a request.
        trusted: networks of the proxies that are believed, ``"10.0.0.0/8"``, and ``"unix"`` for whoever connects to a
            Unix socket. Without any, or when the peer is none of them, the headers are not looked at.
        peer: the address of whoever connected, for headers; the environ has it in ``REMOTE_ADDR``, and is given
            without. Headers without a peer are those of a Unix socket, and headers in a plain dict need one: without,
            the dict is an environ.
        header: the one that the proxies write; the other one is not looked at. By default both are, and must agree as
            far as both go: a proxy that writes one of them hands on what the client wrote into the other.
        ipv6_prefix: bits that are kept of an IPv6 address; 64 is what one customer has. IPv4 is kept whole.
        layout: the reading of a known system instead, which believes everybody: ``"nalar"`` (REST framework without
            ``NUM_PROXIES``), ``"quelyos_api"`` (its limiter), ``"quelyos_api_views"`` (its view counter),
            ``"quelyos_ecommerce"``.

    Returns:
        The address without port, an IPv4-mapped one as IPv4; None where even the peer has none.

    Raises:
        ConfigError: `trusted` holds no network, `ipv6_prefix` is no length, `header` or `layout` is unknown.
    """
    fields, connected = _facts(environ_or_headers, peer)
    if layout is not None:
        return _reading(layout)(fields, connected)
    found, bits = proxies(trusted), _bits(ipv6_prefix)
    forwarded, plain = _value(fields, "forwarded"), _value(fields, "x-forwarded-for")
    return found.client(connected, forwarded, plain, header=header, ipv6_prefix=bits)


def _bits(given: Any) -> int:
    if type(given) is not int or not 0 <= given <= 128:
        raise ConfigError(f"'ipv6_prefix' must be an int from 0 to 128, in bits, not {given!r:.100}")
    return given


def proxies(trusted: Iterable[str]) -> Proxies:
    """
    Read networks of trusted proxies.

    Raises:
        ConfigError: one of them is none.
    """
    networks = (trusted,) if isinstance(trusted, str) else tuple(trusted)
    if not all(isinstance(network, str) for network in networks):
        raise ConfigError(f"trusted proxies cannot be {networks!r:.100}; use texts such as '10.0.0.0/8'")
    return _proxies(networks)


@lru_cache(maxsize=64)
def _proxies(networks: tuple[str, ...]) -> Proxies:
    return Proxies(list(networks))


def _facts(given: Mapping[str, Any] | Headers, peer: str | None) -> tuple[_Fields, str | None]:
    """
    Return the headers by names in lower case, and the address of the peer.

    Which of the two kinds was given is never told by the names in it: a client can send headers of every name.
    """
    if isinstance(given, Headers):
        return given, peer
    # PEP 3333: an environ is a builtin dict. Those who give headers say who the peer is.
    if type(given) is dict and peer is None:
        connected = given.get("REMOTE_ADDR")
        return EnvironHeaders(given), connected if isinstance(connected, str) else None
    return Headers([(name, value) for name, value in given.items() if isinstance(value, (str, bytes))]), peer


def _value(fields: _Fields, name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) else None


def _reading(layout: str) -> Callable[[_Fields, str | None], str | None]:
    found = _READINGS.get(layout)
    if found is None:
        raise ConfigError(f"unknown layout {layout!r:.100}; use {', '.join(map(repr, sorted(_READINGS)))}")
    return found


def _first(fields: _Fields) -> str:
    return (_value(fields, "x-forwarded-for") or "").partition(",")[0]


def _nalar(fields: _Fields, peer: str | None) -> str | None:
    whole = _value(fields, "x-forwarded-for")
    return "".join(whole.split()) if whole else peer


def _quelyos_api(fields: _Fields, peer: str | None) -> str | None:
    return _first(fields).strip() or peer or "unknown"


def _quelyos_api_views(fields: _Fields, peer: str | None) -> str | None:
    # The part is not stripped, and an empty one counts as missing.
    return _value(fields, "x-real-ip") or _first(fields) or peer or None


def _quelyos_ecommerce(_fields: _Fields, peer: str | None) -> str | None:
    return peer


_READINGS: Mapping[str, Callable[[_Fields, str | None], str | None]] = {
    "nalar": _nalar,
    "quelyos_api": _quelyos_api,
    "quelyos_api_views": _quelyos_api_views,
    "quelyos_ecommerce": _quelyos_ecommerce,
}
