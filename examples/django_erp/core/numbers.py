"""Numbers of documents: ``EXP-2026-00042``."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from core.models import Tenant


def next_number(model: Any, field: str, prefix: str, tenant: Tenant) -> str:
    """
    The next number of this kind of document in this tenant and year.

    Must be called in the transaction that saves the document: the tenant's row is locked until it ends, so that no two
    documents get the same number.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(f"no transaction around the next {field}; save {model.__name__} within atomic()")
    Tenant.objects.select_for_update().get(pk=tenant.pk)
    start = f"{prefix}-{timezone.now().year}-"
    used = model.everywhere.filter(tenant=tenant, **{f"{field}__startswith": start})
    last = used.order_by(field).values_list(field, flat=True).last()
    return f"{start}{int(last.removeprefix(start)) + 1 if last else 1:05}"
