"""Organizations, contacts and the positions that connect them."""

from __future__ import annotations

from core.models import TenantRow
from django.db import models
from hr.models import Employee


class AccessLevel(models.TextChoices):
    """Who sees a row: ``crm.access`` says it."""

    PUBLIC = "public"
    INTERNAL = "internal"
    RESTRICTED = "restricted"
    VIP = "vip"
    VVIP = "vvip"


class OrganizationType(models.TextChoices):
    GOVERNMENT = "government"
    COMPANY = "company"
    FOUNDATION = "foundation"
    UNIVERSITY = "university"
    MEDIA = "media"


class Organization(TenantRow):
    """An organization that somebody here deals with; vendors of purchase orders too."""

    name = models.CharField(max_length=200)
    organization_type = models.CharField(max_length=12, choices=OrganizationType.choices)
    industry = models.CharField(max_length=80, blank=True)
    website = models.URLField(blank=True)
    email = models.EmailField(blank=True)
    city = models.CharField(max_length=80, blank=True)
    country = models.CharField(max_length=80, blank=True)
    description = models.TextField(blank=True)
    access_level = models.CharField(max_length=10, choices=AccessLevel.choices, default=AccessLevel.INTERNAL)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Contact(TenantRow):
    """A person outside. The access level says who may know of them."""

    first_name = models.CharField(max_length=60)
    last_name = models.CharField(max_length=60)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    city = models.CharField(max_length=80, blank=True)
    biography = models.TextField(blank=True)
    access_level = models.CharField(
        max_length=10, choices=AccessLevel.choices, default=AccessLevel.INTERNAL, db_index=True
    )
    assigned_to = models.ForeignKey(Employee, null=True, blank=True, on_delete=models.SET_NULL, related_name="contacts")
    last_contacted_at = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["last_name", "first_name", "id"]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}"


class JobPosition(TenantRow):
    """What a contact is, or was, in an organization."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="positions")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="positions")
    title = models.CharField(max_length=120)
    department = models.CharField(max_length=120, blank=True)
    is_current = models.BooleanField(default=True)
    is_primary = models.BooleanField(default=False)
    start_date = models.DateField(null=True, blank=True)
    end_date = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["-is_current", "-is_primary", "-start_date", "id"]

    def __str__(self) -> str:
        return self.title
