"""Signing in and out, the user's profile, and the tenant whose door it is."""

from __future__ import annotations

from typing import Any

from core.caching import BY_USER, shows
from core.members import role_of
from core.middleware import HEADER
from django.contrib.auth import authenticate, login, logout
from hr.models import Department, Employee
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed, NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from hitrate.django import CachedViewMixin, cache_api_response


class CredentialsSerializer(serializers.Serializer):
    """A name and a password."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=128, trim_whitespace=False)


class ProfileSerializer(serializers.Serializer):
    """What users may change of themselves."""

    first_name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    last_name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    email = serializers.EmailField(required=False, allow_blank=True)


class LoginView(APIView):
    """``POST {username, password}``: the session is kept in the cache, the client gets its cookie."""

    # Nobody is signed in yet, so there is no session that another site could abuse. Only JSON is parsed, which a form
    # of another site cannot send.
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "login"

    def post(self, request: Request) -> Response:
        asked = CredentialsSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        user = authenticate(request, **asked.validated_data)
        if user is None:
            raise AuthenticationFailed("unknown name or wrong password")
        login(request, user)
        return Response({"username": user.get_username()})


class LogoutView(APIView):
    """``POST``: the session ends."""

    permission_classes = [AllowAny]

    def post(self, request: Request) -> Response:
        logout(request)
        return Response(status=204)


def shown_in_profile(request: Request) -> list[str]:
    """The tags of a profile. The user is no row of a tenant, and neither are the membership and the tenant itself."""
    own = [f"user:{request.user.pk}", f"members:{request.tenant.pk}", f"tenant:{request.tenant.pk}"]
    return [*own, *shows(Employee, Department)(request)]


class ProfileView(APIView):
    """The user, in the tenant of the request."""

    @cache_api_response(600, "user_profile", vary_on=BY_USER, params=[], tags=shown_in_profile)
    def get(self, request: Request) -> Response:
        user: Any = request.user
        employee = Employee.objects.select_related("department").filter(user=user).first()
        return Response(
            {
                "username": user.get_username(),
                "first_name": user.first_name,
                "last_name": user.last_name,
                "email": user.email,
                "tenant": request.tenant.name,
                "role": role_of(request),
                "employee": employee and {"id": employee.pk, "name": str(employee), "position": employee.position},
                "department": employee and employee.department and employee.department.name,
            }
        )

    def patch(self, request: Request) -> Response:
        asked = ProfileSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        user: Any = request.user
        for name, value in asked.validated_data.items():
            setattr(user, name, value)
        user.save(update_fields=list(asked.validated_data))
        return Response(asked.validated_data)


def shown_on_door(request: Any) -> list[str]:
    """The tags of the name on the door."""
    return [] if request.tenant is None else [f"tenant:{request.tenant.pk}"]


class TenantView(CachedViewMixin, APIView):
    """
    The name on the door, for the page on which people sign in.

    Everyone may read it, so it is answered before REST framework begins its work. The host is part of the key anyway,
    and the header because the answer says that it varies on it.
    """

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    throttle_classes: list[Any] = []

    @cache_api_response(3600, "tenant", shared=True, params=[], tags=shown_on_door)
    def get(self, request: Request) -> Response:
        if request.tenant is None:
            raise NotFound("no tenant has this host name or X-Tenant-ID")
        shown = {"id": request.tenant.pk, "name": request.tenant.name, "subdomain": request.tenant.subdomain}
        return Response(shown, headers={"Vary": HEADER})
