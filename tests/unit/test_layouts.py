"""Keys of the layouts against the algorithms they replace, written again in plain Python, on whatever may be passed."""

from __future__ import annotations

import hashlib
import inspect
import json
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from datetime import date, datetime, timezone
from enum import Enum, IntEnum
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote_plus
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitrate import layouts
from hitrate._native import PairsLayout, last_values, md5_hex, normalise_query, sha256_hex, sorted_json
from hitrate.exceptions import ConfigError
from hitrate.layouts import django_ecommerce, fastapi_dashboard, nalar, quelyos_api, quelyos_ecommerce
from hitrate.layouts.entry import Event


class Color(IntEnum):
    RED = 1


class Size(str, Enum):
    LARGE = "l"


class Shouting(str):
    __slots__ = ()

    def __str__(self) -> str:
        return self.upper()


class Formatted:
    def __str__(self) -> str:
        return "by str"

    def __format__(self, spec: str) -> str:
        return "by format"


class Failing:
    def __str__(self) -> str:
        raise LookupError("no text today")


class LongFloat(float):
    def __repr__(self) -> str:
        return "long"


class Pair(NamedTuple):
    a: int
    b: str


# Lone surrogates and unassigned code points included.
TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
ODD = st.sampled_from(
    [
        Color.RED,
        Size.LARGE,
        Shouting("shout"),
        Formatted(),
        Failing(),
        LongFloat(0.5),
        Pair(1, "é"),
        OrderedDict(b=1, a=2),
        {1, 2},
        frozenset(),
        b"ab\xff",
        bytearray(b"x"),
        1j,
        ...,
        object,
        range(3),
        date(2026, 1, 2),
        datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone.utc),
        UUID("54d459ab-4ae8-480a-9d1c-d53b218a4fb2"),
    ]
)
PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(10**60), 10**60), st.floats(), TEXT, st.decimals()
)
NAMES = st.one_of(st.integers(), st.booleans(), st.none(), st.floats(), st.sampled_from([Color.RED, (1,)]))
VALUES = st.recursive(
    st.one_of(PLAIN, PLAIN, ODD),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(TEXT, inner, max_size=4),
        st.dictionaries(st.one_of(TEXT, NAMES), inner, max_size=3),
    ),
    max_leaves=12,
)
PARAMS = st.dictionaries(TEXT, VALUES, max_size=5)
QUERY = st.one_of(
    st.text(st.sampled_from("ab=&+%;é日 \0~/#") | st.characters(exclude_categories=()), max_size=30),
    st.lists(st.sampled_from("a b = & + % %C3 %A9 %e6 %97 %F0%9F %ff %4 é a= &b=".split(" ")), max_size=12).map(
        "".join
    ),
)


def outcome(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, Any]:
    """What a call gives, or what it raises and with which words."""
    try:
        return None, function(*args, **kwargs)
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        return type(error), str(error)


def pairs(params: dict[str, Any], between: str, separator: str, *, keep_none: bool, word: Callable[[Any], str]) -> str:
    names = sorted(name for name, value in params.items() if keep_none or value is not None)
    return separator.join([name + between + word(params[name]) for name in names])


def interpolated(value: Any) -> str:
    return f"{value}"


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def sorted_dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def sorted_dump_with_str(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def query_lists(query: str) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        # Where QueryDict is asked for text it can be encoded, or the request fails.
        name.encode()
        value.encode()
        lists.setdefault(name, []).append(value)
    return lists


@given(PARAMS, st.booleans())
def test_pairs_are_those_of_str(params: dict[str, Any], keep_none: bool) -> None:
    expected = outcome(pairs, params, "=", "&", keep_none=keep_none, word=str)
    layout = PairsLayout("=", "&", shows="pairs", empty="", keep_none=keep_none)
    assert outcome(lambda: layout.key("", params)[1:]) == expected


@given(PARAMS)
def test_pairs_are_those_of_an_f_string(params: dict[str, Any]) -> None:
    expected = outcome(pairs, params, ":", ":", keep_none=False, word=interpolated)
    layout = PairsLayout(":", ":", shows="pairs", empty="", formatted=True)
    assert outcome(lambda: layout.key("", params)[1:]) == expected


@given(VALUES)
def test_json_is_that_of_dumps(value: Any) -> None:
    assert outcome(sorted_json, value) == outcome(sorted_dump, value)


@given(VALUES)
def test_json_with_str_is_that_of_dumps(value: Any) -> None:
    assert outcome(sorted_json, value, default_str=True) == outcome(sorted_dump_with_str, value)


@given(st.floats())
def test_floats_are_written_as_python_does(value: float) -> None:
    assert PairsLayout("", "", shows="pairs").key("f", {"": value}) == f"f:{value}"
    assert sorted_json(value) == json.dumps(value)


@given(TEXT)
def test_digests_are_those_of_hashlib(text: str) -> None:
    assert outcome(md5_hex, text) == outcome(md5, text)
    assert outcome(sha256_hex, text) == outcome(lambda text: hashlib.sha256(text.encode()).hexdigest(), text)


@given(TEXT.filter(str.isprintable), st.integers(0, 70))
def test_digests_are_cut(text: str, digits: int) -> None:
    assert md5_hex(text, digits) == md5(text)[:digits]
    assert sha256_hex(text, digits) == hashlib.sha256(text.encode()).hexdigest()[:digits]


@given(QUERY)
def test_queries_are_read_and_written_as_django_does(query: str) -> None:
    kind, lists = outcome(query_lists, query)
    if kind:
        assert outcome(normalise_query, query)[0] is outcome(last_values, query)[0] is kind
        return
    expected = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name in lists for value in lists[name])
    assert normalise_query(query) == expected
    assert list(last_values(query).items()) == [(name, values[-1]) for name, values in lists.items()]


