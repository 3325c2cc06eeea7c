"""Nobody gets an answer that was computed for somebody else."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import random
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser, UnauthenticatedUser
from starlette.middleware.authentication import AuthenticationMiddleware

import hitrate
from hitrate.asgi import ResponseCacheMiddleware
from hitrate.exceptions import ConfigError
from hitrate.http import Headers, Vary
from tests.with_asgi.asking import Page, ask, scope_of

Kept = Callable[..., ResponseCacheMiddleware]
ROUNDS = 1500


@pytest.fixture
def unsaid(cache: hitrate.Cache) -> Callable[..., ResponseCacheMiddleware]:
    """Make the middleware where nobody said who may be given the answers."""
    return lambda app, **options: ResponseCacheMiddleware(app, cache, **options)


@pytest.mark.parametrize("header", ["authorization", "cookie"])
async def test_requests_with_credentials_go_past_where_nothing_was_said(unsaid: Kept, header: str) -> None:
    page = Page(says=lambda scope: Headers(scope["headers"]).get(header))
    app = unsaid(page)
    await ask(app)
    for name in ("ada", "bob", "ada"):
        answer = await ask(app, headers={header: name})
        assert answer.text.endswith(name)
        assert answer.cache == f"hitrate; fwd=bypass; detail={header}"
    assert (await ask(app)).text.startswith("run 1")


async def test_headers_of_unknown_meaning_tell_askers_apart_where_nothing_was_said(unsaid: Kept) -> None:
    page = Page(says=lambda scope: Headers(scope["headers"]).get("x-api-key"))
    app = unsaid(page)
    for _ in range(2):
        for key in ("k1", "k2"):
            assert (await ask(app, headers={"x-api-key": key})).text.endswith(key)
    assert page.runs == 2
    # What everybody's requests carry does not.
    for noise in ({"user-agent": "a"}, {"x-request-id": "7"}, {"traceparent": "00-1-2-01"}, {"sec-fetch-mode": "cors"}):
        assert (await ask(app, headers={"x-api-key": "k1", **noise})).text.startswith("run 1")


async def test_a_user_whom_no_header_told_goes_past_where_nothing_was_said(unsaid: Kept) -> None:
    page = Page()
    app = unsaid(page)
    await ask(app)
    assert (await ask(app, user=SimpleUser("ada"))).cache == "hitrate; fwd=bypass; detail=authorization"
    assert (await ask(app, user=UnauthenticatedUser())).text == "run 1"


class ByName(AuthenticationBackend):
    """Believes everybody."""

    async def authenticate(self, conn: Any) -> Any:
        name = conn.headers.get("authorization")
        return None if name is None or name == "nobody" else (AuthCredentials(), SimpleUser(name))


async def test_users_of_a_middleware_have_answers_of_their_own(unsaid: Kept) -> None:
    page = Page(says=lambda scope: scope["user"].display_name)
    app = AuthenticationMiddleware(unsaid(page, vary_on="user"), ByName())
    for _ in range(2):
        for name in ("ada", "bob"):
            assert (await ask(app, headers={"authorization": name})).text.endswith(name)
        await ask(app)
    assert page.runs == 3
    # Who was not let in may be let in further inside.
    answer = await ask(app, headers={"authorization": "nobody"})
    assert answer.cache == "hitrate; fwd=bypass; detail=authorization"


@pytest.mark.parametrize("vary_on", [["user", "host"], ["host", "user", "header:x-plan"], ["account"]])
async def test_credentials_that_nobody_knew_go_past_whatever_else_is_named(unsaid: Kept, vary_on: list[str]) -> None:
    page = Page(says=lambda scope: Headers(scope["headers"]).get("authorization"))
    app = unsaid(page, vary_on=vary_on)
    for user in (None, UnauthenticatedUser()):
        for name in ("Bearer ada", "Bearer bob", None):
            headers = {} if name is None else {"authorization": name}
            answer = await ask(app, headers=headers, user=user, state={"account": user})
            assert answer.text.endswith(str(name))
            assert ("detail=authorization" in answer.cache) == (name is not None)
    # Who is known is told apart, and so are those who show nothing.
    known = SimpleUser("ada")
    for headers in ({"authorization": "Bearer ada"}, {}):
        answers = [await ask(app, headers=headers, user=known, state={"account": known}) for _ in range(2)]
        assert answers[1].cache.startswith("hitrate; hit")
    assert (await ask(app, user=None, state={"account": None})).cache.startswith("hitrate; hit")


@pytest.mark.parametrize("header", ["cookie", "authorization"])
@pytest.mark.parametrize(
    "vary_on", [["host"], ["header:x-plan"], ["host", "cookie:theme"], ["user"], ["account", "host"], ["header:cookie"]]
)
async def test_an_answer_that_says_it_varies_on_credentials_is_kept_for_whom_they_tell_apart_alone(
    unsaid: Kept, vary_on: list[str], header: str
) -> None:
    def app(user: object) -> Callable[..., Any]:
        async def ask_as(name: str) -> Any:
            sent = {header: f"theme={name}", "x-plan": "gold"}
            return await ask(middleware, headers=sent, user=user, state={"account": user})

        return ask_as

    page = Page(headers={"vary": header.title()}, says=lambda scope: Headers(scope["headers"]).get(header))
    middleware = unsaid(page, vary_on=vary_on)
    nobody = app(None)
    for name in ("ada", "bob", "ada"):
        assert (await nobody(name)).text.endswith(name)
    # Whose key holds the credentials, or who is known, has his answer kept all the same.
    is_told = header == "cookie" and not {"cookie:theme", "header:cookie"}.isdisjoint(vary_on)
    assert ("hitrate; hit" in (await nobody("ada")).cache) == is_told
    if {"user", "account"} & set(vary_on):
        ada = app(SimpleUser("ada"))
        await ada("ada")
        assert (await ada("ada")).cache.startswith("hitrate; hit")


async def test_a_missing_user_is_a_mistake_that_is_named(unsaid: Kept) -> None:
    with pytest.raises(ConfigError, match="AuthenticationMiddleware"):
        await ask(unsaid(Page(), vary_on="user"))
    with pytest.raises(ConfigError, match="'tenant'"):
        await ask(unsaid(Page(), vary_on="tenant"))
    with pytest.raises(ConfigError, match="identity, pk, id, username"):
        await ask(unsaid(Page(), vary_on="tenant"), state={"tenant": object()})


class Number(uuid.UUID):
    """As of asyncpg, which has one of its own."""

    __module__ = "asyncpg.pgproto.pgproto"


class Plan(enum.Enum):
    """Of a project, whose members all call themselves alike."""

    FREE = 1
    PAID = 2

    def __str__(self) -> str:
        return "plan"


class Member:
    """Somebody: `username` may be that of others."""

    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes, username="admin")


@pytest.mark.parametrize(
    "different",
    [
        [Member(id=Number(int=1)), Member(id=Number(int=2))],
        [Member(pk=None, id=decimal.Decimal(1)), Member(pk=None, id=decimal.Decimal(2))],
        [Member(id=1.5), Member(id=1.25)],
        [Member(id=b"1"), Member(id=b"2")],
        [Member(id=Plan.FREE), Member(id=Plan.PAID)],
        [Plan.FREE, Plan.PAID],
        [1.5, 1.25],
        [dt.date(2026, 1, 1), dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)],
    ],
    ids=lambda different: type(different[0]).__name__,
)
async def test_values_of_every_known_kind_tell_askers_apart(unsaid: Kept, different: list[Any]) -> None:
    page = Page(says=lambda scope: different.index(scope["state"]["who"]))
    app = unsaid(page, vary_on="who")
    for _ in range(2):
        for number, who in enumerate(different):
            assert (await ask(app, state={"who": who})).text.endswith(f" {number}")
    assert page.runs == len(different)


async def test_an_identity_of_an_unknown_kind_is_refused_and_not_passed_over(unsaid: Kept) -> None:
    app = unsaid(Page(), vary_on="who")
    with pytest.raises(ConfigError, match="'id' is a object"):
        await ask(app, state={"who": Member(id=object())})


async def test_functions_tell_askers_apart_and_may_be_awaited(unsaid: Kept) -> None:
    async def tenant(scope: Any) -> str:
        return str(scope["path"].split("/")[1])

    def plan(scope: Any) -> str | None:
        return Headers(scope["headers"]).get("x-plan")

    page = Page(says=lambda scope: scope["path"])
    app = unsaid(page, vary_on=[tenant, plan, "header:x-lang", "cookie:currency", "host"])
    texts = set()
    for headers in ({}, {"x-plan": "a"}, {"x-lang": "de"}, {"cookie": "currency=EUR"}, {"cookie": "currency=USD; a=b"}):
        for _ in range(2):
            texts.add((await ask(app, "/t1", headers=headers)).text)
    assert len(texts) == page.runs == 5
    # Another cookie makes no difference.
    assert (await ask(app, "/t1", headers={"cookie": "x=y; currency=EUR"})).text in texts


async def test_of_what_a_function_returns_an_address_in_memory_does_not_count(unsaid: Kept) -> None:
    class Tenant:
        def __init__(self, number: int) -> None:
            self.id = number

    for made in (Tenant, lambda number: ("de", Tenant(number))):
        numbers = iter((1, 2, 1))
        app = unsaid(Page(), vary_on=lambda _: made(next(numbers)), key_prefix=made.__name__)  # noqa: B023
        assert [(await ask(app)).text for _ in range(3)] == ["run 1", "run 2", "run 1"]
    for nobody in (object(), ["de", object()]):
        with pytest.raises(ConfigError, match="object without identity"):
            await ask(unsaid(Page(), vary_on=lambda _: nobody))  # noqa: B023


@pytest.mark.parametrize("take", [0, -1])
async def test_lines_and_cookies_that_are_sent_twice_are_nobody_elses(unsaid: Kept, take: int) -> None:
    def said(scope: Any) -> str:
        headers = Headers(scope["headers"])
        cookies = [part for line in headers.lines("cookie") for part in line.split("; ")]
        return f"{headers.lines('x-user')[take]} {cookies[take]}"

    app = unsaid(Page(says=said), vary_on=["header:x-user", "cookie:sid"])
    spelled = [
        [("x-user", "ada"), ("x-user", "bob"), ("cookie", "sid=1")],
        [("x-user", "ada, bob"), ("cookie", "sid=1")],
        [("x-user", "bob"), ("x-user", "ada"), ("cookie", "sid=1")],
        [("x-user", "ada"), ("cookie", "sid=1; sid=2")],
        [("x-user", "ada"), ("cookie", "sid=2"), ("cookie", "sid=1")],
        [("x-user", "ada"), ("cookie", "sid=2")],
        [("x-user", "ada"), ("cookie", "sid=1")],
    ]
    for _ in range(2):
        for headers in spelled:
            raw = {"headers": [(name.encode(), value.encode()) for name, value in headers]}
            answer = await ask(app, headers=headers)
            assert answer.text.partition(" ")[2].partition(" ")[2] == said(raw)
    assert answer.cache.startswith("hitrate; hit")


async def test_no_identity_can_spell_another_one(unsaid: Kept) -> None:
    page = Page(says=lambda scope: repr((scope["state"]["one"], scope["state"]["two"])))
    app = unsaid(page, vary_on=["one", "two"], key_prefix="p")
    nasty = ["", "a", "a&=b", "=b", "a:h1", "*", "a:b", "%3A", "a%26%3Db", "é", "\x00", "a" * 300, "a" * 299 + "b"]
    for _ in range(2):
        for one in nasty:
            for two in nasty:
                answer = await ask(app, "/p", state={"one": one, "two": two})
                assert answer.text.endswith(repr((one, two)))
    assert page.runs == len(nasty) ** 2


class Model:
    """
    An application whose answer tells everything that it depends on.

    It depends on what a random policy says it does; the middleware is told the same by its arguments, or by ``Vary``.
    """

    def __init__(self, dice: random.Random) -> None:
        self.by_user = dice.random() < 0.5
        self.headers = [name for name in ("x-plan", "accept-language", "x-tenant") if dice.random() < 0.5]
        self.params = None if dice.random() < 0.5 else ["page"]
        self.is_shared = not self.by_user and dice.random() < 0.5

    def options(self) -> dict[str, Any]:
        if self.by_user:
            return {"vary_on": "header:authorization", "params": self.params}
        return {"shared": self.is_shared, "params": self.params}

    def right(self, scope: Any) -> str:
        """What must be answered."""
        headers = Headers(scope["headers"])
        told = [scope["path"], scope["root_path"], scope["query_string"].decode()]
        told += [f"{name}={headers.lines(name)}" for name in self.headers]
        if not self.is_shared:
            told += [f"{headers.get('authorization')}", f"{headers.get('cookie')}"] if not self.by_user else []
        if self.by_user:
            told.append(f"{headers.get('authorization')}")
        return "|".join(told)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = self.right(scope).encode()
        lines = [(b"content-length", str(len(body)).encode())]
        if self.headers:
            lines.append((b"vary", str(Vary.of(self.headers)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": lines})
        await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize("_round", range(6))
async def test_random_requests_get_what_a_model_says(cache: hitrate.Cache, _round: int) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201
    dice = random.Random(seed)
    hits = 0
    for _ in range(5):
        model = Model(dice)
        app = ResponseCacheMiddleware(model, cache, key_prefix=f"model-{dice.random()}", **model.options())
        for _ in range(ROUNDS // 30):
            headers: list[tuple[str, str]] = []
            for name, values in {
                "authorization": ["ada", "bob", "a&b", ""],
                "cookie": ["s=1", "s=2"],
                "x-plan": ["free", "paid", "free, paid"],
                "accept-language": ["de", "DE, en", "en;q=0.5"],
                "x-tenant": ["1", "2", "*", "1:h1"],
                "accept": ["*/*", "text/html"],
            }.items():
                headers += [(name, dice.choice(values)) for _ in range(dice.choice([0, 0, 0, 1, 1, 2]))]
            query = dice.choice(
                ["", "?page=1", "?page=2", "?page=1&utm=3", "?page=1;utm=3", "?page=%31", "?page=1&page=2"]
            )
            target = dice.choice(["/a", "/a/", "/a:b", "/%61", "/a%2Fb", "/a/b", "/mount/a", "/mount"]) + query
            root_path = dice.choice(["", "", "/mount"])
            answer = await ask(app, target, headers=headers, root_path=root_path)
            scope = scope_of(target, headers=headers, root_path=root_path)
            scope["query_string"] = shown(scope["query_string"], model.params)
            assert same(answer.text) == same(model.right(scope)), (target, headers, model.options())
            hits += "hit" in answer.cache
    assert hits > 20, "nothing was shown: almost no request was answered from the cache"


def shown(query: bytes, params: list[str] | None) -> bytes:
    """The query that the application is shown, by a reading of its own."""
    if params is None or not query:
        return query
    kept = [piece for piece in query.split(b"&") if piece.split(b"=")[0].decode() in params]
    return b"&".join(piece.replace(b";", b"%3B").replace(b"1%3Butm=3", b"1%3Butm%3D3") for piece in kept)


def same(text: str) -> str:
    """Escapes that mean the same, and differences that HTTP says are none."""
    return text.replace("%31", "1").replace("DE, en", "de,en").replace("page=1;utm=3", "page=1%3Butm%3D3")
