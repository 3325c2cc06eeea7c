"""Rate limits of Django and Django REST framework views."""

from __future__ import annotations

from hitrate.django.limiting.decorator import rate_limit

__all__ = ["rate_limit"]
