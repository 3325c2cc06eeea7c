"""Cached against uncached, endpoint by endpoint, in interleaved rounds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from demonstration.client import Answer, Client
from demonstration.processes import DemoError, Shop

LEAST_ROUNDS = 5
PAGE_SIZE = 20


@dataclass
class Endpoint:
    """An address and what its answers took, in milliseconds."""

    name: str
    path: str
    uncached_ms: list[float] = field(default_factory=list)
    cached_ms: list[float] = field(default_factory=list)
    uncached_queries: int = 0
    cached_queries: int = 0
    answer_bytes: int = 0

    @property
    def queries_avoided(self) -> int:
        """Database queries that all measured requests together did not make."""
        return (self.uncached_queries - self.cached_queries) * len(self.cached_ms)

    def result(self) -> dict[str, Any]:
        uncached, cached = median(self.uncached_ms), median(self.cached_ms)
        return {
            "name": self.name,
            "path": self.path,
            "requests_each": len(self.cached_ms),
            "uncached_ms": round(uncached, 3),
            "cached_ms": round(cached, 3),
            "ratio": round(uncached / cached, 2),
            "uncached_queries": self.uncached_queries,
            "cached_queries": self.cached_queries,
            "queries_avoided": self.queries_avoided,
            "answer_bytes": self.answer_bytes,
        }


def endpoints(client: Client) -> list[Endpoint]:
    """The endpoints of the shop, for a product and a category that it really has."""
    seller = client.get("/api/products/top_sellers/").data[0]
    pk, slug, category = seller["id"], seller["category"]["slug"], seller["category"]["id"]
    first = client.get("/api/categories/").data[0]["id"]
    page = min(7, -(-client.get("/api/products/").data["count"] // PAGE_SIZE))
    return [
        Endpoint("categories", "/api/categories/"),
        Endpoint("category", f"/api/categories/{category}/"),
        Endpoint("colours", "/api/product-colors/"),
        Endpoint("product list", "/api/products/"),
        Endpoint(f"product list, page {page}", f"/api/products/?page={page}"),
        Endpoint("product list, filtered", "/api/products/?in_stock=true&min_price=50&ordering=-rating"),
        Endpoint("product list, category", f"/api/products/?category__slug={slug}"),
        Endpoint("product list, search", "/api/products/?search=speaker"),
        Endpoint("product", f"/api/products/{pk}/"),
        Endpoint("product variants", f"/api/products/{pk}/variants/"),
        Endpoint("variant list", f"/api/product-variants/?product_id={pk}"),
        Endpoint("recommendations", f"/api/products/{pk}/recommendations/"),
        Endpoint("top sellers", "/api/products/top_sellers/"),
        Endpoint("new arrivals", "/api/products/new_arrivals/"),
        Endpoint("personalized", f"/api/products/personalized/?categories={category}&categories={first}"),
        Endpoint("filters", f"/api/products/filters/?category__slug={slug}"),
    ]


def measure(plain: Shop, cached: Shop, *, rounds: int, seconds: float, tick: Callable[[float], None]) -> list[Endpoint]:
    """
    Ask both shops for every endpoint, turn by turn, on one open connection each.

    Args:
        plain: a shop that does not cache answers.
        cached: the same shop with its cache.
        rounds: requests per endpoint and shop.
        seconds: stop after the round in which this much time has gone, but not before `LEAST_ROUNDS`.
        tick: told the finished share, from 0 to 1.

    Raises:
        DemoError: an answer was no hit where it must be one, asked the database, or differed from the uncached one.
    """
    started = time.monotonic()
    with Client(plain) as plain_client, Client(cached) as cached_client:
        found = endpoints(cached_client)
        for endpoint in found:
            _fill(endpoint, plain_client, cached_client)
        for turn in range(rounds):
            for endpoint in found:
                # Who begins changes with every round, so that neither shop always runs on a warmer processor.
                pair = [(plain_client, endpoint.uncached_ms), (cached_client, endpoint.cached_ms)]
                for client, times in pair if turn % 2 else reversed(pair):
                    answer = client.get(endpoint.path)
                    times.append(answer.ms)
                    if client is cached_client:
                        _must_hit(endpoint, answer)
            spent = time.monotonic() - started
            tick(max((turn + 1) / rounds, min(spent / seconds, 1)))
            if spent > seconds and turn + 1 >= LEAST_ROUNDS:
                break
    tick(1)
    return found


def _fill(endpoint: Endpoint, plain_client: Client, cached_client: Client) -> None:
    cached_client.get(endpoint.path)
    uncached, cached = plain_client.get(endpoint.path), cached_client.get(endpoint.path)
    _must_hit(endpoint, cached)
    if cached.body != uncached.body:
        raise DemoError(f"{endpoint.path} from the cache differs from what the database says")
    endpoint.uncached_queries, endpoint.cached_queries = uncached.queries, cached.queries
    endpoint.answer_bytes = len(cached.body)


def _must_hit(endpoint: Endpoint, answer: Answer) -> None:
    if answer.cache != "hit" or answer.queries:
        raise DemoError(
            f"{endpoint.path} is in the cache but was a {answer.cache} with {answer.queries} queries; "
            "is the cache server away, or is something else clearing it?"
        )
