"""Cached path operations, the lifespan and the dependencies of FastAPI."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timezone
from typing import Annotated, Any

import pytest
from fastapi import (
    APIRouter,
    BackgroundTasks,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
)
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, StreamingResponse
from pydantic import BaseModel, Field

import hitrate
from hitrate.exceptions import ConfigError
from hitrate.fastapi import cached_response, response_stats
from tests.with_asgi.asking import ask, ask_many


class Item(BaseModel):
    """What is answered."""

    number: int
    name: str = Field(default="ü", alias="title")
    note: str | None = None
    made: datetime = datetime(2026, 11, 26, tzinfo=timezone.utc)


class Filter(BaseModel):
    """Query parameters in one model."""

    size: int = 1
    color: str = Field(default="red", alias="colour")


async def test_a_hit_runs_nothing_and_sends_the_same(app: FastAPI) -> None:
    runs = []

    @app.get("/items/{number}")
    @cached_response(60, shared=True)
    async def item(number: int) -> Item:
        runs.append(number)
        return Item(number=number, title="x")

    answers = [await ask(app, "/items/5") for _ in range(3)]
    assert len({answer.body for answer in answers}) == 1
    assert runs == [5]
    assert answers[0].cache == "hitrate; fwd=miss; stored"
    assert answers[1].cache.startswith("hitrate; hit; ttl=")
    assert (await ask(app, "/items/5", headers={"if-none-match": answers[0]["etag"] or ""})).status == 304
    name = f"{__name__}.{test_a_hit_runs_nothing_and_sends_the_same.__name__}.<locals>.item"
    assert response_stats()[name]["outcomes"] == {"miss": 1, "hit": 3}


def operations() -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Functions of all kinds, with what FastAPI is told of their answers."""

    def sync(number: int) -> list[Item]:
        return [Item(number=number, title="sync")]

    async def asynchronous(number: int) -> list[Item]:
        return [Item(number=number, title="async")]

    async def untyped(number: int):  # type: ignore[no-untyped-def]
        return {"number": number, "text": "<é\u2028>", "when": datetime(2026, 1, 1, tzinfo=timezone.utc), "none": None}

    async def own(number: int) -> PlainTextResponse:
        return PlainTextResponse(f"{number}", headers={"x-own": "1"})

    async def headed(number: int, response: Response) -> Item:
        response.headers["x-set"] = "yes"
        return Item(number=number)

    async def html(number: int) -> str:
        return f"<b>{number}</b>"

    def nothing(number: int) -> None:
        """Answer null."""

    return {
        "sync": (sync, {}),
        "async": (asynchronous, {}),
        "untyped": (untyped, {}),
        "own": (own, {}),
        "headed": (headed, {}),
        "html": (html, {"response_class": HTMLResponse}),
        "json class": (asynchronous, {"response_class": JSONResponse}),
        "nothing": (nothing, {}),
        "without none": (asynchronous, {"response_model_exclude_none": True}),
        "not set": (asynchronous, {"response_model_exclude_unset": True}),
        "defaults": (asynchronous, {"response_model_exclude_defaults": True}),
        "by name": (asynchronous, {"response_model_by_alias": False}),
        "included": (headed, {"response_model_include": {"number"}}),
        "excluded": (headed, {"response_model_exclude": {"made"}}),
        "no model": (asynchronous, {"response_model": None}),
        "other model": (untyped, {"response_model": dict[str, Any]}),
        "created": (asynchronous, {"status_code": 201}),
    }


@pytest.mark.parametrize("kind", operations())
@pytest.mark.parametrize("place", ["application", "router", "router with a class of its own"])
async def test_what_is_stored_is_exactly_what_fastapi_sends(app: FastAPI, kind: str, place: str) -> None:
    function, told = operations()[kind]
    router = APIRouter(prefix="/r")
    target: Any = app if place == "application" else router
    target.get("/plain/{number}", **told)(function)
    target.get("/kept/{number}", **told)(cached_response(60, shared=True, statuses=(200, 201))(function))
    prefix = ""
    if place != "application":
        own = {"default_response_class": HTMLResponse} if kind == "html" and place.endswith("own") else {}
        app.include_router(router, prefix="/outer", **own)
        prefix = "/outer/r"
    plain = await ask(app, f"{prefix}/plain/7")
    first, second = await ask(app, f"{prefix}/kept/7"), await ask(app, f"{prefix}/kept/7")
    assert second.cache.startswith("hitrate; hit"), first.cache
    for answer in (first, second):
        assert (answer.status, answer.body) == (plain.status, plain.body)
        assert set(plain.lines) <= set(answer.lines)
        assert len(answer.lines) == len({name for name, _ in answer.lines})


