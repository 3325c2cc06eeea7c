"""System checks of proxies: by some settings all clients have one address, by others each has any that he likes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.http import HttpRequest

from hitrate.django.addresses import HEADER, TRUSTED, address_of, trusted_proxies
from hitrate.django.limiting.gate import gates
from hitrate.exceptions import ConfigError

# Settings that make sense behind a proxy only.
_SIGNS = ("SECURE_PROXY_SSL_HEADER", "USE_X_FORWARDED_HOST", "USE_X_FORWARDED_PORT")
_THROTTLES = "hitrate.django.throttling"


@register(Tags.security)
def check_proxies(**_: Any) -> list[CheckMessage]:
    """Report settings by which all clients have one address, or each has any that he likes."""
    try:
        address_of(HttpRequest())
    except ConfigError as error:
        text, _separator, hint = str(error).partition("; ")
        return [Error(f"{TRUSTED} or {HEADER}: {text}.", hint=f"{hint}.", id="hitrate.E022")]
    return list(_everybody()) if trusted_proxies() else list(_one_for_all())


@register(Tags.security, deploy=True)
def check_throttles(**_: Any) -> list[CheckMessage]:
    """Report throttles that believe whatever a client says of his address (``manage.py check --deploy``)."""
    if trusted_proxies() or not _has_throttles() or _num_proxies() is not None:
        return []
    text = "Throttles believe the whole of X-Forwarded-For, so that a client who makes it up is never refused."
    hint = f"Say in {TRUSTED} which proxies are believed, or set REST framework's NUM_PROXIES."
    return [CheckWarning(text, hint=hint, id="hitrate.W011")]


def _one_for_all() -> Iterator[CheckMessage]:
    signs = [name for name in _SIGNS if getattr(settings, name, None)]
    limited = [
        kind
        for kind, is_there in (
            ("rate_limit", any(gate.subjects.has_addresses for gate in gates)),
            ("NUM_PROXIES = 0", _has_throttles() and _num_proxies() == 0),
        )
        if is_there
    ]
    if signs and limited:
        yield CheckWarning(
            f"{signs[0]} says that a proxy stands before this site, and {TRUSTED} names none: every client has the "
            f"proxy's address, and one of them uses up what {' and '.join(limited)} allows to all.",
            hint=f"Set {TRUSTED} to the proxy's network, for example ['10.0.0.0/8'], or to ['unix'] for a Unix socket.",
            id="hitrate.W009",
        )


def _everybody() -> Iterator[CheckMessage]:
    for network in trusted_proxies():
        if network != "unix" and ip_network(network).prefixlen == 0:
            yield CheckWarning(
                f"{TRUSTED} holds '{network}', so that everybody is believed and can have any address.",
                hint="Name the networks of your proxies alone.",
                id="hitrate.W010",
            )


def _has_throttles() -> bool:
    return _THROTTLES in sys.modules


def _num_proxies() -> int | None:
    from rest_framework.settings import api_settings

    return api_settings.NUM_PROXIES
