"""
What clears whom: all entries of a tenant, of some types, of one product.

A glob cannot say "anything without a colon", so that ``*:7`` finds the tenant 7, and ``days:7`` of everybody else. So
the server is asked for more than is meant, and what it finds is looked at here. Only while it is away are globs written
down, which forget too much rather than too little. Texts in them are escaped: nothing in a tenant or product is matched
but itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hitrate._native import escape_glob
from hitrate.layouts.entry import Event
from hitrate.layouts.fastapi_dashboard.entries import ENTRIES, PRODUCT_CHANGED
from hitrate.layouts.fastapi_dashboard.keys import build_cache_key, tenant_text


@dataclass(frozen=True)
class Meant:
    """
    Keys to be forgotten.

    Attributes:
        near: a glob for at least these keys, and for few others.
        includes: whether a key is one of them.
        globs: for at least these keys.
    """

    near: str
    includes: Callable[[str], bool]
    globs: tuple[str, ...]


def of_tenant(tenant_id: object, prefix: str | None = None) -> Meant:
    """
    All entries of a tenant.

    Args:
        tenant_id: of the tenant.
        prefix: only entries of this type, and of those whose name goes on with an underscore: ``"dashboard"`` is
            ``dashboard_kpis``, too. None: of every type.
    """
    tenant = tenant_text(tenant_id)

    def includes(key: str) -> bool:
        kind, _, rest = key.partition(":")
        is_of_type = prefix is None or kind == prefix or kind.startswith(f"{prefix}_")
        return is_of_type and rest.partition(":")[0] == tenant and kind != key

    types = ["*"] if prefix is None else [escape_glob(prefix), f"{escape_glob(prefix)}_*"]
    globs = [glob for name in types for glob in _both(f"{name}:{escape_glob(tenant)}")]
    return Meant(_near(tenant_id), includes, tuple(globs))


def of_type(cache_type: object, tenant_id: object) -> Meant:
    """One type's entries of a tenant, the bare key included."""
    return beginning_with(tenant_id, [build_cache_key(cache_type, tenant_id)])


def of_product(tenant_id: object, product_id: object) -> Meant:
    """Everything that is kept of one product."""
    kinds = dict.fromkeys(kind for kind, is_of_product in _kinds(PRODUCT_CHANGED) if is_of_product)
    return beginning_with(tenant_id, [build_cache_key(kind, tenant_id, product_id) for kind in kinds])


def beginning_with(tenant_id: object, beginnings: Iterable[str]) -> Meant:
    """Keys of one tenant, and those that go on behind them with a colon."""
    wanted = frozenset(beginnings)
    globs = [glob for beginning in sorted(wanted) for glob in _both(escape_glob(beginning))]
    return Meant(_near(tenant_id), lambda key: beginning_of(key, wanted) is not None, tuple(globs))


def beginning_of(key: str, beginnings: frozenset[str]) -> str | None:
    """Find that one of the beginnings which is the key, or which goes on to it behind a colon."""
    at = len(key)
    while at >= 0:
        if key[:at] in beginnings:
            return key[:at]
        at = key.rfind(":", 0, at)
    return None


def concerned(event: Event, tenant_id: object, product_id: object | None = None) -> list[tuple[str, str]]:
    """
    What an event makes wrong.

    Args:
        event: one of the layout's.
        tenant_id: whose data changed.
        product_id: the product; None: nobody knows which, and entries of all products of the tenant are wrong.

    Returns:
        Types, and how the keys of their entries begin: these keys, and what goes on behind a colon.
    """
    found = dict.fromkeys(
        (kind, build_cache_key(kind, tenant_id, *([product_id] if is_of_product and product_id is not None else [])))
        for kind, is_of_product in _kinds(event)
    )
    return list(found)


def type_glob(cache_type: object, tenant_id: object, pattern: str) -> str:
    """The glob for one type's entries of a tenant, with a glob for what stands behind the tenant."""
    return f"{escape_glob(build_cache_key(cache_type, tenant_id))}:{pattern}"


def _near(tenant_id: object) -> str:
    return f"*:{escape_glob(tenant_text(tenant_id))}*"


def _kinds(event: Event) -> list[tuple[str, bool]]:
    """Types of entries that an event clears, and whether there is one for each product."""
    return [(entry.key.partition(":")[0], "{product}" in entry.key) for entry in ENTRIES if event in entry.cleared_by]


def _both(glob: str) -> list[str]:
    return [glob, f"{glob}:*"]
