"""Changes of other records than the product itself: after each, what was kept is what would be computed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.with_odoo.client import Browser
from tests.with_odoo.conftest import company_of, make_products, put_in_stock
from tests.with_odoo.site import Site
from tests.with_odoo.test_crossing import switch_pricelists
from tests.with_odoo.test_products import LIST, details

ANALYTICS = "/api/ecommerce/analytics/cached"
API_LIST = "/api/ecommerce/products"
SALES = 10.0

Step = Callable[[], object]


class Scene:
    """A product of a service, its attribute and categories, and an order that was confirmed."""

    def __init__(self, admin: Browser) -> None:
        self.admin, self.name = admin, f"Scene {uuid.uuid4()}"
        self.tag = self.create("product.tag", name=self.name)
        self.parent = self.create("product.category", name=self.name)
        self.inner = self.create("product.category", name=f"{self.name} inner")
        self.attribute = self.create("product.attribute", name=self.name, create_variant="no_variant")
        self.values = [
            self.create("product.attribute.value", name=name, attribute_id=self.attribute) for name in ("Red", "Blue")
        ]
        line = {"attribute_id": self.attribute, "value_ids": [(6, 0, self.values[:1])]}
        (self.product,) = make_products(
            admin,
            1,
            name=self.name,
            type="service",
            is_storable=False,
            categ_id=self.inner,
            product_tag_ids=[(6, 0, [self.tag])],
            attribute_line_ids=[(0, 0, line)],
        )
        found = admin.kw("product.template", "read", [self.product], ["product_variant_id", "attribute_line_ids"])[0]
        self.variant, self.line = found["product_variant_id"][0], found["attribute_line_ids"][0]

    def create(self, model: str, **values: Any) -> int:
        found: int = self.admin.kw(model, "create", values)
        return found

    def write(self, model: str, number: int, **values: Any) -> None:
        self.admin.kw(model, "write", [number], values)

    def order(self, quantity: float = SALES) -> tuple[int, int]:
        """An order that is confirmed, and its line."""
        line = {"product_id": self.variant, "product_uom_qty": quantity}
        partner = self.create("res.partner", name=self.name)
        order = self.create("sale.order", partner_id=partner, order_line=[(0, 0, line)])
        self.admin.kw("sale.order", "action_confirm", [order])
        return order, self.admin.kw("sale.order", "read", [order], ["order_line"])[0]["order_line"][0]


@pytest.fixture
def scene(admin: Browser) -> Scene:
    return Scene(admin)


def kept(visitor: Browser, product: int) -> dict[str, Any]:
    """What visitors are told of a product, from the cache where it is there."""
    listed = visitor.call(LIST, sort="newest", limit=100)["data"]["products"]
    return {
        "details": visitor.call(details(product))["data"],
        "list": [card for card in listed if card["id"] == product],
        "facets": visitor.call("/api/ecommerce/products/facets/cached")["data"],
    }


def computed(visitor: Browser, product: int) -> dict[str, Any]:
    """The same from the database."""
    listed = visitor.call("/probe/uncached/newest")["data"]["products"]
    return {
        "details": visitor.call("/probe/uncached/details", product_id=product)["data"],
        "list": [card for card in listed if card["id"] == product],
        "facets": visitor.call("/probe/uncached/facets")["data"],
    }


def is_seen(visitor: Browser, product: int, change: Step) -> None:
    """A change of the answers, after which those that were kept are given to nobody."""
    for _ in range(2):
        before = kept(visitor, product)
    assert before == computed(visitor, product)
    change()
    after = kept(visitor, product)
    assert after != before
    assert after == computed(visitor, product)


def test_a_tag_that_is_deleted(site: Site, scene: Scene) -> None:
    is_seen(site.browser(), scene.product, lambda: scene.admin.kw("product.tag", "unlink", [scene.tag]))


def test_a_tag_that_is_given_from_its_side(site: Site, scene: Scene) -> None:
    taken = {"product_template_ids": [(3, scene.product)]}
    is_seen(site.browser(), scene.product, lambda: scene.write("product.tag", scene.tag, **taken))


def test_a_line_of_attributes_that_is_written_itself(site: Site, scene: Scene) -> None:
    more = {"value_ids": [(4, scene.values[1])]}
    is_seen(site.browser(), scene.product, lambda: scene.write("product.template.attribute.line", scene.line, **more))


def test_a_value_of_an_attribute_that_odoo_s_wizard_adds_to_all_products(site: Site, scene: Scene) -> None:
    values = {"attribute_value_id": scene.values[1], "mode": "add"}
    wizard = scene.create("update.product.attribute.value", **values)
    is_seen(
        site.browser(),
        scene.product,
        lambda: scene.admin.kw("update.product.attribute.value", "action_confirm", [wizard]),
    )


def test_a_line_of_attributes_that_is_deleted(site: Site, scene: Scene) -> None:
    is_seen(
        site.browser(),
        scene.product,
        lambda: scene.admin.kw("product.template.attribute.line", "unlink", [scene.line]),
    )


def test_a_confirmed_quantity_of_a_service_that_falls(site: Site, scene: Scene) -> None:
    _, line = scene.order()
    is_seen(site.browser(), scene.product, lambda: scene.write("sale.order.line", line, product_uom_qty=1.0))


def test_a_line_that_is_added_to_a_confirmed_order(site: Site, scene: Scene) -> None:
    order, _ = scene.order(1.0)
    values = {"order_id": order, "product_id": scene.variant, "product_uom_qty": SALES}
    is_seen(site.browser(), scene.product, lambda: scene.create("sale.order.line", **values))


def test_an_order_that_is_found_to_be_of_long_ago(site: Site, scene: Scene) -> None:
    order, _ = scene.order()
    is_seen(site.browser(), scene.product, lambda: scene.write("sale.order", order, date_order="2020-01-01 00:00:00"))


def test_an_order_that_is_written_back_to_a_draft(site: Site, scene: Scene) -> None:
    order, _ = scene.order()
    is_seen(site.browser(), scene.product, lambda: scene.write("sale.order", order, state="draft"))


@pytest.fixture
def priced(admin: Browser, scene: Scene) -> Iterator[Callable[..., Browser]]:
    """Gives the scene's visitor a pricelist of one rule."""
    switch_pricelists(admin, on=True)
    made: list[int] = []

    def make(site: Site, **rule: Any) -> Browser:
        values = {"name": scene.name, "selectable": True, "item_ids": [(0, 0, rule)]}
        made.append(scene.create("product.pricelist", **values))
        visitor = site.browser()
        visitor.fetch(f"/shop/change_pricelist/{made[-1]}")
        return visitor

    yield make
    admin.kw("product.pricelist", "write", made, {"active": False})
    switch_pricelists(admin, on=False)


