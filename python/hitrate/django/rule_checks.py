"""System checks of the rules that a project registered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from hitrate.django import rulebook
from hitrate.django.rulebook import Rule


@register(Tags.models)
def check_rules(**_: Any) -> list[CheckMessage]:
    """Report rules that would fail at the first save."""
    return [message for rule in rulebook.rules() for message in _problems(rule)]


def _problems(rule: Rule) -> Iterator[CheckMessage]:
    meta = rule.model._meta
    for name in rule.fields:
        # What is no field may be a property; that instances alone have it is possible, and not known here.
        if rulebook.field_of(rule.model, name) is None and not hasattr(rule.model, name):
            yield Error(
                f"The rule {rule} names '{name}', and {meta.label} has no field '{name}'.",
                hint="Name a field, 'pk' or a property, or write a callable.",
                obj=rule.model,
                id="hitrate.E020",
            )
    if rule.cache not in settings.CACHES:
        yield Error(
            f"The rule {rule} is for the cache '{rule.cache}', which is not in CACHES.",
            hint=f"Known are: {', '.join(sorted(settings.CACHES))}.",
            obj=rule.model,
            id="hitrate.E021",
        )
