"""Addresses below ``finance/expenses/``."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from finance.advances import AdvanceViewSet
from finance.requests import ExpenseRequestViewSet

router = SimpleRouter()
router.register("requests", ExpenseRequestViewSet, basename="expense-request")
router.register("advances", AdvanceViewSet, basename="expense-advance")
