"""Each part of `vary` in a real Odoo: those that differ in it do not meet, and those that do not share."""

from __future__ import annotations

from typing import Any

import pytest

from hitrate.testing import Server
from tests.with_odoo.client import Browser
from tests.with_odoo.site import Site
from tests.with_odoo.test_companies import HOST, Companies, companies
from tests.with_odoo.test_products import keys
from tests.with_odoo.test_rights import portal

__all__ = ["companies"]

PROBE = "hitrate.probe"


def part(who: Browser, name: str, **context: Any) -> Any:
    return who.kw(PROBE, "part", name, context=context)


def test_groups_tell_an_employee_from_a_customer(site: Site, admin: Browser, redis: Server) -> None:
    customers = [portal(site, admin), portal(site, admin)]
    for _ in range(2):
        assert part(admin, "groups") is True
        assert [part(customer, "groups") for customer in customers] == [False, False]
    assert len(keys(redis, "probe:part:groups:*:h1")) == 2


def test_groups_are_told_apart_for_who_acts_as_superuser_too(site: Site, admin: Browser, redis: Server) -> None:
    customer = portal(site, admin)
    for _ in range(2):
        assert admin.call("/probe/part/groups") is True
        assert customer.call("/probe/part/groups") is False
    assert len(keys(redis, "probe:part:groups:*:h1")) == 2


def test_timezones_do_not_cross(admin: Browser, redis: Server) -> None:
    zones = ["Europe/Paris", "Asia/Tokyo"]
    for _ in range(2):
        assert [part(admin, "timezone", tz=zone) for zone in zones] == zones
    assert len(keys(redis, "probe:part:timezone:*:h1")) == 2


def test_currencies_and_hosts_do_not_cross(site: Site, redis: Server, companies: Companies) -> None:
    visitors = [site.browser(), site.browser(Host=HOST)]
    for _ in range(2):
        assert len({visitor.call("/probe/part/currency") for visitor in visitors}) == 2
        assert [visitor.call("/probe/part/host").partition(":")[0] for visitor in visitors] == ["127.0.0.1", HOST]
    for name in ("currency", "host"):
        assert len(keys(redis, f"probe:part:{name}:*:h1")) == 2


@pytest.mark.usefixtures("companies")
def test_a_session_that_is_forced_to_a_website_gives_its_answer_to_no_other_one(
    site: Site, admin: Browser, redis: Server
) -> None:
    first, second = admin.kw("website", "search", [], order="id")[:2]
    groups = [
        admin.kw("ir.model.data", "check_object_reference", "website", name)[1]
        for name in ("group_multi_website", "group_website_designer")
    ]
    admin.kw("res.users", "write", [2], {"group_ids": [(4, group) for group in groups]})
    forced = site.admin()
    status, _, _ = forced.fetch(f"/website/force/{first}?isredir=1&path=/web/health")
    assert status == 200
    for _ in range(2):
        # The session beats the context: for Odoo, and so for the key.
        assert part(forced, "website", website_id=second) == first
        assert part(admin, "website", website_id=second) == second
        assert part(admin, "website", website_id=first) == first
    assert len(keys(redis, "probe:part:website:*:h1")) == 2


def test_what_a_caller_writes_into_the_context_makes_no_long_key(admin: Browser, redis: Server) -> None:
    for pricelist in ("9" * 5000, "9" * 5001):
        assert part(admin, "pricelist", pricelist=pricelist) == pricelist
    found = keys(redis, "probe:part:pricelist:*:h1")
    assert len(found) == 2
    assert max(map(len, found)) < 300
