from __future__ import annotations

from . import controllers, lib, models
