"""Fill the database with two tenants: ``python -m dashboard.generator``. The same seed makes the same data."""

from __future__ import annotations

import argparse
import asyncio
import random
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from dashboard.auth import ACME, GLOBEX
from dashboard.database import create_tables, engine, now
from dashboard.models import Base, Price, Product, Review, Sale

_KINDS = "Lamp Chair Desk Kettle Blanket Backpack Headphones Bottle Clock Mirror".split()
_TONES = "Amber Birch Coral Dusk Ember Fern Granite Harbour Indigo Juniper".split()
_WORDS = {5: "Better than I hoped.", 4: "Good.", 3: "It does what it should.", 2: "Not for me.", 1: "Broke at once."}


def rows_of(tenant: str, products: int, days: int, chance: random.Random) -> dict[type[Base], list[dict[str, Any]]]:
    """A tenant's rows: every product has prices, reviews and sales of the last days."""
    rows: dict[type[Base], list[dict[str, Any]]] = {Product: [], Price: [], Review: [], Sale: []}
    for number in range(products):
        own = {"tenant_id": tenant, "product_id": UUID(int=chance.getrandbits(128), version=4)}
        price = chance.randrange(500, 50000)
        name = f"{chance.choice(_TONES)} {chance.choice(_KINDS)} {number + 1}"
        stock = chance.randrange(200)
        rows[Product].append(
            {"id": own["product_id"], "tenant_id": tenant, "name": name, "price": price, "stock": stock}
        )
        for ago in range(0, days, 10):
            at = now() - timedelta(days=ago, minutes=chance.randrange(600))
            rows[Price].append({**own, "at": at, "price": price + chance.randrange(-400, 400)})
        for _ in range(chance.randrange(6)):
            stars = chance.choices([1, 2, 3, 4, 5], [1, 1, 2, 4, 4])[0]
            at = now() - timedelta(days=chance.randrange(days))
            rows[Review].append({**own, "at": at, "stars": stars, "text": _WORDS[stars]})
        for _ in range(chance.randrange(30)):
            at = now() - timedelta(days=chance.randrange(days), minutes=chance.randrange(600))
            rows[Sale].append({**own, "at": at, "pieces": chance.randint(1, 4), "price": price})
    return rows


async def generate(products: int = 100, days: int = 60, seed: int = 7) -> None:
    """Put both tenants into the database, in place of whatever is there."""
    await create_tables()
    chance = random.Random(seed)
    async with engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            await connection.execute(table.delete())
        for tenant in (ACME, GLOBEX):
            for model, rows in rows_of(tenant, products, days, chance).items():
                if rows:
                    await connection.execute(insert(model), rows)
    await engine.dispose()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=100, help="of each tenant (100)")
    parser.add_argument("--days", type=int, default=60, help="how far back it goes (60)")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    asyncio.run(generate(given.products, given.days, given.seed))
    print(f"{given.products} products of each of two tenants; tokens: acme-demo, globex-demo, acme-admin-demo")


if __name__ == "__main__":
    main()
