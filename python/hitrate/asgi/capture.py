"""What an application sends: held back while it may be stored, and let go as soon as it is known not to be."""

from __future__ import annotations

from dataclasses import dataclass, field

from hitrate._native import Lease
from hitrate.asgi.scopes import Message, Send
from hitrate.asgi.visit import ScopeVisit
from hitrate.http.answer import Pairs
from hitrate.lease import Found, Made
from hitrate.lease.tasks import aland
from hitrate.responses import Reply

START, BODY = "http.response.start", "http.response.body"


@dataclass(slots=True)
class Outgoing:
    """
    An answer on its way.

    Attributes:
        status: the code.
        lines: name and value of each header.
        body: the content; None while it is not there.
        is_sent: the client has it, or the beginning of it.
    """

    status: int = 0
    lines: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | None = None
    is_sent: bool = False

    @classmethod
    def of(cls, start: Message) -> Outgoing:
        """Read the beginning of an answer."""
        pairs = start.get("headers", ())
        return cls(start["status"], [(name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs])

    def value(self, name: str) -> str | None:
        """The first line of a header; `name` in lower case."""
        return next((value for own, value in self.lines if own.lower() == name), None)

    def raw_lines(self) -> list[tuple[bytes, bytes]]:
        """The headers as ASGI has them."""
        return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.lines]


async def put(send: Send, outgoing: Outgoing) -> None:
    """Send an answer whole."""
    outgoing.is_sent = True
    await send({"type": START, "status": outgoing.status, "headers": outgoing.raw_lines()})
    await send({"type": BODY, "body": outgoing.body or b"", "more_body": False})


class Visit(ScopeVisit[Outgoing]):
    """One request to an application whose answers are kept."""

    __slots__ = ()

    def finish(self, outcome: Found | Made[Outgoing]) -> Outgoing:
        """Answer with what was come by, unless that has been done while the application was still running."""
        if isinstance(outcome, Made) and outcome.result.is_sent:
            return outcome.result
        return super().finish(outcome)

    def _reply(self, response: Outgoing) -> Reply:
        return Reply(response.status, response.lines, response.body)

    def _field(self, response: Outgoing, name: str) -> str | None:
        return response.value(name.lower())

    def _set(self, response: Outgoing, name: str, value: str) -> None:
        lowered = name.lower()
        response.lines = [line for line in response.lines if line[0].lower() != lowered] + [(lowered, value)]

    def _response(self, status: int, lines: Pairs, body: bytes) -> Outgoing:
        return Outgoing(status, list(lines), body)


class Capture:
    """
    Takes what the application sends for one request.

    Nothing is sent to the client before the answer is there and stored, or is known not to be stored: then what was
    held back goes its way, and everything after it as it comes.

    Attributes:
        made: what came of it, once that is known.
    """

    def __init__(self, visit: Visit, lease: Lease | None, send: Send) -> None:
        """
        Args:
            visit: the request.
            lease: under which the answer is stored; None: it is not.
            send: to the client.
        """
        self.made: Made[Outgoing] | None = None
        self._visit, self._lease, self._send = visit, lease, send
        self._outgoing = Outgoing()
        self._start: Message | None = None
        self._held: list[Message] = []
        self._bytes = 0

    @property
    def is_sent(self) -> bool:
        """The client has the answer, or the beginning of it."""
        return self._outgoing.is_sent

    async def send(self, message: Message) -> None:
        """Take a message of the application."""
        if self._outgoing.is_sent:
            await self._send(message)
        elif message["type"] == START:
            await self._begin(message)
        elif message["type"] == BODY and self._start is not None:
            await self._go_on(message)
        elif self._start is None:
            # What may come before an answer: hints, pushes.
            await self._send(message)
        else:
            # Trailers, files that the server sends: nothing that could be stored.
            self._held.append(message)
            await self._give_up()

    async def end(self) -> Made[Outgoing]:
        """Say what came of it, when the application has ended."""
        if self.made is None:
            outgoing = self._outgoing
            if self._start is None or outgoing.body is None:
                # It sent nothing, or not all: the server says so to whoever must know.
                await self._give_up()
            else:
                self.made = self._visit.made(outgoing, was_stored=False)
        return self.made or Made(self._outgoing, may_be_stored=False)

    async def _begin(self, message: Message) -> None:
        self._start = message
        outgoing = self._outgoing = Outgoing.of(message)
        if message.get("trailers"):
            await self._give_up()
        elif self._visit.rules_out(outgoing, _length(outgoing)) and not self._may_be_replaced():
            await self._let_go()

    async def _go_on(self, message: Message) -> None:
        self._held.append(message)
        self._bytes += len(message.get("body", b""))
        if not message.get("more_body", False):
            await self._complete()
            return
        known = None if self._outgoing.value("content-length") is None else self._bytes
        if not self._may_be_replaced():
            if self._visit.rules_out(self._outgoing, known):
                await self._let_go()
        elif self._bytes > self._visit.declared.policy.max_body_bytes:
            await self._give_up()

    def _may_be_replaced(self) -> bool:
        """Whether an old answer is preferred to this one, which is a failure."""
        return self._outgoing.status >= 500 and self._visit.declared.rules.stale_on_error > 0

    async def _complete(self) -> None:
        visit, outgoing, lease = self._visit, self._outgoing, self._lease
        outgoing.body = b"".join([bytes(held.get("body", b"")) for held in self._held])
        if self._may_be_replaced():
            visit.judge(outgoing)
            return
        kept = visit.judge(outgoing)
        was_stored = kept is not None and await visit.place.akeep_response(lease, *kept)
        finished = visit.finish(await self._settle(was_stored=was_stored))
        outgoing.is_sent = True
        await put(self._send, finished)

    async def _give_up(self) -> None:
        """Let go what is nothing to store for the way in which it is sent."""
        if self._start is not None:
            self._visit.rules_out(self._outgoing, None)
        await self._let_go()

    async def _let_go(self) -> None:
        """Send what was held back; nothing is stored."""
        outgoing = self._outgoing
        if self._start is not None:
            self._visit.finish(await self._settle(was_stored=False))
        outgoing.is_sent = True
        held, self._held = self._held, []
        if self._start is not None:
            await self._send({**self._start, "headers": outgoing.raw_lines()})
        for message in held:
            await self._send(message)

    async def _settle(self, *, was_stored: bool) -> Made[Outgoing]:
        made = self.made = self._visit.made(self._outgoing, was_stored=was_stored)
        if self._lease is not None:
            # What is left (the rest of a stream, a task in the background) is nothing that others should wait for.
            await aland(self._visit.place, self._lease, made)
        return made


def _length(outgoing: Outgoing) -> int:
    """The length that an answer says it has, 0 if it says none."""
    said = outgoing.value("content-length") or ""
    return int(said) if said.isascii() and said.isdigit() and len(said) <= 18 else 0
