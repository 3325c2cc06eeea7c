"""Which changes of data forget which entries: rules of models, and what the ORM says that fields depend on."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hitrate.exceptions import ConfigError

_FIELD = re.compile(r"\{([a-z_][a-z0-9_.]*)\}")


@dataclass(frozen=True, slots=True)
class Rule:
    """
    What a change of a model's records forgets.

    Attributes:
        tags: texts, in which ``{id}`` stands for the record and ``{product_tmpl_id}`` or ``{order_line.product_id}``
            for the records that a path leads to; or functions of the records that return tags.
        when: names of the fields that matter, computed and related ones too; None: all of them.
    """

    tags: tuple[str | Callable[[Any], Iterable[str]], ...]
    when: frozenset[str] | None

    def concerns(self, names: Collection[str]) -> bool:
        """Whether one of these fields matters."""
        return self.when is None or not self.when.isdisjoint(names)

    def tags_of(self, records: Any) -> Iterator[str]:
        """What is to be forgotten for records, which are in the database."""
        for tag in self.tags:
            if callable(tag):
                yield from tag(records)
                continue
            found = _FIELD.search(tag)
            if found is None:
                yield tag
            elif found[1] == "id":
                yield from (_FIELD.sub(str(number), tag) for number in records.ids)
            else:
                yield from (_FIELD.sub(str(number), tag) for number in records.sudo().mapped(found[1]).ids)


def forgets(*tags: str | Callable[[Any], Iterable[str]], when: Iterable[str] | None = None) -> Rule:
    """
    Declare what a change of a model's records forgets; see `CacheMixin`.

    Creating and deleting a record is a change of all its fields.

    Args:
        tags: as `Rule` describes them, for example ``"product:{id}"`` and ``"products"``.
        when: names of the fields that matter; a change of others forgets nothing. None: any change does.

    Raises:
        ConfigError: no tag, or a text in place of names.
    """
    if not tags or isinstance(when, str):
        raise ConfigError(f"a rule with tags {tags!r:.100} and fields {when!r:.100}; use tags, and a list of names")
    return Rule(tags, None if when is None else frozenset(when))


@dataclass(slots=True)
class Watch:
    """
    The rules of all models of a registry.

    Attributes:
        rules: by model.
        sources: by model, the fields that some computed field depends on that a rule names.
        computed: those computed fields, by model and name.
        inverses: by model, its fields that lead to records of which a rule names the field that leads back, and those
            names: the lines of a product are changed by writing to a line.
    """

    rules: dict[str, tuple[Rule, ...]] = field(default_factory=dict)
    sources: dict[str, set[str]] = field(default_factory=dict)
    computed: set[tuple[str, str]] = field(default_factory=set)
    inverses: dict[str, dict[str, set[str]]] = field(default_factory=dict)


_NOTHING = Watch()
# Where a registry keeps what was read of it: registries have no hash, and it ends with it.
_ATTRIBUTE = "_hitrate_watch"


def watch_of(registry: Any) -> Watch:
    """The rules of all models of a registry; none while modules are being installed, when it is not complete."""
    found: Watch | None = vars(registry).get(_ATTRIBUTE)
    if found is not None:
        return found
    if not registry.ready:
        return _NOTHING
    found = _read(registry)
    vars(registry)[_ATTRIBUTE] = found
    return found


def _read(registry: Any) -> Watch:
    watch = Watch()
    for name, model in registry.items():
        rules = rules_of(model)
        if not rules or model._abstract:  # noqa: SLF001 (Odoo's own)
            continue
        # A rule that names what is not there must not make writing fail: it forgets at every change.
        watch.rules[name] = tuple(Rule(rule.tags, None) if unknown_fields(model, rule) else rule for rule in rules)
        for rule in watch.rules[name]:
            for wanted in rule.when or ():
                if _is_computed(model._fields[wanted]):
                    watch.computed.add((name, wanted))
                    _follow(registry, name, wanted, watch.sources, set())
                for inverse in registry.field_inverses[model._fields[wanted]]:
                    watch.inverses.setdefault(inverse.model_name, {}).setdefault(inverse.name, set()).add(wanted)
    return watch


def rules_of(model: Any) -> tuple[Rule, ...]:
    """The rules of each class that extends a model, for those of one would hide the others'."""
    cls = model if isinstance(model, type) else type(model)
    return tuple(rule for part in cls.__mro__ for rule in vars(part).get("_cache_rules", ()))


def unknown_fields(model: Any, rule: Rule) -> list[str]:
    """The names in a rule that are no fields of its model."""
    return sorted(name for name in rule.when or () if name not in model._fields)


def _is_computed(field: Any) -> bool:
    return bool(field.compute or field.related)


def _follow(registry: Any, model: str, name: str, sources: dict[str, set[str]], seen: set[tuple[str, str]]) -> None:
    """Note all that a computed field depends on, through other computed fields too."""
    if (model, name) in seen:
        return
    seen.add((model, name))
    for path in registry.field_depends.get(registry[model]._fields[name], ()):
        at = model
        for step in path.split("."):
            field = registry[at]._fields.get(step)
            if field is None:
                break
            sources.setdefault(at, set()).add(step)
            if _is_computed(field):
                _follow(registry, at, step, sources, seen)
            # A change of the lines of an order is one of a line: its own field that leads back.
            for inverse in registry.field_inverses[field]:
                sources.setdefault(inverse.model_name, set()).add(inverse.name)
            if not field.relational:
                break
            at = field.comodel_name