@given(TEXT, PARAMS)
def test_django_ecommerce_lists(prefix: str, params: dict[str, Any]) -> None:
    def original() -> str:
        text = pairs(params, "=", "&", keep_none=False, word=str)
        return prefix + ":" + md5(text)[:8] if text else prefix

    params.pop("prefix", None)
    assert outcome(django_ecommerce.generate_cache_key, prefix, **params) == outcome(original)


@given(TEXT, st.one_of(st.none(), st.integers(), TEXT), PARAMS)
def test_quelyos_api_keys(prefix: str, tenant: Any, params: dict[str, Any]) -> None:
    def original() -> str:
        text = pairs(params, "=", ":", keep_none=False, word=interpolated)
        head = f"tenant:{tenant}:{prefix}" if tenant else prefix
        return ":".join([head, text or "all", md5(text)[:8]])

    for name in ("prefix", "tenant_id"):
        params.pop(name, None)
    assert outcome(quelyos_api.generate_key, prefix, tenant, **params) == outcome(original)


@given(PARAMS)
def test_quelyos_ecommerce_lists(params: dict[str, Any]) -> None:
    expected = outcome(lambda: "products:list:" + md5(sorted_dump(params)))
    assert outcome(quelyos_ecommerce.list_products_key, params) == expected


@given(st.lists(VALUES, max_size=4))
def test_quelyos_ecommerce_calls(args: list[Any]) -> None:
    expected = outcome(lambda: "p:" + ":".join([str(arg) for arg in args]))
    assert outcome(quelyos_ecommerce.cached_key, "p", *args) == expected


@given(st.one_of(TEXT, st.none(), st.integers()), PARAMS)
def test_fastapi_dashboard_keys(tenant: Any, params: dict[str, Any]) -> None:
    def original() -> str:
        parts = ["p", tenant]
        for name in sorted(params):
            parts += [name, str(params[name])]
        return ":".join(parts)

    for name in ("prefix", "tenant_id"):
        params.pop(name, None)
    kind, key = outcome(original)
    found = outcome(fastapi_dashboard.original.make_cache_key, "p", tenant, **params)
    if kind is None or isinstance(tenant, str):
        assert found == (kind, key)
    else:
        # Which of two mistakes is met first is not part of the key.
        assert found[0] is TypeError


@given(TEXT, st.one_of(st.none(), PARAMS))
def test_fastapi_dashboard_queries(query: str, params: dict[str, Any] | None) -> None:
    def original() -> str:
        text = query.lower().strip()
        if params:
            text += ":" + sorted_dump_with_str(params)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    assert outcome(fastapi_dashboard.generate_query_hash, query, params) == outcome(original)


@given(st.one_of(st.none(), st.integers(), TEXT), st.one_of(st.none(), QUERY))
def test_nalar_responses(pk: Any, query: str | None) -> None:
    def original() -> str:
        lists = query_lists(query or "")
        text = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name in lists for value in lists[name])
        return "employees:list:" + (f"pk:{pk}" if pk else "") + ":" + text

    kind, key = outcome(original)
    found = outcome(nalar.response_key, "employees", "list", pk=pk, query=query)
    assert found[0] is kind
    assert kind or found[1] == key


@pytest.mark.skipif(not hasattr(sys, "get_int_max_str_digits"), reason="this Python writes any integer")
def test_integers_too_long_for_python_are_refused_as_python_refuses_them() -> None:
    long = 10 ** (sys.get_int_max_str_digits() + 1)
    kind, words = outcome(str, long)
    assert kind is ValueError
    assert outcome(django_ecommerce.generate_cache_key, "p", a=long) == (kind, words)
    assert outcome(sorted_json, [long]) == outcome(sorted_dump, [long])


def test_an_unknown_form_of_key_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown 'shows' \"all\"; use 'pairs', 'digest' or 'both'"):
        PairsLayout("=", "&", shows="all")  # type: ignore[arg-type]


