"""The catalogue as visitors see it, from the database."""

from __future__ import annotations

from datetime import timedelta

from odoo import fields, models

SORTS = {
    "name": "name asc",
    "price_asc": "list_price asc",
    "price_desc": "list_price desc",
    "newest": "create_date desc, id desc",
}
NEW_FOR = timedelta(days=30)
SOLD_LATELY = timedelta(days=365)
BESTSELLER = 10


class EcommerceCatalogue(models.AbstractModel):
    """Computes what `ecommerce.producer` keeps; what visitors ask for was read by ``controllers.asked``."""

    _name = "ecommerce.catalogue"
    _description = "The shop's catalogue for visitors"

    def _website(self):
        return self.env["website"].get_current_website()

    def _domain(self, filters=None):
        """Products on sale on this website, and no archived, unsaleable or unpublished ones, whatever is asked for."""
        domain = [("sale_ok", "=", True), ("active", "=", True), ("is_published", "=", True)]
        domain += [*self._website().website_domain(), ("company_id", "in", [False, *self.env.companies.ids])]
        filters = filters or {}
        if category := filters.get("category_id"):
            domain.append(("public_categ_ids", "child_of", category))
        if (lowest := filters.get("price_min")) is not None:
            domain.append(("list_price", ">=", lowest))
        if (highest := filters.get("price_max")) is not None:
            domain.append(("list_price", "<=", highest))
        if values := filters.get("attribute_value_ids"):
            domain.append(("attribute_line_ids.value_ids", "in", values))
        if text := filters.get("search"):
            domain.append(("name", "ilike", text))
        return domain

    def _products(self):
        # As a visitor, who may not read products: the domain says which of them he may see.
        return self.env["product.template"].sudo()

    def _one(self, product_id):
        return self._products().search([("id", "=", product_id), *self._domain()], limit=1)

    def _list(self, limit=20, offset=0, filters=None, sort="name"):
        domain = self._domain(filters)
        products = self._products().search(domain, limit=limit, offset=offset, order=SORTS[sort])
        total = self._products().search_count(domain)
        return {"products": self._cards(products), "total": total, "limit": limit, "offset": offset}

    def _prices(self, products):
        """Prices by product, in the currency of the website."""
        pricelist = self.env["product.pricelist"].sudo().browse(self.env.context.get("pricelist") or [])
        # That of the website is the one of the request's pricelist, of which the key does not tell.
        currency = pricelist.currency_id or self._website().company_id.sudo().currency_id
        if pricelist:
            return pricelist._get_products_price(products, quantity=1.0), currency
        today = fields.Date.context_today(self)
        company = self.env.company
        return {
            product.id: product.currency_id._convert(product.list_price, currency, company, today)
            for product in products
        }, currency

    def _cards(self, products):
        prices, currency = self._prices(products)
        sold = self._sold(products)
        return [self._card(product, prices[product.id], currency, sold.get(product, 0)) for product in products]

    def _sold(self, products):
        """Pieces by product that were sold lately; Odoo's own count is 0 for whoever is no salesman."""
        since = fields.Datetime.now() - SOLD_LATELY
        lines = self.env["sale.order.line"].sudo()
        domain = [("product_id", "in", products.product_variant_ids.ids), ("state", "=", "sale")]
        domain += [("order_id.date_order", ">=", since), ("company_id", "in", self.env.companies.ids)]
        pieces = {}
        for variant, quantity in lines._read_group(domain, ["product_id"], ["product_uom_qty:sum"]):
            pieces[variant.product_tmpl_id] = pieces.get(variant.product_tmpl_id, 0) + quantity
        return pieces

    def _card(self, product, price, currency, sold):
        stock = product.qty_available
        base = self._website().get_base_url()
        image = f"{base}/web/image/product.template/{product.id}/image_512"
        category = product.public_categ_ids[:1]
        return {
            "id": product.id,
            "name": product.name,
            "slug": self.env["ir.http"]._slug(product),
            "list_price": price,
            "currency": {"id": currency.id, "code": currency.name, "symbol": currency.symbol},
            "is_featured": bool(product.product_tag_ids),
            "is_new": product.create_date > fields.Datetime.now() - NEW_FOR,
            "is_bestseller": sold >= BESTSELLER,
            "image_url": image,
            "category": {"id": category.id, "name": category.name} if category else None,
            "in_stock": not product.is_storable or product.allow_out_of_stock_order or stock > 0,
            "stock_qty": stock,
        }

    def _details(self, product_id):
        product = self._one(product_id)
        if not product:
            return None
        card = self._cards(product)[0]
        base = self._website().get_base_url()
        extra = product.product_template_image_ids
        images = [card["image_url"], *(f"{base}/web/image/product.image/{image.id}/image_1024" for image in extra)]
        return {
            **card,
            "description": product.description_sale or "",
            "technical_description": product.description_ecommerce or "",
            "images": images,
            "seo": self._seo_of(product),
            "view_count": product.view_count,
            "wishlist_count": 0,
            "variants": [
                {"id": variant.id, "name": variant.display_name, "default_code": variant.default_code or ""}
                for variant in product.product_variant_ids
            ],
            "related_products": product.alternative_product_ids.filtered_domain(self._domain()).ids,
        }

    def _seo(self, product_id):
        product = self._one(product_id)
        return self._seo_of(product) if product else None

    def _seo_of(self, product):
        title = product.website_meta_title or product.name
        description = product.website_meta_description or product.description_sale or ""
        return {
            "meta_title": title,
            "meta_description": description,
            "meta_keywords": product.website_meta_keywords or "",
            "structured_data": {
                "@context": "https://schema.org",
                "@type": "Product",
                "name": product.name,
                "description": description,
            },
        }

    def _facets(self, filters):
        products = self._products().search(self._domain(filters))
        categories, attributes = {}, {}
        for category in products.mapped("public_categ_ids"):
            categories[category.id] = {"id": category.id, "name": category.name, "count": 0}
        for product in products:
            for category in product.public_categ_ids:
                categories[category.id]["count"] += 1
            for value in product.attribute_line_ids.value_ids:
                found = attributes.setdefault(value.id, {"id": value.id, "name": value.display_name, "count": 0})
                found["count"] += 1
        prices = list(self._prices(products)[0].values())
        return {
            "categories": list(categories.values()),
            "attributes": list(attributes.values()),
            "price": {"min": min(prices, default=0.0), "max": max(prices, default=0.0)},
            "total": len(products),
        }

    def _search_products(self, text, limit):
        found = self._products().search(self._domain({"search": text}), limit=limit, order="name") if text else ()
        return [
            {"id": product.id, "name": product.name, "slug": self.env["ir.http"]._slug(product)} for product in found
        ]

    def _recommendations(self, product_id, limit):
        product = self._one(product_id)
        if not product:
            return None
        chosen = product.alternative_product_ids.filtered_domain(self._domain())[:limit]
        if len(chosen) < limit and product.public_categ_ids:
            beside = [
                ("public_categ_ids", "in", product.public_categ_ids.ids),
                ("id", "not in", [product.id, *chosen.ids]),
            ]
            chosen |= self._products().search(self._domain() + beside, limit=limit - len(chosen), order="name")
        return self._cards(chosen)

    def _analytics(self, days):
        since = fields.Datetime.now() - timedelta(days=days)
        domain = [("state", "=", "sale"), ("date_order", ">=", since), ("company_id", "in", self.env.companies.ids)]
        orders = self.env["sale.order"].sudo().search(domain)
        lines = (
            self.env["sale.order.line"]
            .sudo()
            ._read_group(
                [("order_id", "in", orders.ids)],
                ["product_id"],
                ["product_uom_qty:sum"],
                limit=10,
                order="product_uom_qty:sum desc",
            )
        )
        return {
            "orders": len(orders),
            "revenue": sum(orders.mapped("amount_total")),
            "top_products": [{"id": product.product_tmpl_id.id, "quantity": quantity} for product, quantity in lines],
        }
