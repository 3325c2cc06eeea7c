from __future__ import annotations

from . import base, catalogue, ir_http, quelyos_cache
