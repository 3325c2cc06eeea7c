{
    "name": "Quelyos E-commerce cache",
    "summary": "Product listings and details from Redis or Valkey, forgotten when data changes",
    "version": "19.0.1.0.0",
    "category": "Website/Website",
    "author": "hitrate contributors",
    "license": "LGPL-3",
    "depends": ["website_sale_stock"],
    "external_dependencies": {"python": ["hitrate"]},
    "data": ["views/redis_cache_views.xml"],
    "installable": True,
}
