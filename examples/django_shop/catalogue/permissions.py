"""Who may do what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.permissions import SAFE_METHODS, BasePermission

if TYPE_CHECKING:
    # REST framework reads its settings, and with them this module, before these exist.
    from rest_framework.request import Request
    from rest_framework.views import APIView


class StaffWritesOthersRead(BasePermission):
    """Everyone reads the same catalogue; staff changes it."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.method in SAFE_METHODS or bool(request.user and request.user.is_staff)
