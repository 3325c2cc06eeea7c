from __future__ import annotations

from . import health, products
