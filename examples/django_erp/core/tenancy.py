"""Whose rows a piece of code sees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    from core.models import Tenant

# A context variable and not a thread's: an asynchronous view of another tenant may run on the same thread.
_current: ContextVar[Tenant | None] = ContextVar("tenant", default=None)


def current_tenant() -> Tenant | None:
    """The tenant whose rows are seen now, or None."""
    return _current.get()


@contextmanager
def acting_for(tenant: Tenant | None) -> Iterator[None]:
    """See the rows of this tenant, and no others, within the block."""
    token = _current.set(tenant)
    try:
        yield
    finally:
        _current.reset(token)


class TenantManager(models.Manager):
    """
    Finds rows of the current tenant only.

    Without a tenant it finds nothing: code that forgot to name one must not see everybody's rows. For the same reason
    views make their querysets per request: one that is made at import belongs to no tenant.
    """

    def get_queryset(self) -> Any:
        tenant = current_tenant()
        rows = super().get_queryset()
        return rows.none() if tenant is None else rows.filter(tenant=tenant)
