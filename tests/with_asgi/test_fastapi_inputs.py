"""What a path operation is given by headers, cookies and queries tells its answers apart, by the names FastAPI uses."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from fastapi import Cookie, Depends, FastAPI, Header, Query, Request, Response, Security
from fastapi.security import (
    APIKeyCookie,
    APIKeyHeader,
    APIKeyQuery,
    HTTPAuthorizationCredentials,
    HTTPBearer,
    OAuth2PasswordBearer,
)
from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from starlette.requests import HTTPConnection

import hitrate
from hitrate.exceptions import ConfigError
from hitrate.fastapi import cached_response, get_cache
from tests.with_asgi.asking import ask

KEPT: list[dict[str, Any]] = [{"shared": True}, {"vary_on": "lang"}]


class Named(BaseModel):
    """Headers in one model, by names of several kinds."""

    model_config = ConfigDict(populate_by_name=True)

    tenant: str = Field("", alias="tenant_id")
    other: str = Field("", validation_alias="X-Other")
    x_plain: str = ""


def link(request: Request) -> str:
    return str(request.url)


def tenant(connection: HTTPConnection) -> str:
    return connection.headers.get("x-tenant", "")


def found(of: Annotated[str, Depends(tenant)]) -> str:
    return of


class Everything(BaseModel):
    """Whatever a client sends."""

    model_config = ConfigDict(extra="allow")


async def own_answers(app: FastAPI, *requests: Any) -> None:
    """Ask twice in turn; each request is a target and headers, with ``{}`` where two people differ."""
    for _ in range(2):
        for target, headers in requests:
            for who in ("ada", "bob"):
                filled = {name: value.format(who) for name, value in headers.items()}
                answer = await ask(app, target.format(who), headers=filled)
                assert (answer.status, who in answer.text) == (200, True), (target, headers, answer.text)
    assert answer.cache.startswith("hitrate; hit")


@pytest.mark.parametrize("options", KEPT)
async def test_headers_count_by_the_name_that_fastapi_looks_for(app: FastAPI, options: dict[str, Any]) -> None:
    @app.get("/alias")
    @cached_response(60, **options)
    async def alias(tenant: Annotated[str, Header(alias="tenant_id")], lang: str = "") -> str:
        return tenant

    @app.get("/literal")
    @cached_response(60, **options)
    async def literal(x_tenant: Annotated[str, Header(convert_underscores=False)], lang: str = "") -> str:
        return x_tenant

    @app.get("/validation")
    @cached_response(60, **options)
    async def validation(tenant: Annotated[str, Header(validation_alias="X-Tenant")], lang: str = "") -> str:
        return tenant

    @app.get("/cookie")
    @cached_response(60, **options)
    async def cookie(tenant: Annotated[str, Cookie(validation_alias="t")], lang: str = "") -> str:
        return tenant

    await own_answers(
        app,
        ("/alias", {"tenant_id": "{}"}),
        ("/literal", {"x_tenant": "{}"}),
        ("/validation", {"x-tenant": "{}"}),
        ("/cookie", {"cookie": "t={}"}),
    )


async def test_headers_in_a_model_count_by_all_names_of_its_fields(app: FastAPI) -> None:
    @app.get("/model")
    @cached_response(60, shared=True)
    async def model(named: Annotated[Named, Header()]) -> list[str]:
        return [named.tenant, named.other, named.x_plain]

    await own_answers(
        app, ("/model", {"tenant_id": "{}"}), ("/model", {"x-other": "{}"}), ("/model", {"x-plain": "{}"})
    )


async def test_a_model_that_takes_everything_is_refused(app: FastAPI) -> None:
    @app.get("/headers")
    @cached_response(60, shared=True)
    async def headers(everything: Annotated[Everything, Header()]) -> str:
        return ""

    @app.get("/query")
    @cached_response(60, shared=True, params=["page"])
    async def query(everything: Annotated[Everything, Query()]) -> str:
        return ""

    with pytest.raises(ConfigError, match="'everything' of '/headers'"):
        await ask(app, "/headers")
    with pytest.raises(ConfigError, match="all query parameters"):
        await ask(app, "/query")


async def test_query_parameters_count_by_the_name_that_fastapi_looks_for(app: FastAPI) -> None:
    @app.get("/wrong")
    @cached_response(60, shared=True, params=["page", "tenant"])
    async def wrong(page: int = 1, tenant: Annotated[str, Query(validation_alias="t")] = "") -> str:
        return tenant

    @app.get("/choices")
    @cached_response(60, shared=True, params=["tenant", "t"])
    async def choices(tenant: Annotated[str, Query(validation_alias=AliasChoices("t", "u"))] = "") -> str:
        return tenant

    @app.get("/right")
    @cached_response(60, shared=True, params=["page", "t"])
    async def right(page: int = 1, tenant: Annotated[str, Query(validation_alias="t")] = "") -> str:
        return tenant

    with pytest.raises(ConfigError, match="'t'"):
        await ask(app, "/wrong")
    with pytest.raises(ConfigError, match="'u'"):
        await ask(app, "/choices")
    await own_answers(app, ("/right?t={}", {}))


@pytest.mark.parametrize("options", KEPT)
async def test_credentials_that_an_operation_is_given_tell_answers_apart(app: FastAPI, options: dict[str, Any]) -> None:
    bearer, oauth = HTTPBearer(), OAuth2PasswordBearer("token")
    by_header, by_cookie = APIKeyHeader(name="X-Key"), APIKeyCookie(name="sid")
    by_query = APIKeyQuery(name="key")

    def user(token: str = Depends(oauth)) -> str:
        return token

    @app.get("/header")
    @cached_response(60, **options)
    async def header(authorization: Annotated[str, Header()], lang: str = "") -> str:
        return authorization

    @app.get("/bearer")
    @cached_response(60, **options)
    async def by_token(found: HTTPAuthorizationCredentials = Depends(bearer), lang: str = "") -> str:  # noqa: B008
        return found.credentials

    @app.get("/user")
    @cached_response(60, **options)
    async def by_user(found: str = Depends(user), lang: str = "") -> str:
        return found

    @app.get("/key")
    @cached_response(60, **options)
    async def by_key(found: str = Security(by_header), lang: str = "") -> str:
        return found

    @app.get("/cookie")
    @cached_response(60, **options)
    async def by_session(found: str = Security(by_cookie), lang: str = "") -> str:
        return found

    @app.get("/query")
    @cached_response(60, params=["lang"], **options)
    async def by_parameter(found: str = Security(by_query), lang: str = "") -> str:
        return found

    await own_answers(
        app,
        *[(path, {"authorization": "Bearer {}"}) for path in ("/header", "/bearer", "/user")],
        ("/key", {"x-key": "{}"}),
        ("/cookie", {"cookie": "sid={}; other=1"}),
    )
    with pytest.raises(ConfigError, match="'key'"):
        await ask(app, "/query?key=ada")


class Session(HTTPBearer):
    """Takes the token from a cookie, as many projects do."""

    async def __call__(self, request: Request) -> HTTPAuthorizationCredentials | None:
        return HTTPAuthorizationCredentials(scheme="cookie", credentials=request.cookies.get("sid", ""))


async def test_a_scheme_that_reads_in_a_way_of_its_own_must_be_named(app: FastAPI) -> None:
    session = Session()

    @app.get("/unnamed")
    @cached_response(60, vary_on="lang")
    async def unnamed(found: HTTPAuthorizationCredentials = Depends(session), lang: str = "") -> str:  # noqa: B008
        return found.credentials

    @app.get("/named")
    @cached_response(60, vary_on=["lang", "found.credentials"])
    async def named(found: HTTPAuthorizationCredentials = Depends(session), lang: str = "") -> str:  # noqa: B008
        return found.credentials

    @app.get("/guarded", dependencies=[Depends(session)])
    @cached_response(60, shared=True)
    async def guarded() -> str:
        return "for ada and bob"

    with pytest.raises(ConfigError, match=r"'found' of '/unnamed' comes from a Session.*to vary_on"):
        await ask(app, "/unnamed", headers={"cookie": "sid=ada"})
    await own_answers(app, ("/named", {"cookie": "sid={}"}), ("/guarded", {"cookie": "sid={}"}))


@pytest.mark.parametrize("options", [{}, {"shared": True}, {"vary_on": "page"}])
async def test_what_a_dependency_may_read_of_the_whole_query_tells_answers_apart(
    app: FastAPI, options: dict[str, Any]
) -> None:
    @app.get("/")
    @cached_response(60, params=["page"], **options)
    async def read(url: Annotated[str, Depends(link)], page: int = 1) -> str:
        return url

    await own_answers(app, ("/?page=1&token={}", {}), ("/?token={}", {}))
    assert "token" not in (await ask(app, "/?page=1")).text


async def test_what_a_dependency_may_read_of_unknown_headers_tells_answers_apart(app: FastAPI) -> None:
    @app.get("/some")
    @cached_response(60, vary_on="lang")
    async def some(of: Annotated[str, Depends(found)], lang: str = "") -> str:
        return of

    @app.get("/all")
    @cached_response(60, shared=True)
    async def everybody(of: Annotated[str, Depends(found)]) -> str:
        return of

    await own_answers(app, ("/some", {"x-tenant": "{}"}))
    # Here somebody has said that all may be given it.
    assert {(await ask(app, "/all", headers={"x-tenant": who})).text for who in ("ada", "bob")} == {'"ada"'}


async def test_our_own_dependencies_make_no_answer_depend_on_the_request(app: FastAPI) -> None:
    @app.get("/")
    @cached_response(60, params=["page"], shared=True)
    async def read(cache: Annotated[hitrate.Cache, Depends(get_cache)], page: int = 1) -> int:
        return page

    await ask(app, "/?page=1&other=1")
    assert (await ask(app, "/?page=1&other=2", headers={"x-other": "2"})).cache.startswith("hitrate; hit")


async def test_more_headers_than_a_key_tells_apart_are_refused(app: FastAPI) -> None:
    many: Any = type("Many", (BaseModel,), {"__annotations__": {f"x_{n}": str for n in range(40)}})

    async def page(given: Any) -> str:
        return ""

    page.__annotations__["given"] = Annotated[many, Header()]
    app.get("/")(cached_response(60, shared=True)(page))
    with pytest.raises(ConfigError, match="keys tell 32 apart"):
        await ask(app, headers={f"x-{n}": "1" for n in range(40)})


async def test_an_answer_that_varies_on_too_much_takes_nothing_from_the_keys_of_others(app: FastAPI) -> None:
    @app.get("/")
    @cached_response(60, shared=True)
    async def page(response: Response, x_tenant: Annotated[str, Header()], much: bool = False) -> str:
        if much:
            response.headers["vary"] = ", ".join(f"x-{n}" for n in range(32))
        return x_tenant

    for number in range(2):
        answer = await ask(app, f"/?much=1&n={number}", headers={"x-tenant": "ada"})
        assert answer.cache == "hitrate; fwd=miss; detail=vary"
    await own_answers(app, ("/", {"x-tenant": "{}"}))


async def test_caches_on_the_way_are_told_what_answers_are_told_apart_by(app: FastAPI) -> None:
    @app.get("/")
    @cached_response(60, shared=True, s_maxage=60)
    async def read(x_tenant: Annotated[str, Header()], plan: Annotated[str, Cookie()] = "") -> str:
        return x_tenant + plan

    for _ in range(2):
        answer = await ask(app, headers={"x-tenant": "ada"})
        assert answer["vary"] == "X-Tenant, Cookie"
        assert "s-maxage=60" in (answer["cache-control"] or "")


async def test_answers_of_some_are_private_on_the_way(app: FastAPI) -> None:
    @app.get("/")
    @cached_response(60, shared=True, vary_on="plan", max_age=5)
    async def read(plan: str = "") -> str:
        return plan

    for _ in range(2):
        assert set((await ask(app))["cache-control"].split(", ")) == {"private", "max-age=5"}  # type: ignore[union-attr]
    with pytest.raises(ConfigError, match="without vary_on"):
        cached_response(60, shared=True, vary_on="plan", s_maxage=5)
