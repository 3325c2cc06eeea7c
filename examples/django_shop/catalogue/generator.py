"""A catalogue out of nothing, the same for the same seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import TypeVar

from django.db import models, transaction
from django.utils.text import slugify

from catalogue.models import Category, Product, ProductColor, ProductVariant
from catalogue.rules import forget_catalogue
from catalogue.vocabulary import BRANDS, COLORS, DETAILS, KINDS, PRAISE, SERIES, Kind

BATCH = 500
# Fixed, not "now": a seed must give the same catalogue tomorrow.
OPENING = datetime(2024, 1, 8, 9, tzinfo=timezone.utc)
DAYS_OPEN = 1000

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True)
class Counts:
    """How many rows were made."""

    categories: int
    colors: int
    products: int
    variants: int


@transaction.atomic
def generate(products: int, seed: int, *, advance: Callable[[int], None]) -> Counts:
    """
    Fill an empty catalogue.

    Args:
        products: how many.
        seed: the same seed gives the same rows.
        advance: called with the number of products that have been stored since the last call.

    Returns:
        The numbers of rows. Cached answers are forgotten after the commit.
    """
    random = Random(seed)
    leaves = _make_categories()
    colors = _insert(ProductColor, (ProductColor(name=name, hex_code=code) for name, code in COLORS.items()))
    variants = 0
    for start in range(0, products, BATCH):
        numbers = range(start, min(start + BATCH, products))
        chosen = [random.choice(KINDS) for _ in numbers]
        rows = (_product(random, n, kind, leaves[kind.path]) for n, kind in zip(numbers, chosen, strict=True))
        made = _insert(Product, rows)
        pairs = zip(made, chosen, strict=True)
        articles = (article for product, kind in pairs for article in _variants(random, product, kind, colors))
        variants += len(_insert(ProductVariant, articles))
        advance(len(made))
    forget_catalogue()  # bulk_create() sends no signals
    return Counts(Category.objects.count(), len(colors), products, variants)


@transaction.atomic
def remove_catalogue() -> None:
    """Delete every product, colour and category."""
    for model in (Product, ProductColor, Category):
        model.objects.all().delete()


def _insert(model: type[Row], rows: Iterable[Row]) -> list[Row]:
    made: list[Row] = model.objects.bulk_create(rows, batch_size=BATCH)  # type: ignore[attr-defined]
    return made


def _make_categories() -> dict[tuple[str, ...], Category]:
    """Make the tree, level by level; returns every branch by its path."""
    made: dict[tuple[str, ...], Category] = {}
    for depth in range(1, 1 + max(len(kind.path) for kind in KINDS)):
        paths = dict.fromkeys(kind.path[:depth] for kind in KINDS if len(kind.path) >= depth)
        branches = [
            Category(name=path[-1], slug=slugify("-".join(path)), parent=made.get(path[:-1]), position=position)
            for position, path in enumerate(paths)
        ]
        made.update(zip(paths, _insert(Category, branches), strict=True))
    return made


def _product(random: Random, number: int, kind: Kind, category: Category) -> Product:
    brand, series = random.choice(BRANDS), random.choice(SERIES)
    name = f"{brand} {series} {random.choice(kind.nouns)}"
    slug = f"{slugify(name)}-{number + 1}"
    # Most things are decent, few are bad; good ones sell more, and a few sell very well.
    rating = round(Decimal(1 + 4 * random.betavariate(6, 2)), 2)
    sold = int(random.lognormvariate(3.2 + float(rating) / 4, 1.1))
    return Product(
        name=name,
        slug=slug,
        brand=brand,
        description=f"{random.choice(PRAISE)}. {' '.join(random.sample(DETAILS, 2))}",
        category=category,
        price=_price(random, *kind.prices),
        rating=rating,
        rating_count=int(sold * random.uniform(0.05, 0.3)),
        sold=sold,
        image=f"products/{slug}.jpg",
        created_at=OPENING + timedelta(minutes=random.randrange(DAYS_OPEN * 24 * 60)),
    )


def _price(random: Random, lowest: int, highest: int) -> Decimal:
    """A price of the range, cheap ones more often, that ends as prices do."""
    whole = math.exp(random.uniform(math.log(lowest), math.log(highest)))
    return int(whole) + random.choice([Decimal("0.99"), Decimal("0.90"), Decimal("0.50"), Decimal("0.00")])


def _variants(random: Random, product: Product, kind: Kind, colors: list[ProductColor]) -> Iterator[ProductVariant]:
    storages = kind.storages[: random.randint(1, len(kind.storages))]
    for color in random.sample(colors, random.randint(1, 4)):
        for step, storage in enumerate(storages):
            yield ProductVariant(
                product=product,
                color=color,
                storage=storage,
                sku=f"{product.pk:06}-{color.pk:02}-{step}",
                price=product.price + step * (product.price / 8).quantize(Decimal(1)),
                stock=0 if random.random() < 0.12 else random.randint(1, 180),
            )
