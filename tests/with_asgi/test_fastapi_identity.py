"""Who gets the cached answer of a path operation."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from fastapi import (
    Cookie,
    Depends,
    FastAPI,
    Header,
    Request,
    Security,
)
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from hitrate.exceptions import ConfigError
from hitrate.fastapi import cached_response
from tests.with_asgi.asking import ask


class Wishes(BaseModel):
    """Headers in one model."""

    x_size: str = "m"


class User:
    """What a dependency finds."""

    def __init__(self, id: int, tenant: str) -> None:  # noqa: A002
        self.id, self.tenant = id, tenant


def by_header(authorization: Annotated[str | None, Header()] = None) -> User | None:
    """The user, as a dependency finds him."""
    if authorization is None:
        return None
    number, _, tenant = authorization.partition("@")
    return User(int(number), tenant)


Someone = Annotated[User | None, Depends(by_header)]


@pytest.mark.parametrize(
    ("vary_on", "runs"),
    [
        ("user", 5),
        (["user.id"], 3),
        (["user.tenant"], 2),
        # What the operation is given by way of a dependency that is not named tells answers apart, too.
        (lambda request: request.headers["authorization"].partition("@")[2], 5),
        (("user.id", "header:x-plan"), 3),
    ],
)
async def test_what_a_dependency_found_tells_askers_apart(app: FastAPI, vary_on: Any, runs: int) -> None:
    done = []

    @app.get("/")
    @cached_response(60, vary_on=vary_on)
    async def page(user: Someone) -> list[Any]:
        assert user is not None
        done.append(1)
        return [user.id, user.tenant]

    people = ["1@a", "2@a", "1@b", "3@b", "2@b"]
    # The class of the user counts for nothing here: the number is all there is to tell.
    for _ in range(2):
        for who in people:
            answer = await ask(app, headers={"authorization": who})
            assert answer.status == 200
            if vary_on == ["user.tenant"] or callable(vary_on):
                assert who.partition("@")[2] in answer.text
    assert len(done) == (3 if vary_on == "user" else runs)


async def test_an_attribute_of_nobody_is_nobodys_and_a_missing_one_is_named(app: FastAPI) -> None:
    @app.get("/tenant")
    @cached_response(60, vary_on="user.tenant")
    async def tenant(user: User | None = Depends(by_header)) -> str:  # noqa: B008
        return user.tenant if user else "nobody"

    @app.get("/typo")
    @cached_response(60, vary_on="user.tennant")
    async def typo(user: User | None = Depends(by_header)) -> str:  # noqa: B008
        return ""

    for _ in range(2):
        for who, answer in (("1@a", '"a"'), ("1@b", '"b"')):
            assert (await ask(app, "/tenant", headers={"authorization": who})).text == answer
        nobody = await ask(app, "/tenant")
        assert nobody.text == '"nobody"'
    assert nobody.cache.startswith("hitrate; hit")
    with pytest.raises(ConfigError, match=r"'user.tennant'.*User has no 'tennant'"):
        await ask(app, "/typo", headers={"authorization": "1@a"})


async def test_a_number_with_a_fraction_tells_answers_apart(app: FastAPI) -> None:
    @app.get("/")
    @cached_response(60, vary_on="latitude")
    async def page(latitude: float) -> float:
        return latitude

    for _ in range(2):
        for text in ("1.5", "1.25"):
            assert (await ask(app, f"/?latitude={text}")).text == text


@pytest.mark.parametrize("vary_on", ["user", ["user", "host"], ["user", "lang"]])
async def test_credentials_in_which_a_dependency_finds_nobody_go_past(app: FastAPI, vary_on: Any) -> None:
    def known(request: Request) -> User | None:
        return User(1, "a") if request.headers.get("authorization") == "known" else None

    @app.get("/")
    @cached_response(60, vary_on=vary_on)
    async def page(
        request: Request,
        user: User | None = Depends(known),  # noqa: B008
        lang: str | None = None,
    ) -> str | None:
        return request.headers.get("authorization")

    for _ in range(2):
        for who in ("Bearer ada", "Bearer bob"):
            answer = await ask(app, headers={"authorization": who})
            assert (answer.text, answer.cache) == (f'"{who}"', "hitrate; fwd=bypass; detail=authorization")
        # A parameter that is left out is nobody's absence.
        mine = await ask(app, headers={"authorization": "known"})
        strangers = await ask(app)
        assert (mine.text, strangers.text) == ('"known"', "null")
    assert mine.cache.startswith("hitrate; hit")
    assert strangers.cache.startswith("hitrate; hit")


async def test_where_nothing_was_said_nobody_gets_the_answer_of_another(app: FastAPI) -> None:
    bearer, key = HTTPBearer(auto_error=False), APIKeyHeader(name="x-api-key", auto_error=False)

    @app.get("/bearer")
    @cached_response(60)
    async def by_token(found: HTTPAuthorizationCredentials | None = Security(bearer)) -> str:  # noqa: B008
        return found.credentials if found else "nobody"

    @app.get("/key")
    @cached_response(60)
    async def by_key(found: str | None = Security(key)) -> str:
        return found or "nobody"

    @app.get("/cookie")
    @cached_response(60)
    async def by_cookie(session: Annotated[str | None, Cookie()] = None) -> str:
        return session or "nobody"

    @app.get("/read")
    @cached_response(60)
    async def by_hand(request: Request) -> str:
        return request.headers.get("x-tenant", "nobody")

    for _ in range(2):
        for who in ("ada", "bob"):
            assert who in (await ask(app, "/bearer", headers={"authorization": f"Bearer {who}"})).text
            assert who in (await ask(app, "/key", headers={"x-api-key": who})).text
            assert who in (await ask(app, "/cookie", headers={"cookie": f"session={who}"})).text
            assert who in (await ask(app, "/read", headers={"x-tenant": who})).text
        for path in ("/bearer", "/key", "/cookie", "/read"):
            answer = await ask(app, path)
            assert answer.text == '"nobody"'
    assert answer.cache.startswith("hitrate; hit")


async def test_what_an_operation_is_given_by_header_or_cookie_tells_answers_apart(app: FastAPI) -> None:
    def tenant(x_tenant: Annotated[str, Header()]) -> str:
        return x_tenant.upper()

    @app.get("/")
    @cached_response(60, shared=True)
    async def page(
        wishes: Annotated[Wishes, Header()],
        found: str = Depends(tenant),
        currency: Annotated[str, Cookie()] = "EUR",
        accept_language: Annotated[str, Header()] = "en",
    ) -> list[str]:
        return [found, wishes.x_size, currency, accept_language]

    for _ in range(2):
        for who in ("a", "b"):
            for size in ("s", "l"):
                for money in ("EUR", "USD"):
                    for language in ("de", "fr"):
                        headers = {
                            "x-tenant": who,
                            "x-size": size,
                            "cookie": f"other={who}; currency={money}",
                            "accept-language": language,
                        }
                        answer = await ask(app, headers=headers)
                        assert answer.text == f'["{who.upper()}","{size}","{money}","{language}"]'
    assert answer.cache.startswith("hitrate; hit")