@pytest.mark.parametrize("kind", operations())
def test_the_description_of_an_operation_is_unchanged(kind: str) -> None:
    function, told = operations()[kind]
    plain, kept = FastAPI(), FastAPI()
    plain.get("/x/{number}", **told)(function)
    kept.get("/x/{number}", **told)(cached_response(60)(function))
    assert plain.openapi() == kept.openapi()


async def test_functions_without_a_coroutine_run_in_a_thread(app: FastAPI) -> None:
    threads = []

    @app.get("/")
    @cached_response(60, shared=True)
    def page() -> str:
        threads.append(threading.current_thread())
        return "page"

    await ask(app)
    await ask(app)
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


async def test_dependencies_run_before_a_hit_is_served(app: FastAPI) -> None:
    let_in: list[str] = []

    def guard(x_token: Annotated[str, Header()]) -> None:
        if x_token != "sesame":
            raise HTTPException(403)
        let_in.append(x_token)

    runs = []

    @app.get("/", dependencies=[Depends(guard)])
    @cached_response(60, shared=True)
    async def page() -> str:
        runs.append(1)
        return "page"

    for _ in range(3):
        assert (await ask(app, headers={"x-token": "sesame"})).text == '"page"'
    refused = await ask(app, headers={"x-token": "guess"})
    assert (refused.status, refused["cache-status"]) == (403, None)
    assert (len(let_in), len(runs)) == (3, 1)


async def test_parameters_that_do_not_matter_are_kept_from_the_operation(app: FastAPI) -> None:
    @app.get("/")
    @cached_response(60, shared=True, params=["page", "size", "colour"])
    async def page(request: Request, chosen: Annotated[Filter, Query()], page: int = 1) -> list[str]:
        return [str(request.query_params), str(request.url.query), f"{page} {chosen.size} {chosen.color}"]

    first = await ask(app, "/?utm=1&page=2&size=3")
    assert first.text == '["page=2&size=3","page=2&size=3","2 3 red"]'
    assert (await ask(app, "/?size=3&page=2&gclid=5")).cache.startswith("hitrate; hit")


async def test_a_parameter_of_the_operation_cannot_be_left_out(app: FastAPI) -> None:
    def paging(limit: int = 10) -> int:
        return limit

    @app.get("/")
    @cached_response(60, shared=True, params=["page"])
    async def page(page: int = 1, limit: int = Depends(paging)) -> int:
        return limit

    with pytest.raises(ConfigError, match="'limit'"):
        await ask(app)


async def test_answers_are_forgotten_by_key_pattern_and_tag(app: FastAPI, cache: hitrate.Cache) -> None:
    runs = []

    @app.get("/{tenant}/products/{number}")
    @cached_response(
        60, shared=True, key_prefix="product:{number}", tags=["products", "product:{number}", "of:{tenant}"]
    )
    async def product(tenant: str, number: int) -> int:
        runs.append(number)
        return len(runs)

    async def numbers() -> list[int]:
        return [int((await ask(app, path)).text) for path in ("/a/products/5", "/a/products/6", "/b/products/5")]

    assert await numbers() == [1, 2, 3]
    await cache.ainvalidate(keys=["product:5"])
    assert await numbers() == [4, 2, 5]
    await cache.ainvalidate("product:6:*")
    assert await numbers() == [4, 6, 5]
    await cache.ainvalidate(tags=["of:b"])
    assert await numbers() == [4, 6, 7]
    await cache.ainvalidate(tags=["product:5"])
    assert await numbers() == [8, 6, 9]


