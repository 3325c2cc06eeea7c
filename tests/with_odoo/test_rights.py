"""Who may read what was kept: a value that one made is given to nobody who could not have made it."""

from __future__ import annotations

import json
import uuid

import pytest

from hitrate.testing import Server
from tests.with_odoo.client import Browser, RefusedError
from tests.with_odoo.conftest import make_products
from tests.with_odoo.site import Site

PRODUCT, PROBE = "product.template", "hitrate.probe"


def portal(site: Site, admin: Browser) -> Browser:
    """A user of the portal, logged in."""
    group = admin.kw("ir.model.data", "check_object_reference", "base", "group_portal")[1]
    login = f"portal-{uuid.uuid4()}"
    admin.kw("res.users", "create", {"name": login, "login": login, "password": login, "group_ids": [(6, 0, [group])]})
    return site.browser().login(login, login)


def test_a_hit_is_refused_to_who_may_not_read_the_record(site: Site, admin: Browser, redis: Server) -> None:
    shown, hidden = make_products(admin, 2)
    admin.kw(PRODUCT, "write", [hidden], {"is_published": False})
    customer = portal(site, admin)
    for _ in range(2):
        with pytest.raises(RefusedError, match="AccessError"):
            customer.kw(PRODUCT, "shop_details", [hidden])
        # An employee fills it.
        assert admin.kw(PRODUCT, "shop_details", [hidden]) == ["Lamp 1"]
        assert admin.kw(PRODUCT, "shop_details", [shown]) == ["Lamp 0"]
        assert customer.kw(PRODUCT, "shop_details", [shown]) == ["Lamp 0"]
        with pytest.raises(RefusedError, match="AccessError"):
            customer.kw(PRODUCT, "shop_details", [shown, hidden])
    admin.kw(PRODUCT, "write", [hidden], {"is_published": True})
    assert customer.kw(PRODUCT, "shop_details", [hidden]) == ["Lamp 1"]


def test_what_is_private_is_refused_over_the_api_of_odoo_19_too(site: Site, admin: Browser, product: int) -> None:
    key = admin.kw(PROBE, "api_key")

    def ask(model: str, method: str, **body: object) -> tuple[int, str]:
        headers = {"Authorization": f"bearer {key}", "Content-Type": "application/json"}
        status, _, answer = site.browser().fetch(f"/json/2/{model}/{method}", json.dumps(body).encode(), headers)
        return status, answer.decode()

    assert ask(PRODUCT, "shop_details", ids=[product]) == (200, '["Lamp 0"]')
    assert ask(PROBE, "_price", product_id=product)[0] == 403
    for method, body in (
        ("get", {"key": "a"}),
        ("set", {"key": "a", "value": 1}),
        ("delete", {"key": "a"}),
        ("delete_pattern", {"pattern": "*"}),
        ("flush_all", {}),
    ):
        status, answer = ask("redis.cache", method, **body)
        assert status == 403, answer
