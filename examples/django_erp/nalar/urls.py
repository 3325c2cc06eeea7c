"""Addresses of the ERP. Everything below ``/api/v1/`` is of one tenant."""

from __future__ import annotations

import assets.urls
import crm.urls
import finance.urls
import hr.urls
import inventory.urls
import procurement.urls
from core.health import health
from django.urls import include, path
from rest_framework.routers import SimpleRouter

from nalar import account
from nalar.dashboard import DashboardViewSet

analytics = SimpleRouter()
analytics.register("dashboard", DashboardViewSet, basename="dashboard")

api = [
    path("tenant/", account.TenantView.as_view(), name="tenant"),
    path("auth/login/", account.LoginView.as_view(), name="login"),
    path("auth/logout/", account.LogoutView.as_view(), name="logout"),
    path("auth/me/", account.ProfileView.as_view(), name="profile"),
    path("analytics/", include(analytics.urls)),
    path("hr/", include(hr.urls.employees.urls)),
    path("organization/", include(hr.urls.organization.urls)),
    path("admin-ops/crm/", include(crm.urls.router.urls)),
    path("assets/assignment/", include(assets.urls.assignments.urls)),
    path("assets/maintenance/", include(assets.urls.maintenances.urls)),
    path("finance/expenses/", include(finance.urls.router.urls)),
    path("inventory/sku/", include(inventory.urls.router.urls)),
    path("procurement/po/", include(procurement.urls.router.urls)),
]
urlpatterns = [path("api/v1/", include(api)), path("health/", health, name="health")]
