"""
Changes that send no signal: ``QuerySet.update``, ``bulk_create``, ``bulk_update`` and raw SQL.

Each reads the rows before and after it changes them, so that the rules of their model can say what is to be forgotten.
Where no rule is registered, nothing is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from itertools import islice
from operator import or_
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Model, Q, QuerySet

from hitrate.django import rulebook

__all__ = ["bulk_create", "bulk_update", "changing", "update"]

AnyModel = TypeVar("AnyModel", bound=Model)

# Rows in memory at a time, and values in one query.
CHUNK = 500


@contextmanager
def changing(queryset: QuerySet[AnyModel]) -> Iterator[None]:
    """
    Forget what the rules name for rows that the block changes, inserts or deletes, by whatever means: raw SQL, for one.

    What rows were before counts, and what they are afterwards, where they then match or matched. The block runs in a
    transaction of the database that the queryset would be written to.

    Args:
        queryset: of the rows; not sliced.
    """
    model, using = queryset.model, written_to(queryset)
    with transaction.atomic(using=using, savepoint=False):
        if not rulebook.rules_of(model):
            yield
            return
        before = _forget(_all(queryset.using(using)), using)
        yield
        _forget(_rows(model, "pk", before, using), using)
        # And those that match only now.
        _forget((row for row in _all(queryset.using(using)) if row.pk not in before), using)


def update(queryset: QuerySet[AnyModel], **values: Any) -> int:
    """Do what ``queryset.update(**values)`` does, and forget what the rules name for the rows, before and after."""
    with changing(queryset):
        return int(queryset.using(written_to(queryset)).update(**values))


def bulk_update(
    queryset: QuerySet[AnyModel], objects: Iterable[AnyModel], fields: Iterable[str], batch_size: int | None = None
) -> int:
    """Do what ``queryset.bulk_update()`` does, and forget what the rules name for the objects, before and after."""
    given = list(objects)
    model, using = queryset.model, written_to(queryset)
    with transaction.atomic(using=using, savepoint=False):
        _forget(_rows(model, "pk", [one.pk for one in given], using), using)
        count = int(queryset.using(using).bulk_update(given, fields, batch_size=batch_size))
        _forget(given, using)
    return count


def bulk_create(queryset: QuerySet[AnyModel], objects: Iterable[AnyModel], **options: Any) -> list[AnyModel]:
    """
    Do what ``queryset.bulk_create()`` does, and forget what the rules name for the objects.

    Args:
        queryset: of the model.
        objects: to be inserted.
        options: those of ``bulk_create()``. With ``update_conflicts``, the rows that have the same values in its
            ``unique_fields`` count, before and after.
    """
    given = list(objects)
    model, using = queryset.model, written_to(queryset)
    unique = options.get("unique_fields") if options.get("update_conflicts") else None
    with transaction.atomic(using=using, savepoint=False):
        if unique:
            _forget(_conflicting(model, given, unique, using), using)
        created: list[AnyModel] = queryset.using(using).bulk_create(given, **options)
        # Of a row that was updated, the database may know more than the object that it was updated from.
        _forget(_conflicting(model, given, unique, using) if unique else given, using)
    return created


def written_to(queryset: QuerySet[AnyModel]) -> str:
    """Return the alias of the database to which a queryset is written."""
    return str(queryset.select_for_update().db)


def _forget(rows: Iterable[AnyModel], using: str) -> set[Any]:
    """Collect what the rules name for rows; return their primary keys. Reads no row where there are no rules."""
    seen: set[Any] = set()
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK)):
        rulebook.forget_changed([(row, {}) for row in chunk], using)
        seen.update(row.pk for row in chunk)
    return seen


def _all(queryset: QuerySet[AnyModel]) -> Iterator[AnyModel]:
    return queryset.iterator(chunk_size=CHUNK)


def _rows(model: type[AnyModel], field: str, values: Iterable[Any], using: str) -> Iterator[AnyModel]:
    """Yield the rows that have one of these values in a field."""
    values = iter(values)
    while rulebook.rules_of(model) and (chunk := list(islice(values, CHUNK))):
        yield from model._base_manager.using(using).filter(**{f"{field}__in": chunk})


def _conflicting(
    model: type[AnyModel], objects: Sequence[AnyModel], unique: Sequence[str], using: str
) -> Iterator[AnyModel]:
    """Yield the rows that have the same values in the fields ``unique`` as one of the objects."""
    for at in range(0, len(objects), CHUNK):
        if rulebook.rules_of(model):
            same = (Q(**{name: getattr(one, name) for name in unique}) for one in objects[at : at + CHUNK])
            yield from model._base_manager.using(using).filter(reduce(or_, same))
