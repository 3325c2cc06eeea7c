"""Addresses below ``admin-ops/crm/``."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from crm import views

router = SimpleRouter()
router.register("organizations", views.OrganizationViewSet, basename="crm-organization")
router.register("contacts", views.ContactViewSet, basename="crm-contact")
router.register("positions", views.JobPositionViewSet, basename="crm-position")
