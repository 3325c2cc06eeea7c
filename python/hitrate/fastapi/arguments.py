"""What a path operation is given, by name: in keys, tags, and to tell askers apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hitrate.asgi.identity import ANONYMOUS, Aspect, by_name, is_known, text_of
from hitrate.asgi.scopes import Scope
from hitrate.http.text import escaped

# In the scope, while it is found out who asks.
ARGUMENTS = "hitrate.arguments"


def by_argument(name: str) -> Aspect:
    """
    What a name in ``vary_on`` means: the parameter of the operation, ``"tenant"``, or an attribute of it,
    ``"user.tenant_id"``; else what `hitrate.asgi` finds under it.
    """
    head, *attributes = name.split(".")

    def read(scope: Scope) -> Any:
        arguments = scope[ARGUMENTS]
        if head not in arguments:
            return by_name(name)(scope)
        value = arguments[head]
        for attribute in attributes:
            value = getattr(value, attribute)
        if not attributes and getattr(value, "is_authenticated", None) is not None and not is_known(value):
            return ANONYMOUS
        return text_of(value, name)

    return read


class Arguments(Mapping[str, Any]):
    """
    The URL's arguments and the operation's, for texts with names in braces.

    Args:
        url: those of the URL.
        own: those of the operation.
        is_escaped: the texts become parts of a key.
    """

    def __init__(self, url: Mapping[str, Any], own: Mapping[str, Any], *, is_escaped: bool) -> None:
        self._url, self._own, self._is_escaped = url, own, is_escaped

    def __getitem__(self, name: str) -> Any:
        value = self._url[name] if name in self._url else self._own[name]
        return escaped(str(value)) if self._is_escaped else value

    def __iter__(self) -> Iterator[str]:
        return iter({**self._own, **self._url})

    def __len__(self) -> int:
        return len({**self._own, **self._url})
