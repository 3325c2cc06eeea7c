"""Whose request it is."""

from __future__ import annotations

from typing import Any


def client_address(httprequest: Any) -> str | None:
    """
    Tell the address of the client of a request: what a proxy says only where Odoo was told that there is one.

    With ``proxy_mode`` Odoo has read ``X-Forwarded-For`` itself, and only its last part, which the proxy wrote.
    Without, headers are what anybody may write.

    Args:
        httprequest: ``request.httprequest`` of Odoo.

    Returns:
        The address; None where the peer has none.
    """
    address: str | None = httprequest.remote_addr
    return address or None