def test_costs_that_prices_are_made_from(site: Site, scene: Scene, priced: Callable[..., Browser]) -> None:
    rule = {"applied_on": "3_global", "compute_price": "formula", "base": "standard_price", "price_markup": 0.0}
    visitor = priced(site, **rule)
    scene.write("product.product", scene.variant, standard_price=4.0)
    assert visitor.call(details(scene.product))["data"]["list_price"] == 4.0
    is_seen(visitor, scene.product, lambda: scene.write("product.product", scene.variant, standard_price=5.0))
    is_seen(visitor, scene.product, lambda: scene.write("product.template", scene.product, standard_price=6.0))


def test_a_category_that_comes_under_a_rule_of_prices(site: Site, scene: Scene, priced: Callable[..., Browser]) -> None:
    rule = {"applied_on": "2_product_category", "categ_id": scene.parent, "compute_price": "fixed", "fixed_price": 3.0}
    visitor = priced(site, **rule)
    is_seen(visitor, scene.product, lambda: scene.write("product.category", scene.inner, parent_id=scene.parent))


def test_analytics_know_discounts_taxes_lines_and_dates_and_no_carts(site: Site, scene: Scene) -> None:
    order, line = scene.order()
    tax = scene.create("account.tax", name=scene.name, amount=20.0, type_tax_use="sale")

    def numbers() -> tuple[bool, dict[str, Any]]:
        answer = scene.admin.call(ANALYTICS)
        return answer["cached"], answer["data"]

    def is_forgotten_by(change: Step) -> None:
        numbers()
        was_cached, before = numbers()
        assert was_cached
        change()
        was_cached, after = numbers()
        assert not was_cached
        assert after != before

    is_forgotten_by(lambda: scene.write("sale.order.line", line, discount=50.0))
    is_forgotten_by(lambda: scene.write("sale.order.line", line, tax_ids=[(6, 0, [tax])]))
    is_forgotten_by(lambda: scene.write("sale.order.line", line, product_uom_qty=3.0))
    is_forgotten_by(lambda: scene.create("sale.order.line", order_id=order, product_id=scene.variant))
    is_forgotten_by(lambda: scene.write("sale.order", order, date_order="2020-01-01 00:00:00"))
    numbers()
    partner = scene.admin.kw("sale.order", "read", [order], ["partner_id"])[0]["partner_id"][0]
    cart = scene.create("sale.order", partner_id=partner, order_line=[(0, 0, {"product_id": scene.variant})])
    (in_cart,) = scene.admin.kw("sale.order", "read", [cart], ["order_line"])[0]["order_line"]
    scene.write("sale.order.line", in_cart, discount=10.0, product_uom_qty=7.0)
    scene.admin.kw("sale.order", "action_quotation_sent", [cart])
    scene.admin.kw("sale.order", "unlink", [scene.admin.kw("sale.order", "copy", [cart])[0]])
    # Carts are made at every moment: none of that is a sale.
    assert numbers()[0]


