"""What passes the response cache untouched: streams, websockets, and whatever else is no page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

import hitrate
from hitrate.asgi import RateLimitMiddleware, ResponseCacheMiddleware
from tests.with_asgi.asking import Answer, Page, ask, receiver, scope_of

Kept = Callable[..., ResponseCacheMiddleware]


class Stream:
    """Sends one piece each time it is told to."""

    def __init__(self, *headers: tuple[bytes, bytes]) -> None:
        self.headers = list(headers)
        self.next = asyncio.Event()
        self.runs = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.runs += 1
        await send({"type": "http.response.start", "status": 200, "headers": self.headers})
        for piece in (b"1", b"2", b"3"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await self.next.wait()
            self.next.clear()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def test_each_piece_of_a_stream_is_sent_when_it_comes(kept: Kept) -> None:
    stream, answer, arrived = Stream((b"content-type", b"text/event-stream")), Answer(), asyncio.Queue[Any]()

    async def send(message: Any) -> None:
        answer.messages.append(message)
        arrived.put_nowait(message)

    running = asyncio.create_task(kept(stream)(scope_of(), receiver(), send))
    assert (await arrived.get())["type"] == "http.response.start"
    for piece in (b"1", b"2", b"3"):
        # It comes before the next one is made.
        assert (await arrived.get())["body"] == piece
        stream.next.set()
    await running
    assert answer.chunks == [b"1", b"2", b"3", b""]
    assert answer["cache-control"] is None
    assert answer["etag"] is None


async def test_nobody_waits_for_a_stream_to_end(kept: Kept) -> None:
    stream = Stream()
    app = kept(stream, wait=3600, lease=3600)
    running = [asyncio.create_task(ask(app)) for _ in range(5)]
    # All of them stream at the same time.
    while stream.runs < 5:  # noqa: ASYNC110 (the test counts)
        await asyncio.sleep(0.001)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_what_is_sent_in_pieces_is_stored_if_its_length_is_known(kept: Kept) -> None:
    page = Page(chunks=[b"a" * 10, b"b" * 10, b""])
    app = kept(page)
    assert (await ask(app)).cache == "hitrate; fwd=miss; stored"
    assert (await ask(app)).chunks == [b"a" * 10 + b"b" * 10]


async def test_a_length_that_lies_keeps_no_more_than_the_limit(kept: Kept) -> None:
    page = Page(chunks=[b"a" * 600, b"b" * 600, b"c"], headers=[("content-length", "5")], has_length=False)
    answer = await ask(kept(page, max_body_bytes=1000))
    assert answer.chunks == [b"a" * 600, b"b" * 600, b"c"]
    assert "stored" not in answer.cache


@pytest.mark.parametrize("kind", ["http.response.pathsend", "http.response.trailers", "http.response.zerocopysend"])
async def test_unusual_messages_pass_in_their_order(kept: Kept, kind: str) -> None:
    sent = [
        {"type": "http.response.start", "status": 200, "headers": [], "trailers": kind.endswith("trailers")},
        {"type": kind, "headers": [], "path": "/x"},
    ]

    async def unusual(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.push", "path": "/style.css", "headers": []})
        for message in sent:
            await send(message)

    answer = await ask(kept(unusual), headers={"if-none-match": "*"})
    assert [message["type"] for message in answer.messages] == ["http.response.push", "http.response.start", kind]


async def test_an_application_that_sends_nothing_is_left_to_the_server(kept: Kept) -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None:
        """Its client hung up, say."""

    async def half(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})

    assert (await ask(kept(silent))).messages == []
    answer = await ask(kept(half))
    assert answer.chunks == [b"half"]
    assert answer.messages[-1]["more_body"] is True


@pytest.mark.parametrize("kind", ["websocket", "lifespan", "anything"])
async def test_other_scopes_reach_the_application_as_they_are(kept: Kept, cache: hitrate.Cache, kind: str) -> None:
    seen: list[tuple[Any, ...]] = []

    async def inner(*given: Any) -> None:
        seen.append(given)

    given = ({"type": kind}, object(), object())
    await RateLimitMiddleware(kept(inner), cache, "1/hour")(*given)  # type: ignore[arg-type]
    assert seen == [given]
    assert all(one is other for one, other in zip(seen[0], given, strict=True))


def starlette_site(tmp_path: Any, *middleware: Middleware) -> tuple[Starlette, list[str]]:
    done: list[str] = []

    async def page(request: Request) -> PlainTextResponse:
        done.append("page")
        return PlainTextResponse("page" * 300, background=BackgroundTask(done.append, "background"))

    async def stream(request: Request) -> StreamingResponse:
        async def pieces() -> Any:
            for number in range(3):
                yield f"{number}"

        return StreamingResponse(pieces())

    async def file(request: Request) -> FileResponse:
        done.append("file")
        return FileResponse(tmp_path / "file.txt")

    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text((await socket.receive_text()).upper())
        await socket.close()

    (tmp_path / "file.txt").write_text("file" * 50_000)
    routes = [Route("/page", page), Route("/stream", stream), Route("/file", file), WebSocketRoute("/ws", echo)]
    return Starlette(routes=routes, middleware=list(middleware)), done


async def test_a_site_of_starlette_behaves_as_before(tmp_path: Any, cache: hitrate.Cache) -> None:
    kept = Middleware(ResponseCacheMiddleware, cache=cache, shared=True)

    async def nothing(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    # Outside and inside of the cache: those that take messages apart, and those that make a task for each request.
    site, done = starlette_site(
        tmp_path,
        Middleware(GZipMiddleware),
        Middleware(BaseHTTPMiddleware, dispatch=nothing),
        kept,
        Middleware(BaseHTTPMiddleware, dispatch=nothing),
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url="http://shop.test") as client:
        answers = [await client.get("/page") for _ in range(2)]
        assert [answer.text for answer in answers] == ["page" * 300] * 2
        assert answers[0].headers["cache-status"] == "hitrate; fwd=miss; stored"
        assert answers[1].headers["cache-status"].startswith("hitrate; hit")
        assert done == ["page", "background"]
        assert [(await client.get("/stream")).text for _ in range(2)] == ["012"] * 2
        files = [await client.get("/file") for _ in range(2)]
        assert [answer.text for answer in files] == ["file" * 50_000] * 2
        assert files[0].headers["etag"] == files[1].headers["etag"]


async def test_a_websocket_speaks_through_all_of_it(tmp_path: Any, cache: hitrate.Cache) -> None:
    site, _ = starlette_site(tmp_path, Middleware(ResponseCacheMiddleware, cache=cache, shared=True))
    heard = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "hello"}]
    said: list[Any] = []

    async def receive() -> Any:
        return heard.pop(0)

    async def send(message: Any) -> None:
        said.append(message)

    scope = {**scope_of("/ws"), "type": "websocket", "subprotocols": []}
    await RateLimitMiddleware(site, cache, "1/hour")(scope, receive, send)
    assert [message["type"] for message in said] == ["websocket.accept", "websocket.send", "websocket.close"]
    assert said[1]["text"] == "HELLO"


async def test_nobody_waits_for_tasks_in_the_background(kept: Kept) -> None:
    may_end, has_begun = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        has_begun.set()
        await may_end.wait()

    async def page(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("page", background=BackgroundTask(slow))(scope, receive, send)

    app = kept(page, wait=3600)
    first = asyncio.create_task(ask(app))
    await has_begun.wait()
    assert (await ask(app)).cache.startswith("hitrate; hit")
    assert not first.done()
    may_end.set()
    assert (await first).text == "page"


async def test_a_task_in_the_background_that_fails_takes_nothing_back(kept: Kept) -> None:
    def fail() -> None:
        raise ValueError("after all was said")

    async def page(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("page", background=BackgroundTask(fail))(scope, receive, send)

    app = kept(page, stale_on_error=3600)
    answer = Answer()

    async def send(message: Any) -> None:
        answer.messages.append(message)

    with pytest.raises(ValueError, match="after all"):
        await app(scope_of(), receiver(), send)
    assert (answer.text, len(answer.messages)) == ("page", 2)
    assert (await ask(app)).cache.startswith("hitrate; hit")


async def test_answers_that_are_compressed_inside_are_kept_per_encoding(cache: hitrate.Cache, tmp_path: Any) -> None:
    kept = Middleware(ResponseCacheMiddleware, cache=cache, shared=True)
    site, _ = starlette_site(tmp_path, kept, Middleware(GZipMiddleware))
    transport = httpx.ASGITransport(site)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        for encoding in ("gzip", "identity") * 3:
            answer = await client.get("/page", headers={"accept-encoding": encoding})
            assert answer.text == "page" * 300
            assert answer.headers.get("content-encoding", "identity") == encoding
        assert answer.headers["cache-status"].startswith("hitrate; hit")
