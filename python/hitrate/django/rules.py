"""
Rules, declared once: what is to be forgotten when an instance of a model changes.

Signals are connected for the models that have rules and for no other: where somebody listens, Django loads every row
before it deletes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.apps import apps
from django.db.models import Model
from django.db.models.fields.reverse_related import ManyToManyRel
from django.db.models.signals import ModelSignal, m2m_changed, post_save, pre_delete, pre_save

from hitrate import hooks
from hitrate.django import rulebook
from hitrate.django.rulebook import Rule, Stored
from hitrate.django.targets import Target, pattern
from hitrate.exceptions import ConfigError

Forgets = str | Target | Callable[..., Any]
"""A text (a pattern, or the key that it spells), a target, or a callable that is given the instance."""

_UID = "hitrate.django.rules"
# Kept on an instance from before it is saved until after it.
_STORED = "_hitrate_stored"


def register(
    model: type[Model], forgets: Forgets | Iterable[Forgets], *, cache: str = "default", version: Any = None
) -> None:
    """
    Declare what is to be forgotten when an instance is saved or deleted, or its many-to-many relations change.

    It is forgotten after the commit. Callables are asked after a save, before a deletion, and before and after a
    relation changes. Call this in ``AppConfig.ready()``; saying the same again changes nothing.

    Args:
        model: whose instances change, those of its subclasses and proxies too; it may be abstract.
        forgets: texts and targets, in which ``{field}`` stands for the field of the instance (of a foreign key, for
            the key), before and after the change; or callables, called with the instance and, if they take ``**``, the
            arguments of the signal, which return None, texts or targets.
        cache: alias of the cache.
        version: of the keys there.

    Raises:
        ConfigError: a template cannot be read, or models are still being loaded.
    """
    if not apps.models_ready:
        raise ConfigError(
            f"register({model.__name__}, ...) comes before all models are loaded; call it in AppConfig.ready()"
        )
    for one in [forgets] if isinstance(forgets, (str, Target)) or callable(forgets) else forgets:
        rule = Rule(model, pattern(one) if isinstance(one, str) else one, cache, version)
        _ = rule.fields  # a template that cannot be read is said here, not at the first save
        rulebook.add(rule)
    _listen(model)


def unregister(model: type[Model]) -> None:
    """Take back all rules of a model."""
    rulebook.drop(model)
    for one in _family(model):
        for signal, receiver in _RECEIVERS:
            signal.disconnect(receiver, sender=one, dispatch_uid=_UID)
        for through in _throughs(one):
            m2m_changed.disconnect(_relation_changes, sender=through, dispatch_uid=_UID)
    for other in {rule.model for rule in rulebook.rules()}:
        _listen(other)


def _listen(model: type[Model]) -> None:
    for one in _family(model):
        for signal, receiver in _RECEIVERS:
            signal.connect(receiver, sender=one, dispatch_uid=_UID)
        for through in _throughs(one):
            m2m_changed.connect(_relation_changes, sender=through, dispatch_uid=_UID)


def _family(model: type[Model]) -> list[type[Model]]:
    """Return every model whose signals say that a row of this one changed: Django names the class of the instance."""
    base = rulebook.key_of(model)
    known = apps.get_models(include_auto_created=True, include_swapped=True)
    return [one for one in known if issubclass(one, base)]


def _throughs(model: type[Model]) -> Iterator[type[Model]]:
    """Yield the models of the many-to-many relations that this one has, from either side."""
    relations = [field.remote_field for field in model._meta.many_to_many]
    relations += [one for one in model._meta.related_objects if isinstance(one, ManyToManyRel)]
    for relation in relations:
        if relation.through is not None:
            yield relation.through


def _before_save(instance: Model, using: str, **_: Any) -> None:
    # Several, where a receiver of a save saves once more before our turn comes, or a save failed.
    vars(instance._state).setdefault(_STORED, []).append(rulebook.stored_values(instance, using))


def _after_save(instance: Model, using: str, *, raw: bool = False, **said: Any) -> None:
    stored: list[Stored] = vars(instance._state).pop(_STORED, []) or [{}]
    try:
        rulebook.forget_changed([(instance, one) for one in stored], using, raw=raw, **said)
    except Exception as error:
        if not raw:
            raise
        # Fixtures are loaded in any order: what a callable asks for may not be there yet.
        hooks.unforgotten("default", f"a rule of {instance._meta.label} failed for a fixture: {error}")


def _before_delete(instance: Model, using: str, origin: Any = None, **said: Any) -> None:
    """Collect in the deletion's transaction, as long as relations, and what was not loaded, can still be read."""
    # What a queryset or a cascade deletes was read just now.
    stored = rulebook.stored_values(instance, using) if origin is instance else {}
    rulebook.forget_changed([(instance, stored)], using, origin=origin, **said)


def _relation_changes(
    sender: type[Model],
    instance: Model,
    action: str,
    model: type[Model],
    pk_set: set[Any] | None,
    using: str,
    **said: Any,
) -> None:
    """Collect by what was related, and by what is: the signal comes before and after, in the change's transaction."""
    if pk_set is not None and not pk_set:
        return
    others: list[Model] = []
    if action == "pre_clear":
        # Afterwards nobody knows which they were.
        others = _related(instance, sender, model, using, is_reverse=said["reverse"])
    elif pk_set and rulebook.rules_of(model):
        others = list(model._base_manager.using(using).filter(pk__in=pk_set))
    changed: list[tuple[Model, Stored]] = [(one, {}) for one in (instance, *others)]
    rulebook.forget_changed(changed, using, sender=sender, action=action, model=model, pk_set=pk_set, **said)


def _related(instance: Model, through: type[Model], model: type[Model], using: str, *, is_reverse: bool) -> list[Model]:
    """Return what an instance is related to, if there are rules for that."""
    if not rulebook.rules_of(model):
        return []
    if is_reverse:
        relations = (one for one in instance._meta.related_objects if isinstance(one, ManyToManyRel))
        names = [one.get_accessor_name() for one in relations if one.through is through]
    else:
        names = [one.name for one in instance._meta.many_to_many if one.remote_field.through is through]
    return [other for name in names if name for other in getattr(instance, name).using(using)]


_RECEIVERS: tuple[tuple[ModelSignal, Callable[..., None]], ...] = (
    (pre_save, _before_save),
    (post_save, _after_save),
    (pre_delete, _before_delete),
)
