"""A fresh database takes the addons, and their own tests pass."""

from __future__ import annotations

from tests.with_odoo.site import Odoo

QUIET = ("quelyos_ecommerce_cache", "quelyos_api_cache")


def test_the_addons_own_tests_pass(odoo: Odoo) -> None:
    log = odoo.test("shop_tests", QUIET)
    assert " 0 failed, 0 error(s) of " in log
    # The probe has a rule that names no field, which is told.
    lines = [line for line in log.splitlines() if "the cache rule ('category:{id}',)" not in line]
    assert not [line for line in lines if " ERROR " in line or " CRITICAL " in line]


def test_tests_of_odoo_leave_nothing_for_others_and_an_upgrade_computes_in_its_own_transaction(odoo: Odoo) -> None:
    log = odoo.test("shop_tests", ("hitrate_probe",))
    assert " 0 failed, 0 error(s) of " in log
    assert "computed during installation with the caller's cursor: True" in log
