"""Forgetting after the commit: when, what, and what never keeps it from being done."""

from __future__ import annotations

import asyncio
import gc
import timeit
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.cache import caches
from django.db import DatabaseError, connection, connections, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, TestCase, override_settings
from django.urls import path

from hitrate.django import ainvalidate_tags, invalidate_cache, invalidate_keys, invalidate_tags, invalidation
from hitrate.django.invalidation import bypasses, pending
from hitrate.exceptions import ServerError
from hitrate.invalidation import Forgetting
from hitrate.testing import Endpoint, Server

ANOTHER = "hitrate.django.RedisCache"


@contextmanager
def rolled_back() -> Iterator[None]:
    """A transaction, or part of one, that fails in the end."""
    with suppress(ZeroDivisionError), transaction.atomic():
        yield
        raise ZeroDivisionError


class Left:
    """What the tests look at: which of two keys are left in the cache."""

    def __init__(self, cache: Any) -> None:
        self.cache = cache
        self.fill()

    def fill(self) -> None:
        self.cache.set("a", 1)
        self.cache.set("b", 1)

    def __call__(self) -> str:
        return "".join(key for key in "ab" if self.cache.has_key(key))


@pytest.fixture(autouse=True)
def _no_transaction(_tables: None) -> Iterator[None]:
    yield
    for one in connections.all():
        assert not one.in_atomic_block
        one.run_on_commit = []
    assert pending() == {}


@pytest.fixture
def left(django_cache: Any) -> Left:
    return Left(django_cache)


@pytest.fixture
def commit_by_hand() -> Iterator[None]:
    connection.set_autocommit(False)
    yield
    connection.rollback()
    connection.set_autocommit(True)


def test_without_a_transaction_it_is_done_at_once(left: Left) -> None:
    assert invalidate_keys("a") == 1
    assert left() == "b"
    assert invalidate_cache("?") == 1
    assert invalidate_tags("product", "shop") == 2
    assert invalidate_cache(["x:*", "y"]) == 0


def test_in_a_transaction_it_waits_for_the_commit(left: Left) -> None:
    with transaction.atomic():
        assert invalidate_keys("a") is None
        assert left() == "ab"
        assert pending() == {"default": Forgetting(keys={"a"})}
    assert left() == "b"
    assert pending() == {}


def test_now_is_now(left: Left) -> None:
    with transaction.atomic():
        assert invalidate_keys("a", using=None) == 1
        assert left() == "b"


def test_a_rollback_forgets_nothing(left: Left) -> None:
    with rolled_back():
        invalidate_keys("a")
    assert left() == "ab"
    assert pending() == {}
    with transaction.atomic():
        invalidate_keys("b")
    assert left() == "a"


def test_a_savepoint_that_is_rolled_back_forgets_nothing_of_its_own(left: Left) -> None:
    with transaction.atomic():
        invalidate_keys("a")
        with rolled_back():
            invalidate_keys("b")
            assert pending() == {"default": Forgetting(keys={"a", "b"})}
        assert pending() == {"default": Forgetting(keys={"a"})}
        assert bypasses("a")
        assert not bypasses("b")
    assert left() == "b"


