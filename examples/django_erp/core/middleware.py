"""Which tenant a request is for."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from core.models import Tenant
from core.tenancy import acting_for

HEADER = "X-Tenant-ID"


class TenantMiddleware:
    """
    Put the tenant into ``request.tenant`` and make it the current one.

    The subdomain names it, or else the header. Whether the user belongs to it is asked later, by `IsMember`: here
    nobody knows who asks.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        tenant = _tenant_of(request)
        request.tenant = tenant  # type: ignore[attr-defined]
        with acting_for(tenant):
            response = self.get_response(request)
        # For caches between us and the client; the host is part of the address already.
        patch_vary_headers(response, [HEADER])
        return response


def _tenant_of(request: HttpRequest) -> Tenant | None:
    subdomain = _subdomain(request.get_host())
    if subdomain is not None:
        return Tenant.objects.filter(subdomain=subdomain, is_active=True).first()
    number = request.headers.get(HEADER, "")
    if number.isascii() and number.isdecimal() and len(number) <= 18:
        return Tenant.objects.filter(pk=int(number), is_active=True).first()
    return None


def _subdomain(host: str) -> str | None:
    name = host.rsplit(":", 1)[0].lower()
    below = f".{settings.NALAR_DOMAIN}"
    return name.removesuffix(below) if name.endswith(below) else None
