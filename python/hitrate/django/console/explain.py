"""``manage.py hitrate explain``: what saving an instance would forget, and by which rule."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import Any

from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db.models import Model

from hitrate.cli import exits
from hitrate.cli.commands import add_json
from hitrate.cli.output import Output
from hitrate.django import rulebook
from hitrate.django.rulebook import Explanation, Rule
from hitrate.exceptions import ConfigError


def add_arguments(parser: ArgumentParser) -> None:
    """Add which instance, and what changes."""
    parser.add_argument("model", nargs="?", help="as app.Model; without one, all rules are listed")
    parser.add_argument("pk", nargs="?", help="primary key; without one, the rules of the model are listed")
    parser.add_argument("--database", help="from which it is read (default: where the model is read)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=_assignment,
        metavar="FIELD=VALUE",
        help="as if saved with this value",
    )
    add_json(parser)


def explain(options: Namespace, output: Output) -> int:
    """Name the rules, or what they say about an instance; nothing is saved, and nothing forgotten."""
    model = None if options.model is None else _model(options.model)
    if model is None or options.pk is None:
        _write_rules(list(rulebook.rules()) if model is None else rulebook.rules_of(model), options, output)
        return exits.FINE
    instance = _instance(model, options)
    if instance is None:
        output.complain(f"no {model._meta.label} has the primary key '{options.pk[:100]}'")
        return exits.WARNING
    for name, value in options.set:
        _assign(instance, name, value)
    found = rulebook.explain(instance, options.database)
    if options.json:
        output.json({"instance": f"{model._meta.label} {instance.pk}", "forgets": [_as_dict(one) for one in found]})
        return exits.FINE
    output.line(f"saving {model._meta.label} {instance.pk} would forget" + ("" if found else " nothing: no rule"))
    for one in found:
        output.line(f"  {one.target.kind:<8}{one.target.text}   {_reason(one)}")
    return exits.FINE


def _assignment(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not equals:
        raise ArgumentTypeError(f"'{given[:100]}' is no FIELD=VALUE")
    return name, value


def _model(label: str) -> type[Model]:
    try:
        return apps.get_model(label)
    except (LookupError, ValueError) as error:
        raise ConfigError(f"there is no model '{label[:100]}' ({error}); write app.Model") from error


def _instance(model: type[Model], options: Namespace) -> Model | None:
    try:
        found: Model = model._base_manager.using(options.database).get(pk=options.pk)
    except (ObjectDoesNotExist, ValueError, ValidationError):
        return None
    return found


def _assign(instance: Model, name: str, value: str) -> None:
    field = rulebook.field_of(type(instance), name)
    if field is None:
        raise ConfigError(f"{instance._meta.label} has no field '{name[:100]}' to set")
    try:
        setattr(instance, field.attname, field.to_python(value))
    except ValidationError as error:
        raise ConfigError(f"'{value[:100]}' is no value for '{name}': {' '.join(error.messages)}") from error


def _write_rules(rules: list[Rule], options: Namespace, output: Output) -> None:
    if options.json:
        output.json({"rules": [_rule_as_dict(rule) for rule in rules]})
        return
    for rule in rules:
        output.line(f"{rule.model._meta.label} forgets {rule} in cache '{rule.cache}'")
    if not rules:
        output.line("no rule is registered")


def _reason(one: Explanation) -> str:
    told = f"{one.rule.model._meta.label} forgets {one.rule}"
    return f"{told}, by what the database holds" if one.is_stored else told


def _as_dict(one: Explanation) -> dict[str, Any]:
    return {"kind": one.target.kind, "name": one.target.text, "is_stored": one.is_stored, **_rule_as_dict(one.rule)}


def _rule_as_dict(rule: Rule) -> dict[str, Any]:
    return {"model": rule.model._meta.label, "rule": str(rule), "cache": rule.cache, "version": rule.version}