async def test_tags_may_be_a_function_of_the_request(app: FastAPI, cache: hitrate.Cache) -> None:
    def names(request: Request, number: str) -> list[str]:
        return [f"{request.url.path}", f"n{number}"]

    runs = []

    @app.get("/{number}")
    @cached_response(60, shared=True, tags=names)
    async def page(number: int) -> int:
        runs.append(number)
        return len(runs)

    assert (await ask(app, "/1")).text == "1"
    await cache.ainvalidate(tags=["n1"])
    assert (await ask(app, "/1")).text == "2"


async def test_more_tags_than_an_entry_may_have_go_past(app: FastAPI) -> None:
    @app.get("/{number}")
    @cached_response(60, shared=True, tags=lambda request, number: map(str, range(int(number))))
    async def page(number: int) -> int:
        return number

    for number, outcome in ((64, "hit"), (65, "detail=too-many-tags")):
        await ask(app, f"/{number}")
        assert outcome in (await ask(app, f"/{number}")).cache


async def test_what_is_an_answer_and_no_failure_excuses_no_old_one_for_those_who_wait(app: FastAPI) -> None:
    is_there, go, runs = True, asyncio.Event(), asyncio.Event()
    go.set()

    @app.get("/")
    @cached_response(0.02, shared=True, stale_on_error=3600, jitter=0)
    async def product() -> str:
        runs.set()
        await go.wait()
        if not is_there:
            raise HTTPException(404)
        return "there"

    assert (await ask(app)).status == 200
    await asyncio.sleep(0.05)
    is_there = False
    go.clear()
    runs.clear()
    asking = [asyncio.create_task(ask(app)) for _ in range(4)]
    await runs.wait()
    for _ in range(10):
        # All have come to wait.
        await asyncio.sleep(0)
    go.set()
    assert {answer.status for answer in await asyncio.gather(*asking)} == {404}


async def test_one_request_computes_for_all_that_come_meanwhile(app: FastAPI) -> None:
    runs, go = [], asyncio.Event()

    @app.get("/")
    @cached_response(60, shared=True)
    async def page() -> int:
        runs.append(1)
        await go.wait()
        return len(runs)

    asking = asyncio.create_task(ask_many(app, 30))
    while not runs:  # noqa: ASYNC110 (the operation counts)
        await asyncio.sleep(0)
    for _ in range(50):
        await asyncio.sleep(0)
    go.set()
    assert {answer.text for answer in await asking} == {"1"}
    assert runs == [1]


async def test_failures_are_answers_only_where_nothing_old_is_at_hand(app: FastAPI, cache: hitrate.Cache) -> None:
    failure: list[Exception] = []

    @app.get("/")
    @cached_response(0.02, shared=True, stale_on_error=3600, jitter=0)
    async def page() -> str:
        if failure:
            raise failure[0]
        return "good"

    assert (await ask(app)).text == '"good"'
    # An answer of the application's is no failure of it.
    failure.append(HTTPException(404))
    while (answer := await ask(app)).status == 200:
        pass
    assert answer.status == 404
    for error in (HTTPException(503), ValueError("broken")):
        failure[0] = error
        answer = await ask(app)
        assert (answer.status, answer.text) == (200, '"good"')
        assert "detail=view-failed" in answer.cache
    await cache.aclear()
    with pytest.raises(ValueError, match="broken"):
        await ask(app)
    failure[0] = HTTPException(503)
    assert (await ask(app)).status == 503


async def test_background_tasks_and_headers_of_dependencies_are_of_each_request(app: FastAPI) -> None:
    done: list[str] = []
    number = iter(range(100))

    async def marked(response: Response, tasks: BackgroundTasks) -> None:
        response.headers["x-visit"] = str(next(number))
        tasks.add_task(done.append, "dependency")

    @app.get("/", dependencies=[Depends(marked)])
    @cached_response(60, shared=True)
    async def page(response: Response, tasks: BackgroundTasks) -> str:
        response.headers["x-page"] = "1"
        tasks.add_task(done.append, "operation")
        return "page"

    answers = [await ask(app) for _ in range(3)]
    assert [(answer["x-visit"], answer["x-page"]) for answer in answers] == [("0", "1"), ("1", "1"), ("2", "1")]
    assert sorted(done) == ["dependency"] * 3 + ["operation"]


