"""Rows that belong to whoever asked for them: members see theirs, staff sees all."""

from __future__ import annotations

from typing import Any

from core.members import is_staff
from core.permissions import IsMember
from core.views import TenantViewSet
from hr.acting import employee_of


class OwnViewSet(TenantViewSet):
    """Rows with a `requester`."""

    permission_classes = [IsMember]

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows if is_staff(self.request) else rows.filter(requester__user=self.request.user)

    def perform_create(self, serializer: Any) -> None:
        serializer.save(requester=employee_of(self.request))
