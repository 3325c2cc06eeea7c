"""What FastAPI knows of a path operation: what its answers depend on, and how they are rendered."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from fastapi.dependencies.utils import get_dependant
from fastapi.routing import APIRoute, get_request_handler
from starlette.requests import Request
from starlette.responses import Response

from hitrate.exceptions import ConfigError
from hitrate.fastapi.inputs import Inputs, inputs_of
from hitrate.http import Vary
from hitrate.responses import Learned

# In the scope, while a result is rendered.
RESULT = "hitrate.result"


class Operation:
    """
    One path operation.

    Attributes:
        learned: what its answers vary on: the headers that it is given, to begin with.
        cookies: that it is given.
        found: names of the parameters that its dependencies find.
        path: of the route.
        has_request: a dependency is given the request as it came.
    """

    def __init__(
        self, route: Any, *, is_async: bool, named: Collection[str], params: Collection[str] | None, is_said: bool
    ) -> None:
        """
        Args:
            route: FastAPI's, or what it makes of one for the application that includes it.
            is_async: the function is a coroutine function.
            named: parameters of the function that tell askers apart.
            params: query parameters that matter; None: all.
            is_said: somebody said who may be given the answers.

        Raises:
            ConfigError: the function is given a query parameter that does not matter, or what cannot be told apart.
        """
        inputs = inputs_of(route, named, is_said=is_said)
        _check_query(inputs, params, route.path_format)
        self.route, self.has_request = route, inputs.has_request
        self.path: str = route.path_format
        self.found = frozenset(one.name for one in route.dependant.dependencies if one.name is not None)
        self.cookies = sorted(inputs.cookies)
        vary = Vary.of(sorted(inputs.headers))
        if vary.is_any:
            raise ConfigError(
                f"{route.path_format!r} is given {len(inputs.headers)} headers, or one with a name that HTTP does not "
                "allow; keys tell 32 apart"
            )
        self.learned = Learned(vary, Vary.of(["cookie"] if inputs.cookies else []))
        self._render = get_request_handler(
            dependant=get_dependant(path=route.path_format, call=_replay if is_async else _replay_in_thread),
            status_code=route.status_code,
            response_class=route.response_class,
            response_field=route.response_field,
            response_model_include=route.response_model_include,
            response_model_exclude=route.response_model_exclude,
            response_model_by_alias=route.response_model_by_alias,
            response_model_exclude_unset=route.response_model_exclude_unset,
            response_model_exclude_defaults=route.response_model_exclude_defaults,
            response_model_exclude_none=route.response_model_exclude_none,
        )

    async def render(self, request: Request, response: Response, result: Any) -> Response:
        """
        Render what the function returned, by FastAPI itself, into what it would send.

        Args:
            request: to the operation.
            response: on which the function, and its dependencies, may have set headers.
            result: of the function.
        """
        request.scope[RESULT] = (result, response)
        try:
            return await self._render(request)
        finally:
            del request.scope[RESULT]


async def _replay(request: Request, response: Response) -> Any:
    """Stand in for the function, whose result is there already."""
    return _replay_in_thread(request, response)


def _replay_in_thread(request: Request, response: Response) -> Any:
    """The same for a function that FastAPI runs in a thread, where it validates what it returned, too."""
    result, given = request.scope[RESULT]
    response.status_code = given.status_code
    response.headers.raw.extend(given.headers.raw)
    return result


def operation_route(request: Request) -> Any:
    """
    Find the route of a request, as FastAPI sees it.

    A router that is included by several applications is one route with several contexts, where FastAPI has those.

    Raises:
        ConfigError: it is none of FastAPI's.
    """
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        raise ConfigError(
            "cached_response is on a function that is no path operation of FastAPI; put it right below @app.get(...)"
        )
    context = request.scope.get("fastapi", {}).get("effective_route_context")
    return context if getattr(context, "original_route", None) is route else route


def _check_query(inputs: Inputs, params: Collection[str] | None, path: str) -> None:
    if params is None:
        return
    if inputs.is_whole_query:
        raise ConfigError(f"{path!r} has a model that takes all query parameters, and params leaves out some; drop one")
    if missing := sorted(inputs.query - set(params)):
        raise ConfigError(
            f"params of {path!r} leaves out the query parameter {missing[0]!r}, which the path operation is given; "
            "add it"
        )
