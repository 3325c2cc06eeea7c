"""A dashboard for sellers of several tenants, with its answers cached by hitrate."""

from __future__ import annotations
