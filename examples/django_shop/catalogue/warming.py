"""
What is worth having in the cache before anybody asks, and how it gets there: by asking for it.

The shop answers its own requests, so that what is kept is what the views answer, under the keys that they look at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.test import Client
from django.urls import reverse

from catalogue.models import Category, Product, ProductColor
from catalogue.shelves import best_rated
from hitrate.django import warmer

POPULAR = 20
LISTED_CATEGORIES = 5
# What the cache says of an answer that is in it now.
KEPT = ("hitrate; hit", "stored", "collapsed")


@dataclass(frozen=True)
class Step:
    """
    A part of the work.

    Attributes:
        title: what is done, ``"categories"``.
        paths: to ask for.
        done: what was done then, ``"12 categories"``.
    """

    title: str
    paths: list[str]
    done: str


def steps() -> Iterator[Step]:
    """Yield the parts one after the other; each looks into the database when its turn has come."""
    categories = list(Category.objects.all())
    yield Step("categories", [reverse("category-list")], f"Cached {len(categories)} categories")
    each = [reverse("category-detail", args=[category.pk]) for category in categories]
    yield Step("", each, f"Cached {len(categories)} individual categories")
    yield Step("product colors", [reverse("product-color-list")], f"Cached {ProductColor.objects.count()} colors")
    shelf = min(10, Product.objects.count())
    yield Step("top sellers", [reverse("product-top-sellers")], f"Cached {shelf} top sellers")
    yield Step("new arrivals", [reverse("product-new-arrivals")], f"Cached {shelf} new arrivals")
    popular = list(best_rated(Product.objects.all(), ()).values_list("pk", flat=True)[:POPULAR])
    pages = [reverse(name, args=[pk]) for pk in popular for name in ("product-detail", "product-variants")]
    yield Step("popular products", pages, f"Cached {len(popular)} popular products and their variants")
    roots = [category.slug for category in categories if category.parent_id is None]
    filters = _of_categories("product-filters", roots)
    yield Step("filter options", filters, f"Cached filters for {len(roots)} categories")
    lists = _of_categories("product-list", roots[:LISTED_CATEGORIES])
    yield Step("product lists for categories", lists, "Cached product lists for top categories")


def _of_categories(name: str, slugs: Iterable[str]) -> list[str]:
    return [f"{reverse(name)}?{urlencode({'category__slug': slug})}" for slug in slugs]


def hosts() -> list[str]:
    """The hosts that answers are kept for, if nobody names any: those that the settings spell out."""
    found = [host.lstrip(".") for host in settings.ALLOWED_HOSTS if host != "*"]
    return found or ["localhost"]


def ask(path: str, host: str, *, secure: bool = False) -> bool:
    """
    Let the shop answer a request, and tell whether the answer is in the cache now.

    Args:
        path: with its query.
        host: as clients name it, with its port. Each has answers of its own, for links may name it.
        secure: whether clients use HTTPS.
    """
    answer = Client(raise_request_exception=False).get(path, secure=secure, headers={"host": host})
    said = answer.headers.get("Cache-Status", "")
    return answer.status_code == 200 and any(word in said for word in KEPT)


@warmer(name="catalogue")
def warm_catalogue() -> Iterator[str]:
    """Do what ``manage.py warmup_cache`` does, for ``manage.py hitrate warmup``."""
    for step in steps():
        for path in step.paths:
            for host in hosts():
                ask(path, host)
                yield path
