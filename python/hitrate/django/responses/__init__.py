"""Cached answers of Django and Django REST framework views."""

from __future__ import annotations

from hitrate.django.responses import checks  # noqa: F401 (its import registers the system check)
from hitrate.django.responses.decorator import cache_api_response
from hitrate.django.responses.mixin import CachedViewMixin
from hitrate.responses import response_stats

__all__ = ["CachedViewMixin", "cache_api_response", "response_stats"]
