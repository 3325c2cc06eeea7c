"""Forgetting after the commit, and what is read meanwhile, in real transactions of real workers."""

from __future__ import annotations

import random
import re

import pytest

from hitrate.testing import Server
from tests.with_odoo.client import Browser, RefusedError
from tests.with_odoo.conftest import make_products
from tests.with_odoo.site import Site
from tests.with_odoo.test_products import details, keys

PROBE = "hitrate.probe"


def test_a_rollback_forgets_nothing(admin: Browser, redis: Server, product: int) -> None:
    assert admin.kw(PROBE, "price", product) == 10.0
    (entry,) = keys(redis, f"{PROBE}._price:*")
    records = {key: redis.execute("GET", key) for key in keys(redis, "hitrate:tag:*")}
    with pytest.raises(RefusedError, match="rolled back"):
        admin.kw(PROBE, "write_and_fail", product, 99.0)
    assert {key: redis.execute("GET", key) for key in records} == records
    assert keys(redis, f"{PROBE}._price:*") == [entry]
    assert admin.kw(PROBE, "price", product) == 10.0


def test_a_transaction_reads_what_it_wrote_and_keeps_it_from_others_until_the_commit(
    admin: Browser, redis: Server, product: int
) -> None:
    assert admin.kw(PROBE, "price", product) == 10.0
    assert admin.kw(PROBE, "write_and_read", product, 20.0) == 20.0
    assert admin.kw(PROBE, "price", product) == 20.0
    assert len(keys(redis, f"{PROBE}._price:*")) == 1


def test_a_savepoint_that_is_rolled_back_forgets_too_much_and_nothing_too_little(admin: Browser, product: int) -> None:
    assert admin.kw(PROBE, "price", product) == 10.0
    assert admin.kw(PROBE, "write_in_savepoint", product, 30.0) == 10.0
    assert admin.kw(PROBE, "price", product) == 10.0


@pytest.mark.parametrize("seed", range(6))
def test_whatever_a_worker_does_it_reads_its_own_and_others_read_what_is_committed(
    site: Site, admin: Browser, product: int, seed: int
) -> None:
    chance = random.Random(seed)
    kinds = ["write", "write", "read", "read", "read", "commit", "rollback", "savepoint"]
    visitor, committed = site.browser(), 10.0
    for _ in range(5):
        steps = [(chance.choice(kinds), float(chance.randint(11, 99))) for _ in range(25)]
        expected, mine = [], committed
        for step, price in steps:
            if step == "write":
                mine = price
            elif step == "commit":
                committed = mine
            elif step == "rollback":
                mine = committed
            elif step == "read":
                expected.append(mine)
        committed = mine  # the call ends with a commit
        assert admin.kw(PROBE, "follow", product, steps) == expected, steps
        for _ in range(3):
            assert admin.kw(PROBE, "price", product) == committed
            assert visitor.call(details(product))["data"]["list_price"] == committed


def test_forgetting_runs_even_if_a_hook_before_it_raises(site: Site, admin: Browser, product: int) -> None:
    visitor = site.browser()
    assert visitor.call(details(product))["data"]["list_price"] == 10.0
    with pytest.raises(RefusedError, match="a hook of somebody else"):
        admin.kw(PROBE, "write_with_bad_hook", product, 40.0)
    assert visitor.call(details(product))["data"]["list_price"] == 40.0


def test_a_sale_of_fifty_lines_takes_one_round_trip_and_none_before_its_commit(site: Site, admin: Browser) -> None:
    products = make_products(admin, 50, name="Crate")
    found = admin.kw("product.template", "read", products, ["product_variant_id"])
    visitor = site.browser()
    stock = visitor.call(details(products[7]))["data"]["stock_qty"]
    admin.kw(PROBE, "price", products[0])  # connected
    mark = site.mark()
    assert admin.kw(PROBE, "sell", [row["product_variant_id"][0] for row in found]) == ["done"]
    said = [
        re.search(r"round trips: (\d+) before the commit, (\d+) after", line)
        for line in site.lines("round trips", mark)
    ]
    assert [match and (int(match[1]), int(match[2])) for match in said] == [(0, 1)]
    assert visitor.call(details(products[7]))["data"]["stock_qty"] == stock - 1


def test_arguments_by_name_count_and_none_is_kept(site: Site, admin: Browser) -> None:
    mark = site.mark()
    for _ in range(3):
        assert admin.kw(PROBE, "keyed", 1) is None
        assert admin.kw(PROBE, "keyed", 1, third=3, second=2) == [1, 2, 3]
        assert admin.kw(PROBE, "keyed", 1, 2, 3) == [1, 2, 3]
    assert len(site.lines("computed 1", mark)) == 2


def test_an_argument_of_which_no_key_can_be_made_is_refused(admin: Browser) -> None:
    admin.kw(PROBE, "keyed", {"a": [1, None]})
    with pytest.raises(RefusedError, match="no key can be made"):
        admin.kw(PROBE, "keyed_by_record")


@pytest.mark.parametrize("method", ["_name_of", "_tagged_name_of"])
def test_what_a_transaction_made_is_there_for_what_it_calls(admin: Browser, redis: Server, method: str) -> None:
    assert admin.kw(PROBE, "create_and_name", method) == "Just made"
    assert keys(redis, f"{PROBE}.{method}:*") == []


