"""
The golden ``invalidations`` of the Django systems, on a real server.

A vector of ``django_ecommerce`` says which keys its patterns would have deleted with the version in them. What is
deleted beyond that, and what is left, is written down here; see docs/features/layouts.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hitrate._native import glob_matches
from hitrate.testing import Endpoint
from tests.contracts.callables import INVALIDATIONS, MEANT
from tests.contracts.vectors import VECTORS
from tests.with_django.conftest import use_caches  # noqa: F401 (a fixture; its module configures Django)

Vector = dict[str, Any]

SYSTEMS = {"django_ecommerce": "ecommerce", "nalar": "nalar"}
CASES = [
    pytest.param(vector, id=f"{vector['system']}-{vector['function']}-{number}")
    for number, vector in enumerate(VECTORS["invalidations"])
    if vector["system"] in SYSTEMS
]

# Keys of the shop that are deleted beyond what was meant: without prefix and version.
OF_FIVE = {"products:list", "product:5:variants:list", "product:6:recommendations"}
ALSO_DELETED = {
    ("invalidate_product_cache", 5): OF_FIVE,
    ("clear_product_cache --product-id 5", 5): OF_FIVE,
    ("invalidate_product_cache", None): {
        "products:list",
        "product:5:recommendations",
        "product:6:recommendations",
    },
    ("invalidate_category_cache (views)",): {"products:list", "category:5"},
    ("invalidate_category_cache (signals)",): {"products:list"},
}
NOT_DELETED = {("invalidate_user_cache", 9): {"cart:user:91"}}
# Of the ERP, as the server has them: a pattern that does not name sessions logs nobody out.
SPARED = "nalar:1:django.contrib.sessions."


def meant(vector: Vector) -> set[str]:
    """What the patterns match when they carry prefix and version, corrected."""
    if vector["system"] == "nalar":
        return {key for key in vector["deleted"] if not key.startswith(SPARED)}
    head = "ecommerce:1:"
    patterns = [f"{head}{pattern.removeprefix(head).removeprefix('ecommerce:')}" for pattern in vector["patterns"]]
    matched = {key for key in vector["store"] if any(glob_matches(pattern, key) for pattern in patterns)}
    if not vector["original"]:
        assert matched == set(vector["deleted"])
    row = (vector["function"].removesuffix(MEANT), *vector["args"])
    more, less = ({f"{head}{key}" for key in table.get(row, ())} for table in (ALSO_DELETED, NOT_DELETED))
    assert not more & matched
    assert less <= matched
    return (matched | more) - less


def test_every_invalidation_of_the_vectors_is_covered() -> None:
    wanted = {(vector["system"], vector["function"]) for vector in VECTORS["invalidations"]}
    assert {name for name in wanted if name[0] in SYSTEMS} <= set(INVALIDATIONS)


@pytest.mark.parametrize("vector", CASES)
def test_golden_invalidations_delete_what_was_meant(
    vector: Vector,
    server: Endpoint,
    prefix: str,
    use_caches: Callable[..., None],  # noqa: F811
) -> None:
    use_caches({"BACKEND": "hitrate.django.RedisCache", "LOCATION": server.url, "KEY_PREFIX": prefix})
    theirs = SYSTEMS[vector["system"]] + ":"
    # Keys of the system get the prefix of the test; those of others another one of the test's.
    names = {
        key: f"{prefix}:{key.removeprefix(theirs)}" if key.startswith(theirs) else f"{prefix}-others:{key}"
        for key in vector["store"]
    }
    for name in names.values():
        server.execute("SET", name, "1")
    expected = meant(vector)
    count = INVALIDATIONS[vector["system"], vector["function"]](*vector["args"])
    left = {key for key, name in names.items() if server.execute("EXISTS", name)}
    assert set(vector["store"]) - left == expected
    assert count == len(expected)
