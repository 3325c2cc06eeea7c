"""The category tree, from one query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from catalogue.models import Category


class CategoryTree:
    """All categories at once: a shop has dozens, and every question about a tree needs more than one level."""

    def __init__(self, categories: Iterable[Category] | None = None) -> None:
        found = Category.objects.all() if categories is None else categories
        self.by_id = {category.pk: category for category in found}
        self._children: dict[int | None, list[Category]] = defaultdict(list)
        for category in self.by_id.values():
            self._children[category.parent_id].append(category)

    def below(self, pk: int) -> list[int]:
        """The category and all below it, as primary keys."""
        found = [pk]
        for parent in found:
            found.extend(child.pk for child in self._children[parent])
        return found

    def path(self, pk: int) -> list[Category]:
        """The ancestors of a category, the root first, without itself."""
        ancestors: list[Category] = []
        parent = self.by_id[pk].parent_id
        while parent is not None and len(ancestors) < len(self.by_id):
            ancestors.insert(0, self.by_id[parent])
            parent = self.by_id[parent].parent_id
        return ancestors

    def nested(self, parent: int | None = None) -> list[dict[str, Any]]:
        """The branches below `parent` (None: the whole forest), each with its children."""
        return [{**summary(category), "children": self.nested(category.pk)} for category in self._children[parent]]


def summary(category: Category) -> dict[str, Any]:
    return {"id": category.pk, "name": category.name, "slug": category.slug}
