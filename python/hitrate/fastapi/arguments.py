"""What a path operation is given, by name: in keys, tags, and to tell askers apart."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from hitrate.asgi.identity import Aspect, Nobody, asker_text, by_name, is_known, text_of
from hitrate.asgi.scopes import Scope
from hitrate.exceptions import ConfigError
from hitrate.http.text import escaped

# In the scope, while it is found out who asks: a `Given`.
ARGUMENTS = "hitrate.arguments"


class Given(NamedTuple):
    """
    What an operation is given.

    Attributes:
        arguments: by name.
        found: names of those that dependencies found. What a client may leave out is no asker whom nobody knows.
    """

    arguments: Mapping[str, Any]
    found: Collection[str]


def by_argument(name: str) -> Aspect:
    """
    What a name in ``vary_on`` means: the parameter of the operation, ``"tenant"``, or an attribute of it,
    ``"user.tenant_id"``; else what `hitrate.asgi` finds under it.

    Reading it raises `ConfigError` where an object has no such attribute.
    """
    head, *attributes = name.split(".")

    def read(scope: Scope) -> Any:
        given: Given = scope[ARGUMENTS]
        if head not in given.arguments:
            return by_name(name)(scope)
        value = given.arguments[head]
        if not attributes:
            return asker_text(value, name) if head in given.found else text_of(value, name)
        if head not in given.found or is_known(value):
            return text_of(_below(value, attributes, name), name)
        # Who is not known may have a tenant all the same.
        return Nobody(text_of(_below(value, attributes, name), name))

    return read


def _below(value: Any, attributes: Iterable[str], name: str) -> Any:
    """What stands under the attributes of an object; None where one on the way is, or is nobody and has no such."""
    for attribute in attributes:
        value = _attribute(value, attribute, name)
    return value


def _attribute(value: Any, attribute: str, name: str) -> Any:
    try:
        return getattr(value, attribute)
    except AttributeError as error:
        if not is_known(value):
            return None
        raise ConfigError(
            f"vary_on names {name!r}, and a {type(value).__name__} has no {attribute!r}; name what it has, or give "
            "a function of the request that returns a text"
        ) from error


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