@pytest.mark.parametrize("method", ["_name_of", "_tagged_name_of"])
@pytest.mark.parametrize("by", ["orm", "sql"])
def test_a_change_of_which_no_rule_hears_is_seen_by_its_own_transaction_and_kept_for_nobody(
    admin: Browser, redis: Server, method: str, by: str
) -> None:
    partner = admin.kw("res.partner", "create", {"name": "Old"})
    arguments = (method, "res.partner", partner, "New", by)
    assert admin.kw(PROBE, "rename_and_name", *arguments) == "New"
    assert keys(redis, f"{PROBE}.{method}:*") == []
    assert admin.kw(PROBE, "name", *arguments[:3]) == "New"
    assert len(keys(redis, f"{PROBE}.{method}:*")) == 1


def test_a_transaction_that_wrote_does_not_trust_an_entry_without_a_tag(admin: Browser, redis: Server) -> None:
    partner = admin.kw("res.partner", "create", {"name": "Old"})
    assert admin.kw(PROBE, "name", "_name_of", "res.partner", partner) == "Old"
    assert admin.kw(PROBE, "rename_and_name", "_name_of", "res.partner", partner, "New", "orm") == "New"


def test_what_a_kept_method_changes_is_changed_every_time_it_is_called(
    site: Site, admin: Browser, redis: Server
) -> None:
    mark = site.mark()
    admin.kw("ir.config_parameter", "set_param", "probe.count", "0")
    assert [admin.kw(PROBE, "count_up", "probe.count") for _ in range(3)] == ["1", "2", "3"]
    assert admin.kw("ir.config_parameter", "get_param", "probe.count") == "3"
    assert keys(redis, f"{PROBE}._count_up:*") == []
    assert site.lines("bad query", mark) == []
    # Each of two workers says once why it is slow.
    said = site.lines("is not kept: what computes it changes data, which is done at every call", mark)
    assert 1 <= len(said) <= 2
    assert f"'{PROBE}._count_up'" in said[0]


def test_what_a_kept_method_of_a_controller_changes_is_changed_every_time(
    site: Site, admin: Browser, redis: Server
) -> None:
    admin.kw("ir.config_parameter", "set_param", "probe.count", "0")
    found = [site.browser().call("/probe/counted", parameter="probe.count") for _ in range(4)]
    assert found == ["1", "2", "3", "4"]


def test_a_value_is_the_same_when_it_is_made_as_when_it_is_found(admin: Browser) -> None:
    assert admin.kw(PROBE, "shapes") == ["{'1': 'a', 'pair': [1, 2]}"] * 2


def test_forgetting_a_value_waits_for_the_commit_and_is_for_everybody(site: Site, admin: Browser) -> None:
    mark = site.mark()

    def ask() -> int:
        for lang in ("en_US", False):
            admin.kw(PROBE, "keyed_by_lang", 7, context={"lang": lang})
        return len(site.lines("computed by language 7", mark))

    assert [ask(), ask()] == [2, 2]
    with pytest.raises(RefusedError, match="rolled back"):
        admin.kw(PROBE, "forget_keyed", 7, fails=True)
    assert ask() == 2
    admin.kw(PROBE, "forget_keyed", 7)
    assert [ask(), ask()] == [4, 4]


def test_to_forget_a_key_is_no_walk_over_all_keys(site: Site, admin: Browser, redis: Server) -> None:
    for number in range(20):
        redis.execute("MSET", *(text for n in range(1000) for text in (f"other:{number}:{n}", "x")))
    for lang in ("en_US", False):
        admin.kw(PROBE, "part", "lang", context={"lang": lang})
    redis.execute("SET", "probe:part:lang", "1")
    assert len(keys(redis, "probe:part:lang:*:h1")) == 2
    mark = site.mark()
    admin.kw(PROBE, "forget_keys", ["probe:part:lang"])
    found = [re.search(r"round trips for keys: (\d+)", line) for line in site.lines("round trips for keys", mark)]
    assert [match and int(match[1]) for match in found] == [2]
    assert redis.execute("EXISTS", "probe:part:lang") == 0
    # Both are forgotten: their records say so, and the entries stay until they expire.
    entries = {key: redis.execute("GET", key) for key in keys(redis, "probe:part:lang:*:h1")}
    for lang in ("en_US", False):
        admin.kw(PROBE, "part", "lang", context={"lang": lang})
    assert all(redis.execute("GET", key) != content for key, content in entries.items())


def test_a_rule_that_names_no_field_is_told_and_forgets_at_every_change(site: Site, admin: Browser) -> None:
    assert "names the field 'nmae', which it does not have" in site.log.read_text()
    category = admin.kw("res.partner.category", "create", {"name": "Old"})
    assert admin.kw("res.partner.category", "told", [category]) == "Old"
    admin.kw("res.partner.category", "write", [category], {"name": "New"})
    assert admin.kw("res.partner.category", "told", [category]) == "New"


def test_lines_that_are_written_from_their_own_side_are_a_change_of_what_they_belong_to(admin: Browser) -> None:
    first, second = admin.kw("res.partner", "create", [{"name": "First"}, {"name": "Second"}])

    def children() -> list[list[str]]:
        return [admin.kw(PROBE, "children_of", number) for number in (first, second)]

    assert children() == [[], []]
    child = admin.kw("res.partner", "create", {"name": "Child", "parent_id": first})
    assert children() == [["Child"], []]
    admin.kw("res.partner", "write", [child], {"parent_id": second})
    assert children() == [[], ["Child"]]
    admin.kw("res.partner", "unlink", [child])
    assert children() == [[], []]
