{
    "name": "hitrate original",
    "summary": "A change of a product as the original of quelyos_ecommerce had it, to be compared with",
    "version": "19.0.1.0.0",
    "author": "hitrate contributors",
    "license": "LGPL-3",
    "depends": ["website_sale_stock", "rpc"],
    "installable": True,
}