def test_a_changed_product_is_found_by_its_new_name_and_described_by_it(site: Site, admin: Browser) -> None:
    name, visitor = f"Nova {uuid.uuid4()}", site.browser()
    (product,) = make_products(admin, 1, name=name)
    seo, search = f"/api/ecommerce/products/{product}/seo/cached", "/api/ecommerce/products/search/cached"

    def found() -> tuple[str, list[int]]:
        title = visitor.call(seo)["data"]["meta_title"]
        return title, [completion["id"] for completion in visitor.call(search, query=name)["data"]]

    assert found() == found() == (name, [product])
    assert visitor.call(seo)["cached"] is visitor.call(search, query=name)["cached"] is True
    admin.kw("product.template", "write", [product], {"name": "Supernova"})
    assert found() == ("Supernova", [])


def test_the_api_s_list_knows_stock_categories_attributes_and_rules_of_prices(site: Site, admin: Browser) -> None:
    name, visitor = f"Listed {uuid.uuid4()}", site.browser()
    category = admin.kw("product.public.category", "create", {"name": name})
    attribute = admin.kw("product.attribute", "create", {"name": name, "create_variant": "no_variant"})
    red, blue = (
        admin.kw("product.attribute.value", "create", {"name": text, "attribute_id": attribute})
        for text in ("Red", "Blue")
    )
    line = {"attribute_id": attribute, "value_ids": [(6, 0, [red])]}
    common = {"public_categ_ids": [(6, 0, [category])], "attribute_line_ids": [(0, 0, line)]}
    (product,) = make_products(admin, 1, name=name, **common)
    read = admin.kw("product.template", "read", [product], ["product_variant_id", "attribute_line_ids"])[0]
    variant, own_line = read["product_variant_id"][0], read["attribute_line_ids"][0]

    def listed(**params: Any) -> dict[str, Any]:
        found: dict[str, Any] = visitor.call(API_LIST, search=name, **params)
        return found

    assert listed()["products"][0]["stock_qty"] == 0.0
    put_in_stock(admin, company_of(admin), variant, 4)
    assert listed()["products"][0]["stock_qty"] == 4.0
    admin.kw("product.public.category", "write", [category], {"name": f"{name} renamed"})
    assert listed()["facets"]["categories"] == [{"id": category, "name": f"{name} renamed"}]
    assert listed(attribute_value_ids=[blue])["total"] == 0
    admin.kw("product.template.attribute.line", "write", [own_line], {"value_ids": [(4, blue)]})
    assert listed(attribute_value_ids=[blue])["total"] == 1


def test_the_api_s_list_is_forgotten_by_a_rule_of_prices(site: Site, admin: Browser, redis: Any) -> None:
    pricelist = admin.kw("product.pricelist", "create", {"name": f"Rules {uuid.uuid4()}"})
    visitor = site.browser()
    for _ in range(2):
        visitor.call(API_LIST)
    (key,) = [key.decode() for key in redis.execute("KEYS", "tenant:*:h1")]
    stored = redis.execute("GET", key)
    rule = {"pricelist_id": pricelist, "applied_on": "3_global", "compute_price": "percentage", "percent_price": 5.0}
    admin.kw("product.pricelist.item", "create", rule)
    visitor.call(API_LIST)
    assert redis.execute("GET", key) != stored
    admin.kw("product.pricelist", "write", [pricelist], {"active": False})
