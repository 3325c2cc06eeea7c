"""The Django adapter: a cache backend, the raw connection behind it, cached answers, forgetting, rate limits."""

from __future__ import annotations

# Importing them registers system checks, aliases.
from hitrate.django import address_checks, checks, naming, neighbours, rule_checks  # noqa: F401
from hitrate.django.backend import RedisCache
from hitrate.django.bulk import changing
from hitrate.django.client import RawClient, get_redis_connection
from hitrate.django.invalidation import (
    ainvalidate_cache,
    ainvalidate_keys,
    ainvalidate_tags,
    invalidate_cache,
    invalidate_keys,
    invalidate_tags,
)
from hitrate.django.limiting import rate_limit
from hitrate.django.responses import CachedViewMixin, cache_api_response, response_stats
from hitrate.django.rulebook import Explanation, Rule, explain
from hitrate.django.rules import register, unregister
from hitrate.django.statistics import get_cache_stats
from hitrate.django.targets import Target, key, pattern, tag
from hitrate.django.warmers import warmer

__all__ = [
    "CachedViewMixin",
    "Explanation",
    "RawClient",
    "RedisCache",
    "Rule",
    "Target",
    "ainvalidate_cache",
    "ainvalidate_keys",
    "ainvalidate_tags",
    "cache_api_response",
    "changing",
    "explain",
    "get_cache_stats",
    "get_redis_connection",
    "invalidate_cache",
    "invalidate_keys",
    "invalidate_tags",
    "key",
    "pattern",
    "rate_limit",
    "register",
    "response_stats",
    "tag",
    "unregister",
    "warmer",
]
