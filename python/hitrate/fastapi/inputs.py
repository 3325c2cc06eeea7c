"""By which headers, cookies and query parameters FastAPI finds what it gives to a path operation."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

import fastapi.dependencies.utils
from fastapi.security import APIKeyCookie, APIKeyHeader, APIKeyQuery
from fastapi.security.base import SecurityBase
from pydantic import AliasChoices, AliasPath, BaseModel, Json

from hitrate.exceptions import ConfigError

# Before it had this, FastAPI looked for parameters by their alias alone.
_BY_VALIDATION_ALIAS = hasattr(fastapi.dependencies.utils, "get_validation_alias")


@dataclass
class Inputs:
    """
    What is read of a request for an operation, also by way of its dependencies.

    Attributes:
        headers: their names, in lower case.
        cookies: their names.
        query: names of query parameters.
        is_whole_query: it is given all of them, whatever their names.
        has_request: a dependency is given the request, and may read anything of it.
    """

    headers: set[str] = field(default_factory=set)
    cookies: set[str] = field(default_factory=set)
    query: set[str] = field(default_factory=set)
    is_whole_query: bool = False
    has_request: bool = False


def inputs_of(route: Any, named: Collection[str], *, is_said: bool) -> Inputs:
    """
    Tell what a function is given.

    What only guards it (``dependencies=[...]``), and what tells askers apart anyway, is none of it.

    Args:
        route: FastAPI's.
        named: parameters of the function that tell askers apart.
        is_said: somebody said who may be given its answers; else whoever brings credentials goes past.

    Raises:
        ConfigError: it cannot be told what is read.
    """
    found, path = Inputs(), route.path_format
    _add(found, route.dependant, path)
    for one in route.dependant.dependencies:
        if one.name is None or one.name in named:
            continue
        for dependant in _whole(one):
            _add(found, dependant, path)
            if isinstance(dependant.call, SecurityBase):
                is_known = _add_scheme(found, dependant.call)
            else:
                is_known = _is_ours(dependant.call) or not _takes_request(dependant)
            found.has_request = found.has_request or not is_known
            if isinstance(dependant.call, SecurityBase) and not is_known and is_said:
                raise ConfigError(
                    f"the parameter {one.name!r} of {path!r} comes from a {type(dependant.call).__name__}, which reads "
                    f"credentials in a way of its own; add {one.name!r}, or an attribute of it, to vary_on"
                )
    return found


def _takes_request(dependant: Any) -> bool:
    return bool(dependant.request_param_name or dependant.http_connection_param_name)


def _is_ours(call: Any) -> bool:
    return str(getattr(call, "__module__", "")).startswith("hitrate.")


def _whole(dependant: Any) -> Iterator[Any]:
    yield dependant
    for one in dependant.dependencies:
        yield from _whole(one)


def _add(found: Inputs, dependant: Any, path: str) -> None:
    for one in (*dependant.header_params, *dependant.cookie_params):
        if any(_takes_all(model) for model in _models(one)):
            raise ConfigError(
                f"{one.name!r} of {path!r} is a model that takes whatever a client sends, which no key can tell apart; "
                "let it ignore or forbid what it does not declare"
            )
    for one in dependant.header_params:
        names = {name.lower() for name in _names(one)}
        # In a model it depends on FastAPI's version which fields are looked for with dashes.
        found.headers |= names | ({name.replace("_", "-") for name in names} if _models(one) else set())
    for one in dependant.cookie_params:
        found.cookies |= _names(one)
    for one in dependant.query_params:
        found.query |= _names(one)
        found.is_whole_query = found.is_whole_query or any(_takes_all(model) for model in _models(one))


def _add_scheme(found: Inputs, scheme: SecurityBase) -> bool:
    """Add what one of FastAPI's security schemes reads; False for one that reads something else."""
    if not getattr(type(scheme).__call__, "__module__", "").startswith("fastapi.security"):
        return False
    if isinstance(scheme, APIKeyHeader):
        found.headers.add(scheme.model.name.lower())
    elif isinstance(scheme, APIKeyCookie):
        found.cookies.add(scheme.model.name)
    elif isinstance(scheme, APIKeyQuery):
        found.query.add(scheme.model.name)
    else:
        found.headers.add("authorization")
    return True


def _names(given: Any) -> set[str]:
    """The names by which FastAPI looks for a parameter, or for all that are declared in one model."""
    models = _models(given)
    if not models:
        config = getattr(given, "config", None) or {}
        return _keys(given.name, given.field_info, config, is_in_model=False)
    return {
        key
        for model in models
        for name, info in model.model_fields.items()
        for key in _keys(name, info, model.model_config, is_in_model=True)
    }


def _keys(name: str, info: Any, config: Mapping[str, Any], *, is_in_model: bool) -> set[str]:
    keys = set(_texts(info.validation_alias)) if is_in_model or _BY_VALIDATION_ALIAS else set()
    if not keys or is_in_model or not isinstance(info.validation_alias, str):
        keys.add(info.alias or name)
    if config.get("validate_by_name", config.get("populate_by_name")) or config.get("validate_by_alias") is False:
        keys.add(name)
    return keys


def _texts(alias: str | AliasPath | AliasChoices | None) -> Iterable[str]:
    if isinstance(alias, AliasChoices):
        return [text for choice in alias.choices for text in _texts(choice)]
    if isinstance(alias, AliasPath):
        return [str(alias.path[0])]
    return [alias] if alias else []


def _models(given: Any) -> list[type[BaseModel]]:
    """The model whose fields are parameters of their own, if there is one, and may be None."""
    if Json in map(type, given.field_info.metadata):
        return []
    annotation = given.field_info.annotation
    return [one for one in (annotation, *get_args(annotation)) if isinstance(one, type) and issubclass(one, BaseModel)]


def _takes_all(model: type[BaseModel]) -> bool:
    return model.model_config.get("extra") == "allow"
