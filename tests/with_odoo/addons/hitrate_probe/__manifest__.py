{
    "name": "hitrate probe",
    "summary": "What the tests of hitrate do inside of Odoo",
    "version": "19.0.1.0.0",
    "author": "hitrate contributors",
    "license": "LGPL-3",
    "depends": ["quelyos_ecommerce_cache", "quelyos_api_cache", "rpc"],
    "installable": True,
}
