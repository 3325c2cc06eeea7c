"""Asking an ASGI application as a server does, message by message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

Headers = Mapping[str, str] | Iterable[tuple[str, str]]
Message = Any
App = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass
class Answer:
    """What an application sent: `messages` are all of them, in order."""

    messages: list[Message] = field(default_factory=list)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def lines(self) -> list[tuple[str, str]]:
        return [(name.decode(), value.decode("latin-1")) for name, value in self.messages[0]["headers"]]

    def __getitem__(self, name: str) -> str | None:
        found = [value for own, value in self.lines if own == name]
        return ", ".join(found) if found else None

    @property
    def chunks(self) -> list[bytes]:
        return [message["body"] for message in self.messages if message["type"] == "http.response.body"]

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def cache(self) -> str:
        """What this cache did."""
        return self["cache-status"] or ""


def scope_of(
    target: str = "/", method: str = "GET", headers: Headers = (), *, host: str | None = "shop.test", **more: Any
) -> dict[str, Any]:
    """The scope of a request; `target` is path and query as a client sends them."""
    path, _, query = target.partition("?")
    pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
    if host is not None:
        pairs.insert(0, ("host", host))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode("ascii"),
        "query_string": query.encode("ascii"),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
        "client": ("203.0.113.7", 5000),
        "server": ("127.0.0.1", 80),
        **more,
    }


def receiver() -> Callable[[], Awaitable[Message]]:
    """A client whose request has no content, and who stays."""
    messages = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop()

    return receive


async def ask(app: App, target: str = "/", method: str = "GET", headers: Headers = (), **more: Any) -> Answer:
    """Ask once."""
    answer = Answer()

    async def send(message: Message) -> None:
        answer.messages.append(message)

    await app(scope_of(target, method, headers, **more), receiver(), send)
    return answer


async def ask_many(app: App, number: int, target: str = "/", **more: Any) -> list[Answer]:
    """Ask at the same time."""
    return list(await asyncio.gather(*[ask(app, target, **more) for _ in range(number)]))


async def until_stale(app: App, ttl: float, target: str = "/") -> None:
    """
    Wait until what is stored is no longer fresh, for any later request.

    One that takes long may find it old before it is, for an age is counted from when it was asked for. So the time goes
    by first; after it, asking for the headers, which computes nothing that is stored, tells of the server's clock.
    """
    await asyncio.sleep(ttl)
    while (await ask(app, target, "HEAD")).cache.startswith("hitrate; hit"):
        pass


class Page:
    """
    An application of one page, which counts its runs.

    Attributes:
        runs: how often it ran.
        status, headers, chunks: of its answer; without `chunks`, a text that names the run, and what `says` returns.
        go: each run waits for it.
    """

    def __init__(
        self,
        *,
        status: int = 200,
        headers: Headers = (("content-type", "text/plain"),),
        chunks: list[bytes] | None = None,
        has_length: bool = True,
        says: Callable[[Any], object] = lambda scope: "",
        error: Exception | None = None,
    ) -> None:
        self.runs = 0
        self.status, self.headers, self.chunks = status, headers, chunks
        self.has_length, self.says, self.error = has_length, says, error
        self.go = asyncio.Event()
        self.go.set()
        self.is_running = asyncio.Event()
        self.ended = 0
        self.cancelled = 0
        self.scopes: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.runs += 1
        self.scopes.append(scope)
        run = self.runs
        self.is_running.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        said = self.says(scope)
        chunks = self.chunks if self.chunks is not None else [f"run {run} {said}".strip().encode()]
        pairs = list(self.headers.items()) if isinstance(self.headers, Mapping) else list(self.headers)
        if self.has_length:
            pairs.append(("content-length", str(sum(map(len, chunks)))))
        raw = [(name.encode(), value.encode("latin-1")) for name, value in pairs]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        for number, chunk in enumerate(chunks, 1):
            await send({"type": "http.response.body", "body": chunk, "more_body": number < len(chunks)})
        self.ended += 1
