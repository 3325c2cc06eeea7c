"""`CacheMixin`: models that forget entries when their records change."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any, ClassVar

from hitrate.odoo.commit import invalidate, note_written
from hitrate.odoo.rules import Rule, Watch, rules_of, unknown_fields, watch_of

_logger = logging.getLogger(__name__)


class CacheMixin:
    """
    Lets rules forget entries when records change: created, written, deleted, or computed anew.

    Mix it into ``base`` once, so that all models tell of their changes, and give models rules:

        class Base(CacheMixin, models.AbstractModel):
            _inherit = "base"

        class ProductTemplate(models.Model):
            _inherit = "product.template"
            _cache_rules = (forgets("product:{id}", "products", when=["name", "list_price", "qty_available"]),)

    A rule may name computed and related fields, stored or not: whatever they depend on, in any model, is a change of
    them. What is collected is forgotten after the commit; see `hitrate.odoo.invalidate`. Changes that bypass the ORM
    (SQL) are not seen.
    """

    __slots__ = ()

    _cache_rules: ClassVar[tuple[Rule, ...]] = ()

    def _register_hook(self: Any) -> None:
        """Tell of rules that name no field, once the registry is there."""
        super()._register_hook()  # type: ignore[misc]
        for rule in () if self._abstract else rules_of(self):
            for name in unknown_fields(self, rule):
                _logger.error(
                    "the cache rule %r of the model %s names the field %r, which it does not have: any change of a "
                    "record forgets its tags",
                    rule.tags,
                    self._name,
                    name,
                )

    # As the ORM calls it, before and after it changes anything.
    def modified(self: Any, fnames: Collection[str], create: bool = False, before: bool = False) -> None:
        """Notify of changed fields, and collect what that forgets."""
        super().modified(fnames, create=create, before=before)  # type: ignore[misc]
        # Fields that are computed and not stored are "modified" when they are read, too.
        if any(self._ids) and any(self._fields[name].store for name in fnames):
            note_written(self.env.cr)
        watch = watch_of(self.pool)
        rules = watch.rules.get(self._name)
        sources = watch.sources.get(self._name)
        inverses = watch.inverses.get(self._name)
        if rules is None and sources is None and inverses is None:
            return
        records = self.filtered("id")
        if not records:
            return
        if inverses is not None:
            for name in inverses.keys() & set(fnames):
                _collect_others(records, name, inverses[name], watch)
        if rules is not None:
            _collect(records, [rule for rule in rules if rule.concerns(fnames)])
        if sources is not None and (changed := sources.intersection(fnames)):
            _collect_computed(records, changed, watch, is_new=create)


def _collect(records: Any, rules: Collection[Rule]) -> None:
    tags = {tag for rule in rules for tag in rule.tags_of(records)}
    # With none, the settings are not even read: they may be what is being written.
    if tags:
        invalidate(records.env, tags=tags)


def _collect_others(records: Any, name: str, changed: Collection[str], watch: Watch) -> None:
    """Of records that a field leads to, the fields that lead back have changed."""
    others = records.sudo()[name].filtered("id")
    if others:
        rules = [rule for rule in watch.rules.get(others._name, ()) if rule.concerns(changed)]  # noqa: SLF001 (Odoo's own)
        _collect(others, rules)


def _collect_computed(records: Any, changed: Collection[str], watch: Watch, *, is_new: bool) -> None:
    """Find the records whose computed fields depend on what was changed, as the ORM itself finds them."""
    fields = [records._fields[name] for name in changed]
    tree = records.pool.get_trigger_tree(fields, select=lambda field: (field.model_name, field.name) in watch.computed)
    if not tree:
        return
    for field, affected, _ in records.sudo()._modified_triggers(tree, is_new):  # noqa: SLF001 (the ORM's own)
        real = affected.filtered("id")
        if real:
            _collect(real, [rule for rule in watch.rules[field.model_name] if rule.concerns((field.name,))])
