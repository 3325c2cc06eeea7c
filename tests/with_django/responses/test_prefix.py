"""Prefixes of keys that hold arguments of the URL."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from hitrate.django import cache_api_response, invalidate_cache, invalidate_keys
from hitrate.exceptions import ConfigError


def product_view(calls: list[str]) -> Any:
    @cache_api_response(key_prefix="product:{pk}", shared=True)
    def product(request: HttpRequest, pk: str) -> HttpResponse:
        calls.append(pk)
        return HttpResponse(pk)

    return product


def test_answers_are_forgotten_with_the_key_that_they_stand_below(django_cache: Any) -> None:
    calls: list[str] = []
    product, request = product_view(calls), RequestFactory().get("/")
    for pk in ("5", "50", "5", "50"):
        assert product(request, pk=pk).content.decode() == pk
    assert calls == ["5", "50"]
    assert [key.split(":")[:3] for key in django_cache.keys("product:5:*")] == [["product", "5", "product"]]
    assert invalidate_keys("product:5") == 1
    product(request, pk="50")
    product(request, pk="5")
    assert calls == ["5", "50", "5"]
    assert invalidate_cache("product:*") == 2


def test_no_argument_reaches_the_place_of_another_answer(django_cache: Any) -> None:
    calls: list[str] = []
    product, request = product_view(calls), RequestFactory().get("/")
    for pk in ("5", "5:product", "{pk}", "*", "5"):
        assert product(request, pk=pk).content.decode() == pk
    assert calls == ["5", "5:product", "{pk}", "*"]
    assert {key.split(":")[1] for key in django_cache.keys("product:*")} == {"5", "5%3Aproduct", "%7Bpk%7D", "%2A"}


@pytest.mark.parametrize("options", [{"key_prefix": "product:{id}"}, {"tags": ["product:{id}"]}])
def test_an_argument_that_the_url_does_not_have_is_named(options: Any, django_cache: Any) -> None:
    @cache_api_response(shared=True, **options)
    def product(request: HttpRequest, pk: str) -> HttpResponse:
        return HttpResponse(pk)

    with pytest.raises(ConfigError, match=r"'product:\{id\}' names 'id', which is no argument of the URL; it has 'pk'"):
        product(RequestFactory().get("/"), pk="5")
