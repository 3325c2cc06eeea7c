"""Addresses below ``assets/``."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from assets import assignment, maintenance

assignments = SimpleRouter()
assignments.register("assignments", assignment.AssignmentViewSet, basename="assignment")
assignments.register("transfers", assignment.TransferViewSet, basename="transfer")
assignments.register("checkouts", assignment.CheckoutViewSet, basename="checkout")

maintenances = SimpleRouter()
maintenances.register("assets", maintenance.AssetViewSet, basename="asset")
maintenances.register("schedules", maintenance.ScheduleViewSet, basename="maintenance-schedule")
maintenances.register("records", maintenance.RecordViewSet, basename="maintenance-record")