def test_a_native_function_of_keys_takes_its_arguments_as_one_in_python_does() -> None:
    def like(prefix: str, tenant: object = None, **params: Any) -> str:
        """The key."""
        return f"t:{tenant}:{prefix}:" + pairs(params, "=", "&", keep_none=False, word=str)

    layout = PairsLayout("=", "&", shows="pairs", empty="")
    function = layout.function(like, scope="t")
    assert [function.__name__, function.__doc__, function.__module__] == ["like", "The key.", __name__]
    assert str(inspect.signature(function)) == "(prefix, tenant=None, **params)"
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        (("p", 7), {}),
        (("p",), {"tenant": "x", "b": 1, "a": None}),
        ((), {"a": 2, "tenant": 1.5, "prefix": "p"}),
        ((), {"tenant": 1}),
        ((), {}),
        (("p", 1), {"tenant": 1}),
        (("p", 1), {"prefix": "p"}),
        (("p", 1, 2), {}),
    ]
    for args, kwargs in calls:
        found, expected = outcome(function, *args, **kwargs), outcome(like, *args, **kwargs)
        assert found[0] is expected[0], (args, kwargs)
        assert expected[0] or found == expected
    params = {"tenant": 1, "prefix": "p", "a": 3}
    assert function(**params) == "t:1:p:a=3"
    assert params == {"tenant": 1, "prefix": "p", "a": 3}


@pytest.mark.parametrize("scope", [None, 0, "", [], False])
def test_a_scope_that_is_false_is_left_out(scope: object) -> None:
    def like(prefix: str, tenant: object = None, **params: Any) -> str:
        raise NotImplementedError

    function = PairsLayout("=", "&", shows="pairs").function(like, scope="t")
    assert function("p", scope, a=1) == "p:a=1"


@pytest.mark.parametrize("scope", [None, "t"])
def test_a_native_function_of_keys_is_like_one_with_a_prefix(scope: str | None) -> None:
    def like(prefix: str, one: int, two: int, **params: Any) -> str:
        raise NotImplementedError

    with pytest.raises(ConfigError, match="'like' has 3 arguments; a prefix is needed, and one more with 'scope'"):
        PairsLayout("=", "&", shows="pairs").function(like, scope=scope)


def test_values_that_contain_themselves_or_are_too_deep_are_refused_as_json_refuses_them() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert outcome(sorted_json, {"a": circle}) == outcome(sorted_dump, {"a": circle})
    deep: list[Any] = []
    for _ in range(500):
        deep = [deep]
    assert sorted_json(deep) == json.dumps(deep)
    for _ in range(200_000):
        deep = [deep]
    assert outcome(sorted_json, deep)[0] is RecursionError
    while deep:  # or the interpreter would free it recursively
        deep = deep.pop()


def test_a_value_may_change_what_it_is_part_of_while_it_is_written() -> None:
    class Clearing:
        def __str__(self) -> str:
            params.clear()
            items.clear()
            return "cleared"

    items: list[Any] = []
    params: dict[str, Any] = {}

    def fill() -> None:
        params.update(a=Clearing(), b="b" * 10_000, c=[1] * 10_000)
        items.extend([Clearing(), "b" * 10_000, [1] * 10_000])

    fill()
    assert "a=cleared&b=b" in PairsLayout("=", "&", shows="pairs").key("p", params)
    fill()
    assert '"a": "cleared", "b": "b' in sorted_json(params, default_str=True)
    fill()
    assert '["cleared"' in sorted_json(items, default_str=True)


@pytest.mark.parametrize("name", ["django_ecommerce", "fastapi_dashboard", "nalar", "quelyos_api", "quelyos_ecommerce"])
def test_entries_are_told_apart_and_live(name: str) -> None:
    entries = getattr(layouts, name).ENTRIES
    assert len({entry.key for entry in entries}) == len(entries)
    assert all(entry.ttl > 0 for entry in entries)


def test_what_the_originals_forgot_to_clear_is_cleared_by_the_entries() -> None:
    shop = {entry.key: entry.cleared_by for entry in django_ecommerce.ENTRIES}
    assert django_ecommerce.PRODUCT_CHANGED in shop["products:list"]
    assert django_ecommerce.PRODUCT_CHANGED in shop["product:{id}:variants:list"]
    crm = {entry.key: entry.cleared_by for entry in nalar.ENTRIES}
    for key in ("crm_contacts:list::{query}", "crm_contact_detail:retrieve:pk:{pk}:{query}"):
        assert nalar.POSITION_CHANGED in crm[key]
    assert Event("employees created") not in crm["employee_detail:retrieve:pk:{pk}:{query}"]
    dashboard = {entry.key: entry.cleared_by for entry in fastapi_dashboard.ENTRIES}
    assert fastapi_dashboard.TENANT_CHANGED in dashboard["dashboard_stats:{tenant}"]


def test_layouts_are_read_without_their_frameworks() -> None:
    program = "import sys, hitrate.layouts; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-I", "-c", program], check=True, capture_output=True, text=True)
    assert {"django", "asgiref", "rest_framework"}.isdisjoint(done.stdout.split())
