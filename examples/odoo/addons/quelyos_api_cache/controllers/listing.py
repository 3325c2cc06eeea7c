"""A page of the list of products, from the database."""

from __future__ import annotations

import math

LARGEST_PAGE = 100
MOST_VALUES = 100
MOST_CHARS = 100
SORTS = {"name": "name", "price": "list_price", "list_price": "list_price", "date": "create_date"}


class InvalidParametersError(Exception):
    """A visitor's parameter that cannot be used."""


def asked(params):
    """
    What a visitor asks for: values that mean the same become one, and what is not known is left out.

    Raises:
        InvalidParametersError: a parameter that cannot be used.
    """
    try:
        return _asked(params)
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        raise InvalidParametersError("no parameters of a list") from error


def _asked(params):
    found = {
        "limit": max(1, min(int(params.get("limit", 20)), LARGEST_PAGE)),
        "offset": _whole(params.get("offset", 0)),
        "search": _text(params.get("search", "")),
    }
    if params.get("sort_by") in SORTS:
        found["sort_by"] = params["sort_by"]
    if params.get("sort_order") == "desc":
        found["sort_order"] = "desc"
    if params.get("category_id"):
        found["category_id"] = _whole(params["category_id"])
    for name in ("price_min", "price_max"):
        if params.get(name) is not None:
            found[name] = _price(params[name])
    if values := params.get("attribute_value_ids"):
        if not isinstance(values, list) or len(values) > MOST_VALUES:
            raise ValueError("not a list of attributes")
        found["attribute_value_ids"] = sorted(set(map(_whole, values)))
    return found


def page(env, params):
    """The answer to what was `asked`; whoever asks is a visitor, so that archived products are never in it."""
    products = env["product.template"].sudo()
    wanted = domain(env, params)
    limit, offset = params["limit"], params["offset"]
    order = f"{SORTS[params.get('sort_by', 'name')]} {params.get('sort_order', 'asc')}, id"
    found = products.search(wanted, limit=limit, offset=offset, order=order)
    return {
        "success": True,
        "products": [_product(product) for product in found],
        "total": products.search_count(wanted),
        "limit": limit,
        "offset": offset,
        "facets": _facets(products.search(wanted)),
    }


def _whole(value):
    """A number that PostgreSQL's integers can hold, or a ValueError."""
    number = int(value)
    if not 0 <= number < 2**31:
        raise ValueError("not a number of PostgreSQL")
    return number


def _text(value):
    """A text of at most so many characters, which PostgreSQL can hold, or a ValueError."""
    found = value.strip()[:MOST_CHARS]
    found.encode()
    if "\0" in found:
        raise ValueError("not a text of PostgreSQL")
    return found


def _price(value):
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not a price")
    return int(number) if number.is_integer() else number


def domain(env, params):
    """Products of this website and its company that are on sale, and of them those that are asked for."""
    website = env["website"].get_current_website()
    found = [("sale_ok", "=", True), ("active", "=", True), ("is_published", "=", True), *website.website_domain()]
    found.append(("company_id", "in", [False, website.company_id.id]))
    if text := params.get("search"):
        found.append(("name", "ilike", text))
    if params.get("category_id"):
        found.append(("public_categ_ids", "child_of", params["category_id"]))
    for name, operator in (("price_min", ">="), ("price_max", "<=")):
        if params.get(name) is not None:
            found.append(("list_price", operator, params[name]))
    if params.get("attribute_value_ids"):
        found.append(("attribute_line_ids.value_ids", "in", params["attribute_value_ids"]))
    return found


def _product(product):
    return {
        "id": product.id,
        "name": product.name,
        "list_price": product.list_price,
        "stock_qty": product.qty_available,
        "image_url": f"/web/image/product.template/{product.id}/image_512",
    }


def _facets(products):
    prices = products.mapped("list_price")
    categories = [{"id": category.id, "name": category.name} for category in products.public_categ_ids]
    return {"categories": categories, "price_min": min(prices, default=0.0), "price_max": max(prices, default=0.0)}
