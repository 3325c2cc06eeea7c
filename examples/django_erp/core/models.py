"""Tenants, who belongs to them, and what every row of a tenant has."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from core.tenancy import TenantManager, current_tenant


class Tenant(models.Model):
    """An organisation that uses the ERP. It is named by its subdomain, or by its id in ``X-Tenant-ID``."""

    name = models.CharField(max_length=120)
    subdomain = models.SlugField(max_length=60, unique=True)
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What somebody is in one tenant. Staff approves and pays; directors also see VVIP contacts."""

    MEMBER = "member"
    STAFF = "staff"
    DIRECTOR = "director"


class Membership(models.Model):
    """One user in one tenant. The same person may be a director here and a member there."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.MEMBER)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="one_membership_per_tenant")]

    def __str__(self) -> str:
        return f"{self.user} in {self.tenant}"


class TenantRow(models.Model):
    """A row that belongs to one tenant. Related rows come through ``_base_manager``, which sees all tenants."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = TenantManager()
    everywhere: models.Manager[Any] = models.Manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **options: Any) -> None:
        """
        Save the row; a new one belongs to the current tenant unless it names one.

        Raises:
            ValueError: there is no current tenant.
        """
        if self.tenant_id is None:
            tenant = current_tenant()
            if tenant is None:
                raise ValueError(f"no tenant for a new {self._meta.verbose_name}; save it within acting_for(tenant)")
            self.tenant = tenant
        super().save(*args, **options)
