"""One request to a cached path operation: what `hitrate.responses` must know of its answer."""

from __future__ import annotations

import copy
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from hitrate._native import Entry
from hitrate.asgi.visit import ScopeVisit
from hitrate.http import kept_headers
from hitrate.http.answer import Pairs
from hitrate.lease import Found, Made
from hitrate.responses import Declared, Learned, Numbers, Reply

# Stands with the headers of an entry, and is never sent: the operation made the answer itself.
_OWN = "hitrate-own"


class Visit(ScopeVisit[Response]):
    """One request."""

    __slots__ = ("_given", "_is_own")

    def __init__(
        self,
        declared: Declared,
        request: Request,
        response: Response,
        *,
        learned: Learned,
        numbers: Numbers,
        older_by: float,
    ) -> None:
        """
        Args:
            declared: about the operation.
            request: to it.
            response: on which its dependencies have set headers.
            learned: what its answers vary on.
            numbers: of it.
            older_by: seconds by which what it reads may be older than now.
        """
        super().__init__(declared, request.scope, learned=learned, numbers=numbers)
        # Of this request, not of the answer: they are set for each.
        self._given = tuple(response.headers.raw)
        self._risk = older_by
        self._is_own = False

    def own(self, response: Response) -> Response:
        """
        Take an answer that the operation made itself, and to which FastAPI adds nothing.

        Returns:
            One like it that may be written on: its own may be a constant of a module.
        """
        self._is_own = True
        taken = copy.copy(response)
        # Starlette keeps a view of the lines beside them.
        vars(taken).pop("_headers", None)
        taken.raw_headers = list(response.raw_headers)
        return taken

    def finish(self, outcome: Found | Made[Response]) -> Response:
        """Answer with what was come by; what the operation wants done afterwards is done."""
        finished = super().finish(outcome)
        if isinstance(outcome, Made) and finished is not outcome.result:
            finished.background = outcome.result.background
        return finished

    def _from(self, entry: Entry, status: str) -> Response:
        found = super()._from(entry, status)
        if (_OWN, "") in entry.headers:
            del found.headers[_OWN]
        else:
            found.headers.raw.extend(self._given)
        return found

    def _reply(self, response: Response) -> Reply:
        lines = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw]
        return Reply(response.status_code, lines, _body(response))

    def _field(self, response: Response, name: str) -> str | None:
        return response.headers.get(name)

    def _set(self, response: Response, name: str, value: str) -> None:
        response.headers[name] = value

    def _response(self, status: int, lines: Pairs, body: bytes) -> Response:
        made = Response(body, status)
        made.raw_headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in lines]
        return made

    def _kept(self, response: Response) -> Pairs:
        if self._is_own:
            return (*super()._kept(response), (_OWN, ""))
        given = list(self._given)
        own = []
        for line in response.headers.raw:
            if line in given:
                given.remove(line)
            else:
                own.append((line[0].decode("latin-1"), line[1].decode("latin-1")))
        return kept_headers(own)


def _body(response: Response) -> bytes | None:
    """The content of an answer that has it all; None of one that sends it in a way of its own."""
    body: Any = getattr(response, "body", None)
    return bytes(body) if type(response).__call__ is Response.__call__ and body is not None else None
