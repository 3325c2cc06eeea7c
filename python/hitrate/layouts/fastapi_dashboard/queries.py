"""`QueryCacheService`, as the dashboard's code imported it: results of queries, and analyses of products."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from hitrate.layouts.fastapi_dashboard.keys import generate_query_hash
from hitrate.layouts.fastapi_dashboard.manager import CacheManager

logger = logging.getLogger("hitrate.layouts.fastapi_dashboard")

Params = Mapping[str, Any]


class QueryCacheService:
    """
    Results of queries and analyses of products, each for one tenant.

    Args:
        cache_manager: where they are kept.
    """

    def __init__(self, cache_manager: CacheManager) -> None:
        self.cache = cache_manager

    async def get_query_result(self, tenant_id: object, query: str, params: Params | None = None) -> Any:
        """Read the result of a query; its case, and white space around it, do not count. None if there is none."""
        return await self.cache.get("query_result", tenant_id, generate_query_hash(query, params))

    async def set_query_result(
        self, tenant_id: object, query: str, result: Any, params: Params | None = None, ttl: float | None = None
    ) -> bool:
        """Store the result of a query for `ttl` seconds, by default an hour; return whether it was stored."""
        return await self.cache.set("query_result", tenant_id, generate_query_hash(query, params), result, ttl)

    async def get_pricing_analysis(self, tenant_id: object, product_id: object) -> Any:
        """Read the analysis of a product's price; None if there is none of the last hour."""
        return await self.cache.get("pricing", tenant_id, product_id)

    async def set_pricing_analysis(self, tenant_id: object, product_id: object, analysis: Any) -> bool:
        """Store the analysis of a product's price; return whether it was stored."""
        return await self.cache.set("pricing", tenant_id, product_id, analysis)

    async def get_sentiment_analysis(self, tenant_id: object, product_id: object) -> Any:
        """Read the analysis of a product's reviews; None if there is none of the last day."""
        return await self.cache.get("sentiment", tenant_id, product_id)

    async def set_sentiment_analysis(self, tenant_id: object, product_id: object, analysis: Any) -> bool:
        """Store the analysis of a product's reviews; return whether it was stored."""
        return await self.cache.set("sentiment", tenant_id, product_id, analysis)

    async def get_demand_forecast(self, tenant_id: object, product_id: object, horizon_days: int = 30) -> Any:
        """Read the forecast of a product's demand; None if there is none of the last twelve hours."""
        return await self.cache.get("forecast", tenant_id, f"{product_id}:{horizon_days}")

    async def set_demand_forecast(
        self, tenant_id: object, product_id: object, forecast: Any, horizon_days: int = 30
    ) -> bool:
        """Store the forecast of a product's demand; return whether it was stored."""
        return await self.cache.set("forecast", tenant_id, f"{product_id}:{horizon_days}", forecast)

    async def invalidate_product_cache(self, tenant_id: object, product_id: object) -> int:
        """
        Delete everything that is kept of a product: analyses, price histories, recommendations, reviews.

        Returns:
            How many entries there were.
        """
        deleted = await self.cache.clear_product(tenant_id, product_id)
        logger.info("%d cache entries of product %s were forgotten", deleted, product_id)
        return deleted

    async def invalidate_query_cache(self, tenant_id: object) -> int:
        """Delete all results of a tenant's queries; return how many there were."""
        return await self.cache.invalidate_pattern("query_result", tenant_id)
