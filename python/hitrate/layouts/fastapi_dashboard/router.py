"""
The endpoints about the cache: what it does, whether its server is there, and clearing it.

FastAPI is imported when the router is made, so that the layout can be read without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from hitrate.layouts.fastapi_dashboard.manager import CacheManager
from hitrate.layouts.fastapi_dashboard.service import get_cache_manager

if TYPE_CHECKING:
    from fastapi import APIRouter

_DISABLED = "Cache is disabled"


def create_router(
    *,
    permission: Callable[..., Any] | None = None,
    tenant: Callable[..., Any] | None = None,
    prefix: str = "/cache",
    bare_metrics: bool = False,
) -> APIRouter:
    """
    Make a router with ``GET metrics``, ``GET health``, ``DELETE tenant`` and ``DELETE product/{uuid}``.

    Args:
        permission: a dependency that raises for whoever may not look at the cache or clear it. Without one, nobody may:
            every answer is a 403.
        tenant: a dependency that gives the tenant of whoever asks, from his login and from nothing that he could write
            himself. Without one, nobody may clear.
        prefix: of the paths.
        bare_metrics: answer ``GET metrics`` with the map of metrics alone, instead of ``{"enabled", "metrics"}``.

    Raises:
        ImportError: FastAPI is not installed.
    """
    try:
        from fastapi import APIRouter, Depends
    except ImportError as error:
        raise ImportError("create_router() needs FastAPI: pip install fastapi") from error

    router = APIRouter(prefix=prefix, tags=["cache"], dependencies=[Depends(permission or _closed("permission"))])
    whose = Depends(tenant or _closed("tenant"))

    @router.get("/metrics")
    async def metrics() -> dict[str, Any]:
        """Tell what the cache does."""
        return await _metrics(is_bare=bare_metrics)

    @router.get("/health")
    async def health() -> dict[str, Any]:
        """Tell whether the cache's server is there."""
        return await _health()

    @router.delete("/tenant")
    async def clear_tenant(tenant_id: Any = whose) -> dict[str, Any]:
        """Forget everything that is kept of the tenant."""
        manager = get_cache_manager()
        if manager is None:
            return _cleared(None)
        count = await manager.clear_tenant_cache(tenant_id)
        return _cleared(count, f"Cleared {count} cache entries for tenant")

    @router.delete("/product/{product_id}")
    async def clear_product(product_id: UUID, tenant_id: Any = whose) -> dict[str, Any]:
        """Forget everything that is kept of one product of the tenant."""
        manager = get_cache_manager()
        if manager is None:
            return _cleared(None)
        count = await manager.clear_product(tenant_id, product_id)
        return _cleared(count, f"Invalidated {count} cache entries for product {product_id}")

    return router


def _closed(what: str) -> Callable[[], None]:
    """A dependency that lets nobody in."""

    def refuse() -> None:
        from fastapi import HTTPException

        raise HTTPException(403, f"closed: this router was made without {what}")

    return refuse


def _enabled() -> CacheManager | None:
    manager = get_cache_manager()
    return manager if manager is not None and manager.is_enabled else None


async def _metrics(*, is_bare: bool) -> dict[str, Any]:
    manager = _enabled()
    found = {"message": _DISABLED} if manager is None else await manager.get_metrics()
    return found if is_bare else {"enabled": manager is not None, "metrics": found}


async def _health() -> dict[str, Any]:
    manager = _enabled()
    if manager is None:
        return {"enabled": False, "healthy": False, "message": _DISABLED}
    is_healthy = await manager.health_check()
    return {"enabled": True, "healthy": is_healthy, "message": f"Cache is {'healthy' if is_healthy else 'unhealthy'}"}


def _cleared(count: int | None, message: str = _DISABLED) -> dict[str, Any]:
    return {"success": count is not None, "entries_invalidated": count or 0, "message": message}
