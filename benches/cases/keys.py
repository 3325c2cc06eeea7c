"""Building one key of each layout, with three parameters, against the same algorithm in plain Python."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, quote_plus

from bars import Bar
from bench import Bench, Case
from harness import Measure, Sample, closed_loop

from hitrate.layouts import django_ecommerce, fastapi_dashboard, nalar, quelyos_api, quelyos_ecommerce

HITRATE_KEYS = "hitrate.layouts"
PYTHON = "plain Python"
AT_ONCE = 100  # keys per operation: the loop around it costs nothing then

SHOP = {"category": "5", "min_price": "10", "search": "phones"}
ODOO = {"limit": 20, "offset": 40, "search": "robe"}
QUERY = "page=2&search=caf%C3%A9&ordering=-name"
TENANT = "54d459ab-4ae8-480a-9d1c-d53b218a4fb2"

Build = Callable[[], str]


def django_ecommerce_key(prefix: str, **kwargs: Any) -> str:
    text = "&".join(f"{name}={value}" for name, value in sorted(kwargs.items()) if value is not None)
    return f"{prefix}:{hashlib.md5(text.encode()).hexdigest()[:8]}" if text else prefix


def quelyos_api_key(prefix: str, tenant_id: Any = None, **kwargs: Any) -> str:
    if tenant_id:
        prefix = f"tenant:{tenant_id}:{prefix}"
    text = ":".join(f"{name}={value}" for name, value in sorted(kwargs.items()) if value is not None)
    return f"{prefix}:{text or 'all'}:{hashlib.md5(text.encode()).hexdigest()[:8]}"


def quelyos_ecommerce_key(params: dict[str, Any]) -> str:
    return f"products:list:{hashlib.md5(json.dumps(params, sort_keys=True).encode()).hexdigest()}"


def nalar_key(key_prefix: str, function: str, *, pk: Any = None, query: str) -> str:
    lists: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        lists.setdefault(name, []).append(value)
    text = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name in lists for value in lists[name])
    row = f"pk:{pk}" if pk else ""
    return f"{key_prefix}:{function}:{row}:{text}"


def fastapi_dashboard_key(prefix: str, tenant_id: str, **params: Any) -> str:
    parts = [prefix, tenant_id]
    for name in sorted(params):
        parts.extend([name, str(params[name])])
    return ":".join(parts)


def fastapi_dashboard_hash(query: str, params: dict[str, Any]) -> str:
    text = f"{query.lower().strip()}:{json.dumps(params, sort_keys=True, default=str)}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


BUILDS: dict[str, dict[str, Build]] = {
    HITRATE_KEYS: {
        "django_ecommerce": lambda: django_ecommerce.generate_cache_key("products:list", **SHOP),
        "nalar": lambda: nalar.response_key("employees", "list", query=QUERY),
        "quelyos_ecommerce": lambda: quelyos_ecommerce.list_products_key(ODOO),
        "quelyos_api": lambda: quelyos_api.generate_key("products", 7, limit=20, offset=40, search="robe"),
        "fastapi_dashboard": lambda: fastapi_dashboard.make_cache_key(
            "products", TENANT, limit=20, offset=40, search="robe"
        ),
        "fastapi query": lambda: fastapi_dashboard.generate_query_hash("What is my revenue?", ODOO),
    },
    PYTHON: {
        "django_ecommerce": lambda: django_ecommerce_key("products:list", **SHOP),
        "nalar": lambda: nalar_key("employees", "list", query=QUERY),
        "quelyos_ecommerce": lambda: quelyos_ecommerce_key(ODOO),
        "quelyos_api": lambda: quelyos_api_key("products", 7, limit=20, offset=40, search="robe"),
        "fastapi_dashboard": lambda: fastapi_dashboard_key("products", TENANT, limit=20, offset=40, search="robe"),
        "fastapi query": lambda: fastapi_dashboard_hash("What is my revenue?", ODOO),
    },
}
LAYOUTS = tuple(BUILDS[PYTHON])
# Its original only joins text, and being called with keywords costs both the same. So no bar.
JOINED = "fastapi_dashboard"


@contextmanager
def _keys(bench: Bench) -> Iterator[Measure]:
    for layout in LAYOUTS:
        assert BUILDS[HITRATE_KEYS][layout]() == BUILDS[PYTHON][layout]()

    def measure(name: str) -> Sample:
        return {
            f"{layout} µs": closed_loop(_many(build), bench.seconds / len(LAYOUTS)).sample()["CPU µs"] / AT_ONCE
            for layout, build in BUILDS[name].items()
        }

    yield measure


def _many(build: Build) -> Callable[[], bool]:
    def operation() -> bool:
        for _ in range(AT_ONCE):
            build()
        return True

    return operation


CASES = (
    Case(
        "keys",
        "one key of each layout, three parameters",
        (HITRATE_KEYS, PYTHON),
        tuple(f"{layout} µs" for layout in LAYOUTS),
        _keys,
        tuple(Bar(HITRATE_KEYS, f"{layout} µs", PYTHON, at_most=1 / 3) for layout in LAYOUTS if layout != JOINED),
        extra=(HITRATE_KEYS, PYTHON),
    ),
)
