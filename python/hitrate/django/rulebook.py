"""The rules of all models, and what they say about an instance."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import NOT_PROVIDED, Field, Model

from hitrate.django.invalidation import collect
from hitrate.django.targets import Target, targets_in
from hitrate.exceptions import ConfigError
from hitrate.invalidation import Forgetting

# By the model that has the rows, or by the abstract one.
_rules: dict[type[Model], list[Rule]] = {}

Stored = Mapping[str, Any]
"""Values of fields as the database holds them, by the names in templates."""


@dataclass(frozen=True)
class Rule:
    """
    What is to be forgotten when an instance of a model changes.

    Attributes:
        model: concrete, proxy or abstract.
        forgets: the target with its template, or a callable that names targets.
        cache: alias of the cache.
        version: of the keys there.
    """

    model: type[Model]
    forgets: Target | Callable[..., Any]
    cache: str = "default"
    version: Any = None

    def __str__(self) -> str:
        if isinstance(self.forgets, Target):
            return f"{self.forgets.kind}('{self.forgets.text}')"
        return str(getattr(self.forgets, "__qualname__", repr(self.forgets)))

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields in its template."""
        return self.forgets.fields if isinstance(self.forgets, Target) else ()


@dataclass(frozen=True)
class Explanation:
    """
    One thing that a change would forget, and why.

    Attributes:
        target: what.
        rule: by which rule.
        is_stored: whether what the database holds names it, and the instance no longer does.
    """

    target: Target
    rule: Rule
    is_stored: bool = False


def add(rule: Rule) -> None:
    """Remember a rule; one that is known already is not remembered twice."""
    known = _rules.setdefault(key_of(rule.model), [])
    if rule not in known:
        known.append(rule)


def drop(model: type[Model]) -> None:
    """Drop the rules of a model."""
    _rules.pop(key_of(model), None)


def rules() -> Iterator[Rule]:
    """Yield all rules."""
    for known in list(_rules.values()):
        yield from known


def rules_of(model: type[Model]) -> list[Rule]:
    """Return the rules for instances of this model: its own, and those of the models that it derives from."""
    return [rule for base in key_of(model).__mro__ for rule in _rules.get(base, ())]


def key_of(model: type[Model]) -> type[Model]:
    """Return the model that stands for this one: that which has the rows; itself, if it is abstract."""
    return model._meta.concrete_model or model


def forget_changed(changed: Iterable[tuple[Model, Stored]], using: str, **said: Any) -> None:
    """
    Collect what the rules name for instances that have changed.

    Args:
        changed: each as it is now, and what the database held before.
        using: alias of their database.
        said: arguments of the signal, for callables.
    """
    merged: dict[tuple[str, Any], Forgetting] = {}
    for instance, stored in changed:
        for found in explanations(instance, using, stored, **said):
            what = merged.setdefault((found.rule.cache, found.rule.version), Forgetting())
            what.add(found.target.forgetting())
    for (alias, version), what in merged.items():
        collect(what, cache=alias, version=version, using=using)


def explanations(instance: Model, using: str, stored: Stored, **said: Any) -> Iterator[Explanation]:
    """
    Yield what the rules name for an instance, each target of a rule once.

    Args:
        instance: as it is now.
        using: alias of its database.
        stored: what the database holds, or held before.
        said: arguments of the signal, for callables.
    """
    for rule in rules_of(type(instance)):
        if not isinstance(rule.forgets, Target):
            arguments = {**said, "using": using} if _takes_arguments(rule.forgets) else {}
            for target in targets_in(rule.forgets(instance, **arguments)):
                yield Explanation(target, rule)
            continue
        now = rule.forgets.filled(lambda name: text_of(instance, name, using))
        yield Explanation(now, rule)
        if not stored.keys().isdisjoint(rule.fields):
            before = rule.forgets.filled(
                lambda name: str(stored[name]) if name in stored else text_of(instance, name, using)
            )
            if before != now:
                yield Explanation(before, rule, is_stored=True)


def explain(instance: Model, using: str | None = None) -> list[Explanation]:
    """
    Tell what saving an instance would forget, and by which rules. Nothing is forgotten.

    Args:
        instance: of any model, saved or not.
        using: alias of the database it would be saved to; None: its own.
    """
    found = using or instance._state.db or "default"
    return list(explanations(instance, found, stored_values(instance, found)))


def stored_values(instance: Model, using: str) -> Stored:
    """Ask the database for the fields that rules name, but the primary key: what they were before a change."""
    named = {name for rule in rules_of(type(instance)) for name in rule.fields}
    fields = {name: field for name in named if (field := field_of(type(instance), name)) and not field.primary_key}
    if not fields or _is_surely_new(instance):
        return {}
    attributes = {field.attname for field in fields.values()}
    row = type(instance)._base_manager.using(using).filter(pk=instance.pk).values(*attributes).first()
    return {} if row is None else {name: row[field.attname] for name, field in fields.items()}


def text_of(instance: Model, name: str, using: str) -> str:
    """
    Return the value of a field or attribute, as text.

    Raises:
        ConfigError: the model has none of this name.
    """
    field = field_of(type(instance), name)
    if field is None:
        if not hasattr(instance, name):
            raise ConfigError(f"a rule of {instance._meta.label} names the field '{name}', which it does not have")
        return str(getattr(instance, name))
    value = getattr(instance, field.attname)
    if hasattr(value, "resolve_expression"):
        # Of an expression, such as F("stock") - 1, only the database knows what came out.
        value = type(instance)._base_manager.using(using).values_list(field.attname, flat=True).get(pk=instance.pk)
    try:
        # As it is when it is read: a number that was given as text is a number then.
        return str(field.to_python(value))
    except ValidationError:
        return str(value)


def field_of(model: type[Model], name: str) -> Field[Any, Any] | None:
    """Return the field that has a column; None if there is none of this name."""
    meta = model._meta
    if name == "pk":
        return cast("Field[Any, Any]", meta.pk)
    try:
        found = meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return found if isinstance(found, Field) and found.concrete else None


def _is_surely_new(instance: Model) -> bool:
    """Tell whether Django will insert, not update: there is no primary key yet, or the model made it up."""
    key, field = instance.pk, instance._meta.pk
    if key is None or (isinstance(key, tuple) and None in key):
        return True
    made_up = field.default is not NOT_PROVIDED or field.db_default is not NOT_PROVIDED
    return instance._state.adding and made_up


@cache
def _takes_arguments(function: Callable[..., Any]) -> bool:
    return any(one.kind is one.VAR_KEYWORD for one in inspect.signature(function).parameters.values())
