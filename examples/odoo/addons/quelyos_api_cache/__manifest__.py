{
    "name": "Quelyos API cache",
    "summary": "View counter, cache service and rate limits on Redis or Valkey, for all workers together",
    "version": "19.0.1.0.0",
    "category": "Website/Website",
    "author": "hitrate contributors",
    "license": "LGPL-3",
    "depends": ["website_sale_stock"],
    "external_dependencies": {"python": ["hitrate"]},
    "installable": True,
}
