"""A cart without a login. It lives in the session, and the session in the cache."""

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

MOST_LINES = 50


class CartView(APIView):
    """``GET`` shows the cart, ``POST {"variant": 7, "quantity": 2}`` sets a line, ``DELETE`` empties it."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        return Response(_shown(request.session.get("cart", {})))

    def post(self, request: Request) -> Response:
        line = CartLineSerializer(data=request.data)
        line.is_valid(raise_exception=True)
        # Session data goes through JSON, whose names are text.
        name = str(line.validated_data["variant"].pk)
        cart = {**request.session.get("cart", {}), name: line.validated_data["quantity"]}
        if len(cart) > MOST_LINES:
            raise ValidationError({"variant": [f"a cart holds at most {MOST_LINES} lines"]})
        request.session["cart"] = cart
        return Response(_shown(cart))

    def delete(self, request: Request) -> Response:
        request.session.pop("cart", None)
        return Response(_shown({}))


def _shown(cart: dict[str, int]) -> dict[str, Any]:
    """The lines with today's prices. Never kept in the answer cache: it is one person's."""
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
