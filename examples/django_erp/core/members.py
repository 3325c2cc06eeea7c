"""What the user of a request is in its tenant."""

from __future__ import annotations

from typing import Any

from core.models import Membership, Role

_UNKNOWN = object()


def role_of(request: Any) -> str | None:
    """
    The `Role` of the user in the tenant of the request, or None for strangers and for requests without a tenant.

    It is asked of the database once per request and never cached: somebody who has left must be out at once.
    """
    role: Any = getattr(request, "nalar_role", _UNKNOWN)
    if role is _UNKNOWN:
        role = request.nalar_role = _find_role(request)
    return None if role is None else str(role)


def is_staff(request: Any) -> bool:
    """Whether the user may approve, pay, and see what is confidential."""
    return role_of(request) in (Role.STAFF, Role.DIRECTOR)


def _find_role(request: Any) -> str | None:
    if request.tenant is None or not request.user.is_authenticated:
        return None
    found = Membership.objects.filter(tenant=request.tenant, user=request.user)
    return found.values_list("role", flat=True).first()
