"""Forgetting and snapshots on a real PostgreSQL, whose connections break and whose isolation levels differ."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.core.signals import request_started
from django.db import DatabaseError, IntegrityError, connections, transaction

from hitrate.django import invalidate_keys
from hitrate.django.invalidation import bypasses, pending
from hitrate.django.snapshots import snapshot_risk
from tests.postgresql import NO_POSTGRESQL, postgresql

ALIAS = "postgres"


@pytest.fixture(scope="module")
def _server() -> Iterator[None]:
    pytest.importorskip("psycopg")
    with postgresql() as database:
        if database is None:
            pytest.skip(NO_POSTGRESQL)
        whole = {**connections.settings, ALIAS: database}
        connections.settings[ALIAS] = connections.configure_settings(whole)[ALIAS]
        yield
        connections[ALIAS].close()
        del connections[ALIAS], connections.settings[ALIAS]


@pytest.fixture
def connection(_server: None) -> Iterator[Any]:
    found = connections[ALIAS]
    with found.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS shelf")
        cursor.execute("CREATE TABLE shelf (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    yield found
    assert not found.in_atomic_block
    assert pending() == {}
    found.close()


@pytest.fixture
def cache(django_cache: Any) -> Any:
    for key in "ab":
        django_cache.set(key, 1)
    return django_cache


def test_a_commit_forgets_and_a_rollback_does_not(connection: Any, cache: Any) -> None:
    with suppress(ZeroDivisionError), transaction.atomic(using=ALIAS):
        invalidate_keys("a", using=ALIAS)
        raise ZeroDivisionError
    assert cache.get("a") == 1
    with transaction.atomic(using=ALIAS):
        invalidate_keys("a", using=ALIAS)
        with suppress(ZeroDivisionError), transaction.atomic(using=ALIAS):
            invalidate_keys("b", using=ALIAS)
            raise ZeroDivisionError
        assert bypasses("a")
        assert not bypasses("b")
    assert (cache.get("a"), cache.get("b")) == (None, 1)


def test_a_commit_that_the_database_refuses_is_an_error_and_leaves_nothing_waiting(connection: Any, cache: Any) -> None:
    @transaction.atomic(using=ALIAS)
    def fill_twice() -> None:
        invalidate_keys("a", using=ALIAS)
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO shelf VALUES (1), (1)")  # checked at the commit only

    with pytest.raises(IntegrityError):
        fill_twice()
    assert pending() == {}
    assert invalidate_keys("b", using=ALIAS) == 1


def test_a_connection_that_broke_starts_afresh(connection: Any, cache: Any) -> None:
    @transaction.atomic(using=ALIAS)
    def lose() -> None:
        invalidate_keys("a", using=ALIAS)
        other = connection.copy(ALIAS)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (pid,) = cursor.fetchone()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        other.close()

    with pytest.raises(DatabaseError):
        lose()
    # Nobody knows whether a commit that got no answer was done.
    assert cache.get("a") is None
    assert pending() == {}
    with transaction.atomic(using=ALIAS):
        invalidate_keys("b", using=ALIAS)
    assert cache.get("b") is None


def test_the_level_decides_what_a_transaction_sees(connection: Any) -> None:
    request_started.send(sender=None)
    with transaction.atomic(using=ALIAS):
        assert snapshot_risk() == 0.0
    for level in ("REPEATABLE READ", "SERIALIZABLE"):
        with transaction.atomic(using=ALIAS), connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
            risk = snapshot_risk()
            assert risk is not None
            assert risk > 0


def test_the_level_may_be_the_servers_own(connection: Any) -> None:
    request_started.send(sender=None)
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_isolation = 'repeatable read'")
    with transaction.atomic(using=ALIAS):
        risk = snapshot_risk()
    assert risk is not None
    assert risk > 0


def test_a_transaction_that_failed_is_not_asked(connection: Any) -> None:
    request_started.send(sender=None)

    @transaction.atomic(using=ALIAS)
    def fail() -> float | None:
        with suppress(DatabaseError), transaction.atomic(using=ALIAS, savepoint=False), connection.cursor() as cursor:
            cursor.execute("SELECT nothing")
        return snapshot_risk()

    risk = fail()
    assert risk is not None
    assert risk > 0
