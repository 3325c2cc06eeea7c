"""Who may do what. All of it runs before a cached answer is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.permissions import SAFE_METHODS, BasePermission

if TYPE_CHECKING:
    # REST framework reads its settings, and with them this module, before these exist.
    from rest_framework.request import Request
    from rest_framework.views import APIView


class IsMember(BasePermission):
    """A signed-in user who belongs to the tenant of the request."""

    message = "you are no member of this tenant; name yours by its host name or in X-Tenant-ID"

    def has_permission(self, request: Request, view: APIView) -> bool:
        from core.members import role_of

        return role_of(request) is not None


class IsStaff(IsMember):
    """A member who approves, pays and sees what is confidential."""

    message = "only staff may do this"

    def has_permission(self, request: Request, view: APIView) -> bool:
        from core.members import is_staff

        return is_staff(request)


class StaffWritesMembersRead(IsMember):
    """Every member reads; staff writes."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        from core.members import is_staff

        return super().has_permission(request, view) and (request.method in SAFE_METHODS or is_staff(request))