async def test_an_answer_that_the_operation_made_is_sent_as_fastapi_does(app: FastAPI) -> None:
    def marked(response: Response) -> None:
        response.headers["x-visit"] = "dependency"

    def make() -> Response:
        return JSONResponse("page", headers={"x-visit": "dependency", "x-page": "1"})

    async def page() -> Response:
        return make()

    async def bare() -> Response:
        return Response("page")

    for path, function in (("/page", page), ("/bare", bare)):
        app.get(f"/plain{path}", dependencies=[Depends(marked)])(function)
        app.get(path, dependencies=[Depends(marked)])(cached_response(60, shared=True)(function))
        plain = await ask(app, f"/plain{path}")
        etag = (await ask(app, path))["etag"] or ""
        hit = await ask(app, path)
        unchanged = await ask(app, path, headers={"if-none-match": etag})
        assert (hit.cache[:12], unchanged.status) == ("hitrate; hit", 304)
        added = {"etag", "cache-control", "cache-status", "age"}
        assert sorted(line for line in hit.lines if line[0] not in added) == sorted(plain.lines)
        assert not [name for name, _ in (*hit.lines, *unchanged.lines) if name.startswith("hitrate")]
        assert unchanged["x-visit"] is None


@pytest.mark.parametrize("options", [{"shared": True}, {}])
async def test_an_answer_that_is_a_constant_stays_as_it_is(app: FastAPI, options: dict[str, Any]) -> None:
    constant = JSONResponse("page", headers={"x-page": "1"})
    before = list(constant.raw_headers)
    constant.headers["x-page"] = "1"

    @app.get("/")
    @cached_response(60, **options)
    async def page() -> Response:
        return constant

    # Some are stored, some go past.
    for number in range(3):
        for headers in ({}, {"authorization": "ada"}):
            answer = await ask(app, f"/?page={number}", headers=headers)
            assert len([line for line in answer.lines if line[0] == "cache-status"]) == 1
            assert answer.cache.count("hitrate") == 1
    assert constant.raw_headers == before
    assert constant.headers.raw == before


async def test_what_streams_is_not_kept(app: FastAPI) -> None:
    @app.get("/")
    @cached_response(60, shared=True)
    async def page() -> StreamingResponse:
        async def pieces() -> AsyncIterator[str]:
            yield "a"
            yield "b"

        return StreamingResponse(pieces())

    for _ in range(2):
        answer = await ask(app)
        assert (answer.text, answer.cache) == ("ab", "hitrate; fwd=miss; detail=streaming")


async def test_cookies_that_a_dependency_sets_are_nobody_elses(app: FastAPI) -> None:
    def session(response: Response) -> None:
        response.set_cookie("session", "new")

    @app.get("/", dependencies=[Depends(session)])
    @cached_response(60, shared=True)
    async def page() -> str:
        return "page"

    for _ in range(2):
        answer = await ask(app)
        assert "detail=set-cookie" in answer.cache
        assert "session=new" in (answer["set-cookie"] or "")


async def test_other_methods_run_the_function(app: FastAPI) -> None:
    runs = []

    @app.api_route("/", methods=["GET", "POST"])
    @cached_response(60, shared=True)
    async def page() -> str:
        runs.append(1)
        return "page"

    assert [(await ask(app, method="POST"))["cache-status"] for _ in range(2)] == [None, None]
    assert len(runs) == 2


async def test_two_operations_never_share_an_answer(app: FastAPI) -> None:
    def make(text: str) -> Callable[..., Any]:
        async def page() -> str:
            return text

        return page

    app.get("/one")(cached_response(60, shared=True)(make("one")))
    app.get("/two")(cached_response(60, shared=True)(make("two")))
    mounted = FastAPI()
    mounted.state.hitrate_cache = app.state.hitrate_cache
    mounted.get("/one")(cached_response(60, shared=True)(make("mounted")))
    app.mount("/inner", mounted)
    for _ in range(2):
        assert [(await ask(app, path)).text for path in ("/one", "/two", "/inner/one")] == [
            '"one"',
            '"two"',
            '"mounted"',
        ]
