"""Query strings in keys against Django's own `QueryDict`."""

from __future__ import annotations

import pytest
from django.http import QueryDict

from hitrate._native import last_values, normalise_query
from hitrate.layouts import django_ecommerce


@pytest.mark.parametrize(
    "query", ["", "a=1&b=2&a=3", "search", "q=a+b%20c", "q=%e6%97%a5&q=%FF", "&&=&a;b=1", "é=%E6%97é&~=/", "%=%4&%zz"]
)
def test_queries_are_those_of_query_dict(query: str) -> None:
    read = QueryDict(query)
    assert normalise_query(query) == read.urlencode()
    assert last_values(query) == read.dict()
    assert django_ecommerce.product_list_key(query) == django_ecommerce.generate_cache_key(
        "products:list", **{name: read[name] for name in read}
    )
