"""Plausible data for the example."""

from __future__ import annotations

from django.apps import AppConfig


class GeneratorConfig(AppConfig):
    """The application `generator`; it has commands and no models."""

    name = "generator"
