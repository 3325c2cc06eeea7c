"""Steps of a workflow: a row moves from one status to another, or is left as it is."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response


class WorkflowMixin:
    """For viewsets of rows with a `status`."""

    get_object: Any

    def move(self, request: Request, allowed: tuple[str, ...], status: str, **changes: Any) -> Response:
        """
        Move the row of this request to `status`.

        Args:
            allowed: the statuses it may come from; from any other one the answer is a 400.
            changes: fields to set with it.
        """
        found = self.get_object()
        with transaction.atomic():
            # Locked, so that of two who approve at the same time one is told that it is done.
            row = type(found).objects.select_for_update().get(pk=found.pk)
            if row.status not in allowed:
                wanted = " or ".join(f"'{name}'" for name in allowed)
                return Response({"error": f"{row} is '{row.status}', and must be {wanted}"}, status=400)
            for name, value in {**changes, "status": status}.items():
                setattr(row, name, value)
            row.save(update_fields=["status", "updated_at", *changes])
            self.moved(row)
        return Response({"status": status})

    def moved(self, row: Any) -> None:
        """Do what follows from the step, in the same transaction."""
