"""The command line: ``hitrate doctor`` and its smaller siblings."""

from __future__ import annotations

from hitrate.cli.program import main

__all__ = ["main"]
