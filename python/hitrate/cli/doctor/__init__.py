"""The examination of a server, and what it found."""

from __future__ import annotations

from hitrate.cli.doctor.examination import examine
from hitrate.cli.doctor.finding import Finding, Level
from hitrate.cli.doctor.report import Report

__all__ = ["Finding", "Level", "Report", "examine"]
