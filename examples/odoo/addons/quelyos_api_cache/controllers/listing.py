"""A page of the list of products, from the database."""

from __future__ import annotations

LARGEST_PAGE = 100
SORTS = {"name": "name", "price": "list_price", "list_price": "list_price", "date": "create_date"}


def page(env, params):
    """The answer that was asked for; whoever asks is a visitor, so that archived products are never in it."""
    products = env["product.template"].sudo()
    wanted = domain(env, params)
    limit, offset = max(1, min(int(params.get("limit", 20)), LARGEST_PAGE)), _whole(params.get("offset", 0))
    direction = "desc" if params.get("sort_order") == "desc" else "asc"
    order = f"{SORTS.get(params.get('sort_by'), 'name')} {direction}, id"
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


def domain(env, params):
    """Products of this website and its company that are on sale, and of them those that are asked for."""
    website = env["website"].get_current_website()
    found = [("sale_ok", "=", True), ("active", "=", True), ("is_published", "=", True), *website.website_domain()]
    found.append(("company_id", "in", [False, website.company_id.id]))
    if text := str(params.get("search") or "").strip():
        found.append(("name", "ilike", text))
    if params.get("category_id"):
        found.append(("public_categ_ids", "child_of", _whole(params["category_id"])))
    for name, operator in (("price_min", ">="), ("price_max", "<=")):
        if params.get(name) is not None:
            found.append(("list_price", operator, float(params[name])))
    if params.get("attribute_value_ids"):
        found.append(("attribute_line_ids.value_ids", "in", [_whole(value) for value in params["attribute_value_ids"]]))
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
