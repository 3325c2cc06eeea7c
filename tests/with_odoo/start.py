"""Start Odoo. Its gevent process starts this file anew, which ``python -m odoo`` cannot do."""

from __future__ import annotations

import odoo.cli

if __name__ == "__main__":
    odoo.cli.main()
