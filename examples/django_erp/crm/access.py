"""
Who sees which contact and which organization.

====================  ======  =====  ========
access level          member  staff  director
====================  ======  =====  ========
public, internal      yes     yes    yes
restricted, vip       own     yes    yes
vvip                  own     own    yes
====================  ======  =====  ========

"Own" are the contacts that are assigned to the employee who asks. Organizations have no owner.
"""

from __future__ import annotations

from core.members import role_of
from core.models import Role
from django.db.models import Q
from rest_framework.request import Request

from crm.models import AccessLevel

_FOR_EVERYONE = (AccessLevel.PUBLIC, AccessLevel.INTERNAL)
_LEVELS = {
    Role.MEMBER: _FOR_EVERYONE,
    Role.STAFF: (*_FOR_EVERYONE, AccessLevel.RESTRICTED, AccessLevel.VIP),
    Role.DIRECTOR: tuple(AccessLevel),
}


def contacts(request: Request, path: str = "") -> Q:
    """The contacts that the user may see; `path` leads to them from another model: ``"contact__"``."""
    return _by_level(request, path) | Q(**{f"{path}assigned_to__user": request.user})


def organizations(request: Request, path: str = "") -> Q:
    """The organizations that the user may see."""
    return _by_level(request, path)


def _by_level(request: Request, path: str) -> Q:
    levels = _LEVELS.get(Role(role_of(request) or Role.MEMBER), _FOR_EVERYONE)
    return Q(**{f"{path}access_level__in": levels})
