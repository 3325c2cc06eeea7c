"""The keys of the dashboard mean one thing each, and its patterns match what they name and nothing else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitrate._native import glob_matches
from hitrate.layouts import fastapi_dashboard as dashboard
from hitrate.layouts.fastapi_dashboard import original, patterns
from hitrate.layouts.fastapi_dashboard.keys import shown

# Few letters, so that hypothesis meets what collides.
TEXT = st.text(st.sampled_from("ab:%32A5*?[]^\\\n é"), max_size=9)
VALUE = st.one_of(
    TEXT, st.integers(-3, 3), st.none(), st.sampled_from(["a:1:b:2", "1:b:2", ":b:", "%3A", "%:a", "a:1"])
)
PARAMS = st.dictionaries(st.one_of(st.sampled_from("a b c ab a_b".split()), TEXT), VALUE, max_size=3)
TYPE = st.sampled_from(["p", "dashboard_kpis", "a"])
WHO = st.one_of(
    TEXT, st.sampled_from(["a", "ab", "a:b", "a%3Ab", "a%253Ab", "%", "%:a", "a:b:1", "*", "?", "[a-b]", "b:1"])
)


def meaning(tenant: str, params: dict[str, Any]) -> tuple[Any, ...]:
    return tenant, sorted((name, str(value)) for name, value in params.items())


@given(TYPE, WHO, PARAMS, TYPE, WHO, PARAMS)
def test_two_keys_are_the_same_only_if_they_mean_the_same(
    kind: str, tenant: str, params: dict[str, Any], other_kind: str, other: str, more: dict[str, Any]
) -> None:
    is_same = dashboard.make_cache_key(kind, tenant, **params) == dashboard.make_cache_key(other_kind, other, **more)
    assert is_same == ((kind, *meaning(tenant, params)) == (other_kind, *meaning(other, more)))


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), TEXT, min_size=1))
def test_texts_split_at_any_colon_give_keys_of_their_own(params: dict[str, str]) -> None:
    # The same text behind the tenant, read as other parameters.
    text = original.make_cache_key("p", "t", **params).removeprefix("p:t:")
    parts = text.split(":")
    others = [
        {parts[0]: ":".join(parts[1:])},
        {parts[0]: ":".join(parts[1:at]), parts[at]: ":".join(parts[at + 1 :])} if (at := len(parts) // 2) > 1 else {},
    ]
    keys = {dashboard.make_cache_key("p", "t", **params): meaning("t", params)}
    for other in others:
        key = dashboard.make_cache_key("p", "t", **other)
        assert keys.setdefault(key, meaning("t", other)) == meaning("t", other)


@pytest.mark.parametrize(
    "params",
    [
        {"days": 30},
        {"limit": 20, "page": 1},
        {"a": None, "b": True},
        {"q": "caf%C3%A9 & 50%"},
        {"at": datetime(2026, 1, 2, 3, 4, 5)},  # noqa: DTZ001 (as the original's code has it)
        {"filter": {"k": "v", "n": [1.5]}},
        {"link": "https://example.com:443/a?b=c"},
        {"text": "a\nb*"},
        {"z": "a:b:c"},
    ],
)
def test_what_means_one_thing_is_spelled_as_ever(params: dict[str, Any]) -> None:
    for tenant in ("tenant-001", "54d459ab-4ae8-480a-9d1c-d53b218a4fb2", "50%", "*", "é"):
        assert dashboard.make_cache_key("p", tenant, **params) == original.make_cache_key("p", tenant, **params)


def test_the_rule_for_what_means_two_things() -> None:
    assert dashboard.make_cache_key("p", "t", a="1", b="2") == "p:t:a:1:b:2"
    assert dashboard.make_cache_key("p", "t", a="1:b:2") == "p:t:%:a:1%3Ab%3A2"
    assert dashboard.make_cache_key("p", "t:a:1", b="2") == "p:t%3Aa%3A1:b:2"
    assert dashboard.make_cache_key("p", "t%3Aa") == "p:t%253Aa"
    assert dashboard.build_cache_key("forecast", "a:b", "x", 30) == "forecast:a%3Ab:x:30"


@given(TYPE, WHO, PARAMS, WHO)
def test_the_patterns_of_a_tenant_match_its_keys_and_no_other(
    kind: str, tenant: str, params: dict[str, Any], other: str
) -> None:
    key = dashboard.make_cache_key(kind, tenant, **params)
    for prefix in (None, kind):
        meant = patterns.of_tenant(other, prefix)
        assert meant.includes(key) == (tenant == other)
        if tenant == other:
            assert glob_matches(meant.near, key)
            assert any(glob_matches(glob, key) for glob in meant.globs)


@given(WHO, WHO, WHO, WHO)
def test_the_patterns_of_a_product_match_its_keys_and_no_other(
    tenant: str, product: str, other_tenant: str, other: str
) -> None:
    key = dashboard.build_cache_key("pricing", tenant, product)
    longer = dashboard.build_cache_key("forecast", tenant, f"{product}:30")
    meant = patterns.of_product(other_tenant, other)
    is_meant = tenant == other_tenant and (product == other or product.startswith(f"{other}:"))
    assert meant.includes(key) == is_meant
    assert any(glob_matches(glob, key) for glob in meant.globs) == is_meant
    if is_meant:
        assert meant.includes(longer)
        assert glob_matches(meant.near, longer)
        assert any(glob_matches(glob, longer) for glob in meant.globs)


def test_a_prefix_means_the_types_whose_name_goes_on() -> None:
    found = patterns.of_tenant("t", "dashboard")
    meant = ["dashboard:t", "dashboard_kpis:t:days:30", "dashboard_stats:t", "dashboard_a_b:t"]
    others = ["dashboards:t", "dashboard_kpis:u", "dashboard_kpis:u:x:t", "dashboard:u:t", "x:t"]
    assert list(filter(found.includes, meant + others)) == meant


def test_a_key_is_one_short_line_in_the_log() -> None:
    assert shown("dashboard_kpis:é") == "dashboard_kpis:é"
    assert shown("a\nERROR forged\x1b[2J") == r"a\nERROR forged\x1b[2J"
    assert len(shown("x" * 500)) == 100