def test_collecting_after_rollbacks_does_not_count_all_of_it_anew(left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[Any] = []
    merged = invalidation._merged

    def count(hooks: Any) -> Any:
        counted.append(merged(hooks))
        return counted[-1]

    monkeypatch.setattr(invalidation, "_merged", count)
    with transaction.atomic():
        for number in range(10):
            with rolled_back():
                invalidate_keys("a", "b")
            with transaction.atomic():
                invalidate_keys(f"kept {number}")
        assert counted == []
        assert pending()["default"].keys == {f"kept {number}" for number in range(10)}
        invalidate_keys("c")
        assert "c" in pending()["default"].keys
        assert len(counted) == 1
    assert left() == "ab"


def test_what_an_inner_block_collected_waits_for_the_outer_one(left: Left) -> None:
    with transaction.atomic():
        with transaction.atomic():
            invalidate_keys("a")
        with transaction.atomic(savepoint=False):
            invalidate_keys("b")
        assert left() == "ab"
    assert left() == ""


def test_an_inner_block_is_forgotten_with_the_outer_one_that_is_rolled_back(left: Left) -> None:
    with rolled_back(), transaction.atomic():
        invalidate_keys("a")
    assert left() == "ab"


def test_many_calls_of_a_transaction_are_one_forgetting(left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    client = left.cache._client
    before = client.stats()["round_trips"]
    with transaction.atomic():
        for at in range(300):
            invalidate_tags(f"product:{at}")
        # One hook, noted again and again.
        assert len({id(hook) for _, hook, _ in connection.run_on_commit}) == 1
    assert client.stats()["round_trips"] - before <= 3


def test_every_database_has_its_own_commit(left: Left) -> None:
    with transaction.atomic(using="other"):
        assert invalidate_keys("a") == 1
        assert invalidate_keys("b", using="other") is None
        with transaction.atomic():
            assert invalidate_keys("b") is None
            assert set(pending(using="other")["default"].keys) == {"b"}
        assert left() == ""
        left.fill()
    assert left() == "a"


def test_it_is_done_though_what_came_before_it_raises(left: Left) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    def change() -> None:
        with transaction.atomic():
            transaction.on_commit(broken)
            invalidate_keys("a")
            transaction.on_commit(broken)
            invalidate_keys("b")

    with pytest.raises(ZeroDivisionError):
        change()
    assert left() == ""
    assert connection.run_on_commit == []


def test_what_waits_for_the_commit_finds_it_done_and_runs_in_its_order(left: Left) -> None:
    seen = []
    with transaction.atomic():
        transaction.on_commit(lambda: seen.append(("first", left())))
        invalidate_keys("a")
        transaction.on_commit(lambda: seen.append(("second", left())))
    assert seen == [("first", "b"), ("second", "b")]


def test_a_commit_whose_answer_was_lost_forgets(left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost() -> None:
        raise DatabaseError("the server closed the connection")

    with transaction.atomic():
        invalidate_keys("a", "b")
        left.fill()
        transaction.on_commit(lambda: None)
        monkeypatch.setattr(connection, "_commit", lost)
        with pytest.raises(transaction.TransactionManagementError):
            connection.commit()  # refused, as it always was within a block
        assert left() == "ab"
        monkeypatch.undo()
    left.fill()

    @transaction.atomic
    def change() -> None:
        invalidate_keys("a")
        monkeypatch.setattr(connection, "_commit", lost)

    with pytest.raises(DatabaseError, match="closed"):
        change()
    monkeypatch.undo()
    assert left() == "b"


def test_a_connection_that_was_closed_starts_afresh(left: Left) -> None:
    with connections["other"].temporary_connection():
        pass
    other = connections["other"]
    other.ensure_connection()
    with transaction.atomic(using="other"):
        invalidate_keys("a", using="other")
        other.run_on_commit = []  # as `close()` does, which would lose this database
        assert not bypasses("a")
    assert left() == "ab"


@pytest.mark.usefixtures("commit_by_hand")
def test_without_autocommit_it_waits_for_the_commit_by_hand(left: Left) -> None:
    invalidate_keys("a")
    with transaction.atomic():
        invalidate_keys("b")
    assert left() == "ab"
    connection.rollback()
    assert pending() == {}
    invalidate_keys("b")
    connection.commit()
    assert left() == "a"


@pytest.mark.usefixtures("commit_by_hand")
def test_a_commit_that_is_tried_again_forgets_again(left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy() -> None:
        raise DatabaseError("the database is locked")

    invalidate_keys("a")
    monkeypatch.setattr(connection, "_commit", busy)
    with pytest.raises(DatabaseError, match="locked"):
        connection.commit()
    monkeypatch.undo()
    left.fill()  # somebody read what was before
    connection.commit()
    assert left() == "b"


def test_a_server_that_is_away_does_not_fail_the_commit(
    start_server: Callable[..., Server], use_caches: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    server = start_server()
    options = {"TIMEOUT": 0.2, "ON_ERROR": "raise"}
    use_caches({"BACKEND": ANOTHER, "LOCATION": server.url, "OPTIONS": options})
    server.kill()
    ran = []
    with transaction.atomic():
        invalidate_keys("a")
        transaction.on_commit(lambda: ran.append(1))
    assert ran == [1]
    assert "not everything was forgotten" in caplog.text
    with pytest.raises(ServerError):
        invalidate_keys("a")


def test_a_cache_that_is_none_of_ours_never_fails_the_commit(
    use_caches: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    use_caches({"BACKEND": "django.core.cache.backends.locmem.LocMemCache"})
    left = Left(caches["default"])
    with transaction.atomic():
        invalidate_keys("a")
        invalidate_tags("product")
    assert left() == "b"
    assert "LocMemCache knows neither patterns nor tags" in caplog.text
    use_caches({"BACKEND": "django.core.cache.backends.dummy.DummyCache"})
    assert invalidate_tags("product") == 0


def test_an_alias_that_does_not_exist_is_said_at_once(django_cache: Any) -> None:
    with transaction.atomic(), pytest.raises(Exception, match="nothing"):
        invalidate_keys("a", cache="nothing")


def test_versions_and_caches_are_told_apart(server: Endpoint, prefix: str) -> None:
    both = {name: {"BACKEND": ANOTHER, "LOCATION": server.url, "KEY_PREFIX": f"{prefix}{name}"} for name in "xy"}
    with override_settings(CACHES={**both, "default": both["x"]}):
        x, y = caches["x"], caches["y"]
        for cache in (x, y):
            cache.set("a", 1)
            cache.set("a", 2, version=2)
        with transaction.atomic():
            invalidate_keys("a", cache="y")
            invalidate_keys("a", cache="x", version=2)
            assert set(pending()) == {"x", "y"}
        assert (x.get("a"), x.get("a", version=2)) == (1, None)
        assert (y.get("a"), y.get("a", version=2)) == (None, 2)


def test_a_transaction_bypasses_what_it_changed(left: Left) -> None:
    assert not bypasses("a", ["product"])
    with transaction.atomic():
        invalidate_keys("product:9")
        invalidate_tags("shop")
        invalidate_cache("employees:*")
        assert bypasses("product:9")
        assert bypasses("product:9:u=1:h1")
        assert bypasses("cart", ["x", "shop"])
        assert bypasses("employees:list::page=2:u=5:h1")
        assert not bypasses("product:91")
        assert not bypasses("cart", ["x"])
    assert not bypasses("product:9", ["shop"])


def test_to_look_costs_next_to_nothing_without_a_transaction() -> None:
    number = 20_000
    best = min(timeit.repeat(lambda: bypasses("product:9", ("shop",)), number=number, repeat=7))
    assert best / number < 1e-6


@pytest.fixture
def atomic_requests(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], HttpResponse]]:
    """Requests a page of `urlpatterns` below, each in a transaction of its own."""
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[]):
        yield lambda page: Client(raise_request_exception=False).get(page)


def change(request: HttpRequest) -> HttpResponse:
    invalidate_keys("a")
    assert bypasses("a")
    if "fail" in request.GET:
        raise ZeroDivisionError
    return HttpResponse("b" if caches["default"].get("a") else "not yet committed, and gone")


urlpatterns = [path("change", change)]


def test_a_request_is_a_transaction_with_atomic_requests(
    left: Left, atomic_requests: Callable[[str], HttpResponse]
) -> None:
    assert atomic_requests("/change?fail=1").status_code == 500
    assert left() == "ab"
    assert atomic_requests("/change").content == b"b"
    assert left() == "b"
    assert not bypasses("a")


# Which CPython 3.13 and newer say of what the thread leaves open.
@pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")
def test_a_thread_that_ended_leaves_nothing_behind(left: Left) -> None:
    def leave_open() -> None:
        other = connections["other"]
        other.set_autocommit(False)
        invalidate_keys("a", using="other")
        assert bypasses("a")

    thread = Thread(target=leave_open)
    thread.start()
    thread.join()
    assert not bypasses("a")
    gc.collect()
    assert invalidation._anywhere == {}


async def test_an_async_view_waits_for_the_commit_of_its_synchronous_part(left: Left) -> None:
    @sync_to_async
    def change() -> str:
        with transaction.atomic():
            async_to_sync(ainvalidate_tags)("product")
            invalidate_keys("a")
            return "".join(sorted(pending()["default"].tags | pending()["default"].keys))

    assert await change() == "aproduct"
    assert await sync_to_async(left)() == "b"
    assert await ainvalidate_tags("product") == 1


async def test_tasks_do_not_see_each_others_transactions(left: Left) -> None:
    @sync_to_async(thread_sensitive=False)
    def elsewhere() -> bool:
        return bypasses("a")

    @sync_to_async
    def inside() -> bool:
        with transaction.atomic():
            invalidate_keys("a")
            return asyncio.run(elsewhere())

    assert await inside() is False


def run(case: type[TestCase]) -> None:
    """Run a test case of Django, as its runner would."""
    import unittest

    found = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(found)
    assert [text for _, text in [*found.errors, *found.failures]] == []
    assert found.testsRun > 0


def test_djangos_test_case_captures_it(left: Left) -> None:
    class Case(TestCase):
        @classmethod
        def setUpTestData(cls) -> None:
            invalidate_keys("b")

        def test_capture(self) -> None:
            invalidate_keys("b")
            assert left() == "ab"
            with self.captureOnCommitCallbacks(execute=True) as callbacks:
                invalidate_keys("a")
                with transaction.atomic():
                    invalidate_tags("product")
                assert left() == "ab"
            assert callbacks
            assert "a" not in left()
            assert not bypasses("a", ["product"])
            left.fill()
            with self.captureOnCommitCallbacks(execute=True):
                invalidate_keys("a")
                assert bypasses("a")
            assert "a" not in left()

        def test_nothing_is_left_of_another_test(self) -> None:
            assert not bypasses("a")

    run(Case)
    left.fill()
    assert left() == "ab"
