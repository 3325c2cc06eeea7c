from __future__ import annotations

from . import controllers, models
