"""How old what is read may be, and the switch that stops reading and filling."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.core.signals import request_started
from django.db import connection, connections, transaction
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.test import override_settings

import hitrate
from hitrate.django import snapshots
from hitrate.django.naming import native
from hitrate.django.snapshots import snapshot_risk
from hitrate.django.switch import ask_again, is_enabled
from tests.with_django.shelf.models import Label


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the monotonic clock; there was no request yet."""
    monkeypatch.setattr(snapshots._thread, "began", None)

    class Clock:
        now = 1000.0

        @classmethod
        def monotonic(cls) -> float:
            return cls.now

    monkeypatch.setattr(snapshots, "time", Clock)

    def move(to: float) -> None:
        Clock.now = to

    return move


def test_without_a_transaction_reads_are_newer_than_now(clock: Any) -> None:
    assert snapshot_risk() == 0.0


def test_a_transaction_is_as_old_as_its_request(clock: Callable[[float], None]) -> None:
    request_started.send(sender=None)
    clock(1002.5)
    assert snapshot_risk() == 0.0
    with transaction.atomic():
        assert snapshot_risk() == 2.5
    with transaction.atomic(using="other"):
        assert snapshot_risk() == 2.5
    assert snapshot_risk() == 0.0


def test_nobody_can_tell_outside_of_a_request(clock: Any) -> None:
    with transaction.atomic():
        assert snapshot_risk() is None


def test_autocommit_that_is_off_is_a_transaction(clock: Any) -> None:
    connection.set_autocommit(False)
    try:
        assert snapshot_risk() is None
    finally:
        connection.rollback()
        connection.set_autocommit(True)


def test_a_query_of_sqlite_that_was_not_read_to_its_end_is_noticed(clock: Any) -> None:
    request_started.send(sender=None)
    with connection.cursor() as cursor:
        for _ in range(2):
            cursor.execute("SELECT 1 UNION SELECT 2")
            assert cursor.fetchone() == (1,)
            assert snapshot_risk() is None
            assert cursor.fetchall() == [(2,)]
            assert snapshot_risk() == 0.0
        cursor.execute("SELECT 1 UNION SELECT 2")
    assert snapshot_risk() == 0.0


@pytest.mark.usefixtures("_tables")
def test_what_is_read_beside_an_iterator_is_not_kept(clock: Any, django_cache: Any) -> None:
    Label.objects.bulk_create([Label(name=str(number)) for number in range(3000)])
    client = native(caches["default"])
    assert client is not None

    @hitrate.cached(client, ttl=60)
    def count() -> int:
        return Label.objects.count()

    rows = Label.objects.iterator()
    next(rows)
    assert count() == count() == 3000
    assert client.stats()["fills"] == 0
    rows.close()
    assert count() == 3000
    assert client.stats()["fills"] == 1
    Label.objects.all().delete()


def test_a_query_of_sqlite_keeps_its_connection_in_the_past(tmp_path: Path) -> None:
    # Why it matters; no transaction is open here, by anybody's word.
    wrappers = [DatabaseWrapper({**connection.settings_dict, "NAME": tmp_path / "db"}) for _ in range(2)]
    reader, writer = (wrapper.cursor() for wrapper in wrappers)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("CREATE TABLE row (number INTEGER)")
    writer.executemany("INSERT INTO row VALUES (%s)", [(number,) for number in range(1000)])
    reader.execute("SELECT number FROM row")
    reader.fetchone()
    writer.execute("UPDATE row SET number = -1")
    with wrappers[0].cursor() as other:
        assert other.execute("SELECT max(number) FROM row").fetchone() == (999,)
        assert not wrappers[0].connection.in_transaction
        reader.close()
        assert other.execute("SELECT max(number) FROM row").fetchone() == (-1,)
    for wrapper in wrappers:
        wrapper.close()


def test_replicas_lag_behind(clock: Callable[[float], None]) -> None:
    request_started.send(sender=None)
    clock(1001.0)
    with override_settings(HITRATE_REPLICA_LAG=4):
        assert snapshot_risk() == 4.0
        with transaction.atomic():
            assert snapshot_risk() == 5.0


def test_one_database_has_no_replica(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "settings", {"default": connections.settings["default"]})
    with override_settings(HITRATE_REPLICA_LAG=4):
        assert snapshot_risk() == 0.0


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets the variable, as if the process had been started with it."""

    def set_variable(said: str) -> None:
        monkeypatch.setenv("HITRATE_ENABLED", said)
        ask_again(setting="HITRATE_ENABLED")

    yield set_variable
    monkeypatch.undo()
    ask_again(setting="HITRATE_ENABLED")


@pytest.mark.parametrize("said", ["0", "false", "No", " off ", False, 0])
def test_the_switch_is_a_setting_and_a_variable(said: Any, say: Callable[[str], None], django_cache: Any) -> None:
    assert is_enabled()
    with override_settings(HITRATE_ENABLED=said):
        assert not is_enabled()
    assert is_enabled()
    say(str(said))
    assert not is_enabled()
    with override_settings(HITRATE_ENABLED=True):
        assert not is_enabled()


@pytest.mark.parametrize("said", ["1", "true", "", "on"])
def test_whatever_does_not_say_off_is_on(said: str, say: Callable[[str], None], django_cache: Any) -> None:
    say(said)
    assert is_enabled()
