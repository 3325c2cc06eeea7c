"""`hitrate.cached` in Django's transactions: what they changed or read too early is not kept."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.core.signals import request_started
from django.db import transaction

import hitrate
from hitrate.django import invalidate_tags, snapshots
from hitrate.django.naming import native
from tests.faults.conftest import until

Count = Callable[[], int]


@pytest.fixture
def client(django_cache: Any) -> hitrate.Cache:
    from django.core.cache import caches

    found = native(caches["default"])
    assert found is not None
    return found


@pytest.fixture
def count(client: hitrate.Cache) -> Count:
    """Counts how often it was computed."""
    runs: list[None] = []

    @hitrate.cached(client, prefix="count", tags=["counts"])
    def count() -> int:
        runs.append(None)
        return len(runs)

    return count


@pytest.fixture(autouse=True)
def _no_request(monkeypatch: pytest.MonkeyPatch, _tables: None) -> None:
    """No request has begun in this thread yet."""
    monkeypatch.setattr(snapshots._thread, "began", None)


@pytest.fixture
def _request(_no_request: None) -> None:
    """One has."""
    request_started.send(sender=None)


@pytest.mark.usefixtures("_request")
def test_what_a_transaction_changed_is_neither_served_nor_kept(count: Count) -> None:
    assert count() == count() == 1
    with transaction.atomic():
        invalidate_tags("counts")
        assert count() == 2
        assert count() == 3
    assert count() == count() == 4


@pytest.mark.usefixtures("_request")
def test_what_is_rolled_back_is_not_kept(count: Count) -> None:
    with suppress(ZeroDivisionError), transaction.atomic():
        invalidate_tags("counts")
        count()
        raise ZeroDivisionError
    assert count() == count() == 2


def test_what_a_snapshot_shows_is_kept_if_nothing_was_forgotten_since(count: Count, client: hitrate.Cache) -> None:
    def read(forgotten_by_another: tuple[str, ...] = ()) -> int:
        request_started.send(sender=None)
        with transaction.atomic():
            client.invalidate(tags=forgotten_by_another)
            return count()

    # Until it is known that nothing was: by the millisecond, and not since the first request.
    until(lambda: read() == read(), "what a request read is kept")
    seen = read(forgotten_by_another=("counts",))
    assert count() == count() == seen + 1


def test_outside_of_a_request_a_snapshot_has_no_age(count: Count) -> None:
    with transaction.atomic():
        assert count() == 1
    assert count() == count() == 2
