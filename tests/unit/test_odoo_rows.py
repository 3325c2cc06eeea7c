"""No row of the Odoo systems' documents is without a test, and no endpoint, key or limit without a row."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from hitrate.layouts import quelyos_api, quelyos_ecommerce
from tests.with_odoo.rows import API, ECOMMERCE, Row

TESTS = Path(__file__).resolve().parents[1]
ADDONS = TESTS.parent / "examples/odoo/addons"
DOCUMENTS = [ECOMMERCE, API]


def names_in(path: Path) -> set[str]:
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def routes() -> Iterator[str]:
    """The addresses that the addons' controllers answer."""
    for path in sorted(ADDONS.glob("*/controllers/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"route", "json_route", "_json_route"}:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    yield first.value


@pytest.mark.parametrize("row", [row for rows in DOCUMENTS for row in rows], ids=lambda row: f"{row[0]}: {row[1]}"[:80])
def test_the_names_in_a_row_are_there(row: Row) -> None:
    assert row[2]
    for reference in row[2]:
        file, name = reference.split("::")
        path = TESTS / file if "/" in file else TESTS / "with_odoo" / file
        assert name in names_in(path), reference


@pytest.mark.parametrize("rows", DOCUMENTS, ids=["quelyos_ecommerce", "quelyos_api"])
def test_no_row_is_there_twice(rows: list[Row]) -> None:
    found = [(section, what) for section, what, _ in rows]
    assert len(found) == len(set(found))


def test_every_endpoint_has_a_row() -> None:
    said = " ".join(what for rows in DOCUMENTS for _, what, _ in rows)
    words = {word.strip(",:") for word in said.split()}
    found = list(routes())
    assert len(found) == 13
    assert [path for path in found if path not in words] == []


@pytest.mark.parametrize(("system", "rows"), [(quelyos_ecommerce, ECOMMERCE), (quelyos_api, API)])
def test_every_key_has_a_row_with_its_lifetime(system: object, rows: list[Row]) -> None:
    said = " ".join(what for _, what, _ in rows)
    entries = system.ENTRIES  # type: ignore[attr-defined]
    assert [entry for entry in entries if f"`{entry.key}`, {entry.ttl} s" not in said] == []


def test_every_limit_has_a_row() -> None:
    said = " ".join(what for _, what, _ in API)
    assert [name for name in quelyos_api.RATE_LIMITS if name not in said] == []
