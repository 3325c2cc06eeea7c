"""What must hold after the numbers: changed rows show at once in every worker, and sessions stay."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from demonstration.client import Answer, Client
from demonstration.processes import DemoError, Shop, manage

FEWEST_CONNECTIONS = 8
MOST_CONNECTIONS = 60

SetPrice = Callable[[int, str], object]
"""Gives the product of this id this price."""


def from_all_workers(shop: Shop, path: str, *, cookie: str = "") -> Iterator[Answer]:
    """Ask on one fresh connection after the other, until every worker has answered (or `MOST_CONNECTIONS` tries)."""
    seen: set[str] = set()
    for tries in range(1, MOST_CONNECTIONS + 1):
        with Client(shop) as client:
            answer = client.get(path, cookie=cookie)
        seen.add(answer.worker)
        yield answer
        if len(seen) == shop.workers and tries >= FEWEST_CONNECTIONS:
            return


def set_price_in_another_process(environment: Mapping[str, str]) -> SetPrice:
    """Change prices by a management command."""
    return lambda product, price: manage(environment, "set_price", str(product), price)


@contextmanager
def set_price_by_request(shop: Shop, environment: Mapping[str, str]) -> Iterator[SetPrice]:
    """Change prices through the shop itself, as a member of staff who exists until the block ends."""
    user, password = f"demo-{secrets.token_hex(4)}", secrets.token_urlsafe()
    account = ("createsuperuser", "--no-input", f"--username={user}", "--email=demo@example.com")
    manage({**environment, "DJANGO_SUPERUSER_PASSWORD": password}, *account, "--verbosity=0")

    def set_price(product: int, price: str) -> None:
        with Client(shop) as client:
            client.patch(f"/api/products/{product}/", {"price": price}, user=user, password=password)

    try:
        yield set_price
    finally:
        forget = "from django.contrib.auth.models import User; User.objects.filter(username='{}').delete()"
        manage(environment, "shell", "--verbosity=0", "-c", forget.format(user))


def change_shows_at_once(shop: Shop, set_price: SetPrice) -> dict[str, Any]:
    """
    Change the price of the top seller, and ask all workers for what shows it.

    Raises:
        DemoError: an answer still has the old price.
    """
    with Client(shop) as client:
        product = client.get("/api/products/top_sellers/").data[0]
        paths = [f"/api/products/{product['id']}/", "/api/products/top_sellers/"]
        before = [client.get(path) for path in paths]
    if any(answer.cache != "hit" for answer in before):
        raise DemoError(f"product {product['id']} is not in the cache before its price changes")
    old, new = product["price"], str(Decimal(product["price"]) + Decimal("1.11"))
    workers: set[str] = set()
    hits = 0
    try:
        set_price(product["id"], new)
        for path in paths:
            for answer in from_all_workers(shop, path):
                shown = answer.data[0] if isinstance(answer.data, list) else answer.data
                if shown["price"] != new:
                    raise DemoError(f"{path} shows the price {shown['price']} after it became {new}")
                workers.add(answer.worker)
                hits += answer.cache == "hit"
    finally:
        set_price(product["id"], old)
    if not hits:
        raise DemoError("no answer was kept after the change; the cache is filled no more")
    return {"product": product["name"], "old": old, "new": new, "workers": len(workers), "hits_after": hits}


def session_stays(shop: Shop) -> dict[str, Any]:
    """
    Put something into a cart, and look into it through all workers.

    Raises:
        DemoError: a worker does not know the session.
    """
    with Client(shop) as client:
        seller = client.get("/api/products/top_sellers/").data[0]
        variant = client.get(f"/api/products/{seller['id']}/variants/").data[0]["id"]
        put = client.post("/api/cart/", {"variant": variant, "quantity": 2})
    cookie = put.headers["Set-Cookie"].split(";", 1)[0]
    workers: set[str] = set()
    for answer in from_all_workers(shop, "/api/cart/", cookie=cookie):
        if answer.data != put.data:
            raise DemoError(f"the cart was {put.data} and is {answer.data}: the session is lost")
        workers.add(answer.worker)
    return {"total": put.data["total"], "workers": len(workers)}


def cache_counters(shop: Shop) -> list[dict[str, Any]]:
    """What the cache of each worker counted; empty for a backend that does not count."""
    found = {answer.worker: answer.data["stats"] for answer in from_all_workers(shop, "/debug/cache/")}
    return [{"worker": int(worker), **stats} for worker, stats in found.items() if isinstance(stats, dict)]
