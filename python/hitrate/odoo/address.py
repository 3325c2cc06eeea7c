"""Whose request it is."""

from __future__ import annotations

from typing import Any

from hitrate import http

# One customer has that many bits of IPv6, and can use any address behind them.
NETWORK = 64


def client_address(httprequest: Any, *, ipv6_prefix: int = 128) -> str | None:
    """
    Tell the address of the client of a request: what a proxy says only where Odoo was told that there is one.

    With ``proxy_mode`` Odoo has read ``X-Forwarded-For`` itself, and only its last part, which the proxy wrote.
    Without, headers are what anybody may write.

    Args:
        httprequest: ``request.httprequest`` of Odoo.
        ipv6_prefix: bits that are kept of an IPv6 address; 64 is what one customer has, and so what a limit is about.

    Returns:
        The address; None where the peer has none.
    """
    address: str | None = httprequest.remote_addr
    if not address or ipv6_prefix == 128:
        return address or None
    return http.client_address({"REMOTE_ADDR": address}, ipv6_prefix=ipv6_prefix)
