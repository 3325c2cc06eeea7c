"""The visitor's pricelist, which is found without asking the database, is the one that Odoo finds."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.with_odoo.client import Browser
from tests.with_odoo.conftest import make_products
from tests.with_odoo.site import Site
from tests.with_odoo.test_administration import portal
from tests.with_odoo.test_crossing import switch_pricelists

__all__ = ["portal"]

STEPS = 30
COUNTRIES = (None, "BE", "US")
PARAMETER = "res.partner.property_product_pricelist"


def asked(visitor: Browser, country: str | None) -> dict[str, Any]:
    """What the request's pricelist is, what Odoo's own method says, and what each left in the session."""
    found: dict[str, Any] = visitor.call("/probe/pricelist", country=country)
    return found


class World:
    """Everything that a visitor's pricelist depends on, which changes at random."""

    def __init__(self, admin: Browser, chance: random.Random) -> None:
        self.admin, self.chance = admin, chance
        self.done: list[str] = []
        self.website: int = admin.kw("website", "search", [], limit=1)[0]
        user = admin.kw("website", "read", [self.website], ["user_id"])[0]["user_id"][0]
        self.public: int = admin.kw("res.users", "read", [user], ["partner_id"])[0]["partner_id"][0]
        self.countries = [admin.kw("res.country", "search", [["code", "=", code]])[0] for code in ("BE", "US")]
        self.groups = [self._create("res.country.group", name=f"Group {number}") for number in range(2)]
        self.lists = [self._create("product.pricelist", **self._pricelist()) for _ in range(3)]

    def _create(self, model: str, **values: Any) -> int:
        found: int = self.admin.kw(model, "create", values)
        return found

    def _pricelist(self) -> dict[str, Any]:
        some = self.chance.sample(self.groups, self.chance.choice([0, 0, 1, 2]))
        return {
            "name": "World",
            "selectable": self.chance.random() < 0.6,
            "website_id": self.chance.choice([False, self.website]),
            "code": self.chance.choice([False, False, "promotion"]),
            "sequence": self.chance.randrange(5),
            "active": self.chance.random() < 0.8,
            "country_group_ids": [(6, 0, some)],
        }

    def change(self) -> str:
        """Change something; tell what."""
        steps: list[Callable[[], object]] = [
            self.changed_pricelist,
            self.changed_pricelist,
            self.new_pricelist,
            self.deleted_pricelist,
            self.changed_group,
            self.changed_group,
            self.country_of_strangers,
            self.pricelist_of_strangers,
            self.parameter,
        ]
        step = self.chance.choice(steps)
        return f"{step.__name__} {step()}"

    def changed_pricelist(self) -> object:
        values = self._pricelist()
        chosen = {name: values[name] for name in self.chance.sample(list(values), 2)}
        number = self.chance.choice(self.lists)
        self.admin.kw("product.pricelist", "write", [number], chosen)
        return number, chosen

    def new_pricelist(self) -> object:
        self.lists.append(self._create("product.pricelist", **self._pricelist()))
        return self.lists[-1]

    def deleted_pricelist(self) -> object:
        number = self.lists.pop(self.chance.randrange(len(self.lists)))
        if not self.lists:
            self.new_pricelist()
        # Odoo itself fails for everybody where either still names it.
        self.admin.kw("res.partner", "write", [self.public], {"specific_property_product_pricelist": False})
        self.admin.kw("ir.config_parameter", "set_param", PARAMETER, False)
        self.admin.kw("product.pricelist", "unlink", [number])
        return number

    def changed_group(self) -> object:
        values = {"country_ids": [(6, 0, self.chance.sample(self.countries, self.chance.randrange(3)))]}
        self.admin.kw("res.country.group", "write", [self.chance.choice(self.groups)], values)
        return values

    def country_of_strangers(self) -> object:
        values = {"country_id": self.chance.choice([False, *self.countries])}
        self.admin.kw("res.partner", "write", [self.public], values)
        return values

    def pricelist_of_strangers(self) -> object:
        values = {"specific_property_product_pricelist": self.chance.choice([False, *self.lists])}
        self.admin.kw("res.partner", "write", [self.public], values)
        return values

    def parameter(self) -> object:
        number = self.chance.choice([False, *self.lists])
        self.admin.kw("ir.config_parameter", "set_param", PARAMETER, number)
        return number

    def end(self) -> None:
        """Leave the shop without pricelists."""
        self.admin.kw("ir.config_parameter", "set_param", PARAMETER, False)
        values = {"specific_property_product_pricelist": False, "country_id": False}
        self.admin.kw("res.partner", "write", [self.public], values)
        self.admin.kw("product.pricelist", "write", self.lists, {"active": False, "website_id": False})
        self.admin.kw("res.country.group", "unlink", self.groups)


@pytest.fixture
def world(admin: Browser, request: pytest.FixtureRequest) -> Iterator[World]:
    switch_pricelists(admin, on=True)
    seed = random.randrange(2**32) if request.param is None else request.param
    found = World(admin, random.Random(seed))
    found.done.append(f"seed {seed}")
    yield found
    found.end()
    switch_pricelists(admin, on=False)


@pytest.mark.parametrize("world", [1, None], indirect=True, ids=["seed 1", "any seed"])
def test_it_is_odoo_s_own_whatever_changes(site: Site, admin: Browser, portal: Browser, world: World) -> None:
    (product,) = make_products(admin, 1, type="service", is_storable=False)
    variant = admin.kw("product.template", "read", [product], ["product_variant_id"])[0]["product_variant_id"][0]
    buyer = site.browser()
    buyer.call("/shop/cart/add", product_template_id=product, product_id=variant, quantity=1)
    # Whose session goes on from one step to the next, and who comes new.
    known = {"stranger": site.browser(), "customer": portal, "buyer": buyer}
    done = world.done
    for _ in range(STEPS):
        done.append(world.change())
        if world.chance.random() < 0.3:
            known["stranger"].fetch(f"/shop/change_pricelist/{world.chance.choice(world.lists)}")
        for name, visitor in {**known, "newcomer": site.browser()}.items():
            for country in world.chance.sample(COUNTRIES, 2):
                found = asked(visitor, country)
                assert found["ours"] == found["odoo"], (name, country, done)
                assert found["our_session"] == found["odoo_session"], (name, country, done)


@pytest.mark.parametrize("world", [3], indirect=True)
def test_who_is_known_by_his_session_or_by_nothing_costs_no_query(site: Site, admin: Browser, world: World) -> None:
    admin.kw(
        "product.pricelist", "write", world.lists, {"active": True, "selectable": True, "country_group_ids": [(5,)]}
    )
    for visitors in ([site.browser()] * 12, [site.browser() for _ in range(12)]):
        counted = [asked(visitor, "BE") for visitor in visitors]
        # Each of two workers asks once for strangers, and once whether what the session names may be used.
        assert [found["queries"] for found in counted].count(0) >= 8
        assert all(found["ours"] and found["ours"] == found["odoo"] for found in counted)


def test_where_they_are_switched_off_there_is_none(site: Site) -> None:
    found = [asked(site.browser(), "BE") for _ in range(12)]
    assert {(answer["ours"], answer["odoo"]) for answer in found} == {(False, False)}
    assert [answer["queries"] for answer in found].count(0) >= 10
