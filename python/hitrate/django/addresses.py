"""The address of a request's client, by the proxies that the settings name."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.core.signals import setting_changed

from hitrate.http import client_address
from hitrate.http.address import ForwardedHeader

TRUSTED = "HITRATE_TRUSTED_PROXIES"
HEADER = "HITRATE_FORWARDED_HEADER"
# One customer has that many bits of IPv6, and can use any address behind them.
IPV6_PREFIX = 64
# Stands for all clients of a Unix socket whose peer is not trusted: they cannot be told apart.
UNKNOWN = "unknown"

# What the settings say, once somebody asked. To ask for a setting that is not there takes 5 µs.
_said: list[tuple[tuple[str, ...], ForwardedHeader | None]] = []


def address_of(request: Any) -> str:
    """
    Tell whom a limit by address is about, without what a client could make up.

    Args:
        request: of Django or REST framework.

    Returns:
        The address; of IPv6 the network of 64 bits that it is in.

    Raises:
        ConfigError: ``HITRATE_TRUSTED_PROXIES`` or ``HITRATE_FORWARDED_HEADER`` cannot be meant.
    """
    trusted, header = _settings()
    return client_address(request.META, trusted, header=header, ipv6_prefix=IPV6_PREFIX) or UNKNOWN


def trusted_proxies() -> tuple[str, ...]:
    """The networks in ``HITRATE_TRUSTED_PROXIES``."""
    return _settings()[0]


def _settings() -> tuple[tuple[str, ...], ForwardedHeader | None]:
    if not _said:
        given = getattr(settings, TRUSTED, None) or ()
        networks = (given,) if isinstance(given, str) else tuple(given)
        header = str(getattr(settings, HEADER, None) or "").lower() or None
        # Whether it is one is told when it is used, and by the system check.
        _said.append((networks, cast("ForwardedHeader | None", header)))
    return _said[0]


def ask_again(*, setting: str, **_: Any) -> None:
    """Ask the settings once more; tests change them."""
    if setting in (TRUSTED, HEADER):
        _said.clear()


setting_changed.connect(ask_again, dispatch_uid="hitrate.django.addresses")
