"""What the viewsets of all parts have in common."""

from __future__ import annotations

from typing import Any

from rest_framework import viewsets

from core.permissions import StaffWritesMembersRead


class TenantViewSet(viewsets.ModelViewSet):
    """Rows of one model, of the tenant of the request."""

    permission_classes = [StaffWritesMembersRead]
    model: Any
    related: tuple[str, ...] = ()
    list_serializer_class: Any = None

    def get_queryset(self) -> Any:
        """Made per request: the manager looks at the current tenant."""
        rows = self.model.objects.all()
        # Without names it would join every table that there is a foreign key to.
        return rows.select_related(*self.related) if self.related else rows

    def get_serializer_class(self) -> Any:
        if self.action == "list" and self.list_serializer_class is not None:
            return self.list_serializer_class
        return super().get_serializer_class()

    def filter_queryset(self, rows: Any) -> Any:
        found = super().filter_queryset(rows)
        if self.action != "list":
            return found
        # Rows that are equal in the order have none of their own: without the key two pages could show the same one.
        return found.order_by(*found.query.order_by or self.model._meta.ordering, "pk")


class SoftDeleteMixin:
    """Rows are not deleted: others refer to them."""

    def perform_destroy(self, instance: Any) -> None:
        instance.is_active = False
        instance.save(update_fields=["is_active", "updated_at"])
