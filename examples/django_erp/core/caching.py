"""
For whom answers are kept, and what forgets them.

An answer has a tag for every table it shows, of its tenant: ``hr.employee:3``. A row that is saved or deleted forgets
the tag of its table. So nobody has to remember, in any view, which answers show what it changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Model

from core.members import role_of
from core.models import Membership, Tenant, TenantRow
from hitrate.django import Target, register, tag

# What the key of an answer tells apart, for `vary_on`. The tenant is always among it, for the address is the same. The
# role is where the user is: whoever is staff no more must not get what was computed for staff.
BY_TENANT = ("tenant",)
BY_ROLE = ("tenant", role_of)
BY_USER = ("tenant", role_of, "user")

_PAGE_AND_ORDER = ("page", "page_size", "search", "ordering")


def params(filterset: Any = None) -> list[str]:
    """The query parameters that a listing knows. Others reach neither its key nor its links."""
    return [*_PAGE_AND_ORDER, *(filterset.base_filters if filterset else ())]


def shows(*models: type[Model]) -> Callable[..., list[str]]:
    """The tags of an answer that shows rows of these models."""
    tables = [model._meta.label_lower for model in models]

    def tags(request: Any, **_: Any) -> list[str]:
        return [f"{table}:{request.tenant.pk}" for table in tables]

    return tags


def changed(row: TenantRow) -> Target:
    """What a saved or deleted row forgets."""
    return tag(f"{row._meta.label_lower}:{row.tenant_id}")


def declare_rules() -> None:
    """Say what every change forgets."""
    register(TenantRow, changed)
    register(Tenant, tag("tenant:{id}"))
    register(Membership, tag("members:{tenant}"))
    register(get_user_model(), tag("user:{id}"))
