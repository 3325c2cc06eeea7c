"""
A cart, with a login or without one. Either way it lives in the cache, and is never kept as an answer.

Whoever is signed in finds it on all devices, under ``cart:user:{id}``; for others it lives in the session. What is kept
is how many of what; prices are today's.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalogue.models import ProductVariant
from catalogue.serializers import CartLineSerializer, price_text
from hitrate.layouts.django_ecommerce import cache_user_cart, get_cached_cart, invalidate_user_cache

MOST_LINES = 50

# Primary key of a variant, as text (the names in JSON are text), and how many of it.
Lines = dict[str, int]


class CartView(APIView):
    """``GET`` shows the cart, ``POST {"variant": 7, "quantity": 2}`` sets a line, ``DELETE`` empties it."""

    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        return Response(_shown(_lines(request)))

    def post(self, request: Request) -> Response:
        line = CartLineSerializer(data=request.data)
        line.is_valid(raise_exception=True)
        cart = {**_lines(request), str(line.validated_data["variant"].pk): line.validated_data["quantity"]}
        if len(cart) > MOST_LINES:
            raise ValidationError({"variant": [f"a cart holds at most {MOST_LINES} lines"]})
        if request.user.is_authenticated:
            cache_user_cart(request.user.pk, cart)
        else:
            request.session["cart"] = cart
        return Response(_shown(cart))

    def delete(self, request: Request) -> Response:
        if request.user.is_authenticated:
            invalidate_user_cache(request.user.pk)
        else:
            request.session.pop("cart", None)
        return Response(_shown({}))


def _lines(request: Request) -> Lines:
    if request.user.is_authenticated:
        return get_cached_cart(request.user.pk) or {}
    found: Lines = request.session.get("cart", {})
    return found


def _shown(cart: Lines) -> dict[str, Any]:
    """The lines with today's prices."""
    variants = ProductVariant.objects.filter(pk__in=list(map(int, cart))).select_related("product", "color")
    lines = [(variant, cart[str(variant.pk)]) for variant in variants]
    return {
        "lines": [
            {
                "variant": variant.pk,
                "product": variant.product.name,
                "color": variant.color.name,
                "storage": variant.storage,
                "quantity": quantity,
                "price": price_text(variant.price),
            }
            for variant, quantity in lines
        ],
        "total": price_text(sum((variant.price * quantity for variant, quantity in lines), Decimal(0))),
    }
