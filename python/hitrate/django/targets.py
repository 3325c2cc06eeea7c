"""What a rule names: keys, patterns and tags, with ``{field}`` where something of the instance is to stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from string import Formatter
from typing import Any, Literal

from hitrate._native import escape_glob
from hitrate.exceptions import ConfigError
from hitrate.invalidation import Forgetting

Kind = Literal["key", "pattern", "tag"]
Value = Callable[[str], str]
"""Name of a field → its value as text."""


@dataclass(frozen=True)
class Target:
    """
    Something to forget.

    Attributes:
        kind: ``"key"``, ``"pattern"`` or ``"tag"``.
        text: its name, or the template of one.
    """

    kind: Kind
    text: str

    @property
    def fields(self) -> tuple[str, ...]:
        """
        The names in braces, each once.

        Raises:
            ConfigError: the braces hold something else, or do not match.
        """
        try:
            parts = list(Formatter().parse(self.text))
        except ValueError as error:
            raise ConfigError(
                f"the template '{self.text[:100]}' cannot be read ({error}); double a brace that is none"
            ) from error
        found = dict.fromkeys(name for _, name, _, _ in parts if name is not None)
        for _, name, spec, conversion in parts:
            if name is not None and (not name.isidentifier() or spec or conversion):
                raise ConfigError(
                    f"the template '{self.text[:100]}' holds '{{{name}}}', which is no plain name of a field; "
                    "use a callable for anything else"
                )
        return tuple(found)

    def filled(self, value: Value) -> Target:
        """Return it for one instance. In a pattern, what the instance holds stands for itself."""
        is_glob = self.kind == "pattern"
        values = {name: escape_glob(value(name)) if is_glob else value(name) for name in self.fields}
        return Target(self.kind, self.text.format_map(values))

    def forgetting(self) -> Forgetting:
        """Return it as what is to be forgotten; a pattern in which nothing is to be matched is a key."""
        if self.kind == "tag":
            return Forgetting.of(tags=[self.text])
        return Forgetting.of(keys=[self.text]) if self.kind == "key" else Forgetting.of(patterns=[self.text])


def key(text: str) -> Target:
    """Name a key, without prefix and version: ``key("product:{pk}")``."""
    return Target("key", text)


def pattern(text: str) -> Target:
    """Name a pattern for keys, ``pattern("products:*:{category_id}:*")``, in which fields stand for themselves."""
    return Target("pattern", text)


def tag(text: str) -> Target:
    """Name a tag: ``tag("product:{pk}")``."""
    return Target("tag", text)


def targets_in(given: Any) -> list[Target]:
    """
    Return what a callable of a rule named: nothing, a text, a target, or several of them. A text is a pattern.

    Raises:
        TypeError: it is something else.
    """
    if given is None:
        return []
    if isinstance(given, Target):
        return [given]
    if isinstance(given, str):
        return [pattern(given)]
    if isinstance(given, Iterable):
        return [target for one in given for target in targets_in(one)]
    raise TypeError(
        f"a rule named '{str(given)[:100]}', a {type(given).__name__}; return texts, key(), pattern() or tag()"
    )
