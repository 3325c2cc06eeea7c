"""A browser's side of HTTP: one connection that stays open."""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from demonstration.processes import HOST, DemoError, Shop

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class Answer:
    """One answer, with the milliseconds from sending the request to holding the last byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    ms: float

    @property
    def data(self) -> Any:
        return json.loads(self.body)

    @property
    def queries(self) -> int:
        return int(self.headers["X-Query-Count"])

    @property
    def cache(self) -> str:
        """``"hit"`` or ``"miss"``; empty for an answer that is never kept."""
        said = self.headers.get("Cache-Status", "")
        return "hit" if "hitrate; hit" in said else "miss" if "hitrate" in said else ""

    @property
    def worker(self) -> str:
        return self.headers["X-Worker"]


class Client:
    """A keep-alive connection to a shop."""

    def __init__(self, shop: Shop) -> None:
        self._connection = http.client.HTTPConnection(HOST, shop.port, timeout=15)
        self._shop = shop

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def get(self, path: str, *, cookie: str = "") -> Answer:
        """Ask for a path; anything but a 200 is a `DemoError`."""
        return self._ask("GET", path, None, {"Cookie": cookie} if cookie else {})

    def post(self, path: str, data: Any) -> Answer:
        """Send JSON to a path; anything but a 200 is a `DemoError`."""
        return self._ask("POST", path, json.dumps(data).encode(), {"Content-Type": "application/json"})

    def patch(self, path: str, data: Any, *, user: str, password: str) -> Answer:
        """Change something as a member of staff; anything but a 200 is a `DemoError`."""
        credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {credentials}"}
        return self._ask("PATCH", path, json.dumps(data).encode(), headers)

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        started = time.perf_counter()
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._shop.must_live()
            raise DemoError(f"{method} {path} got no answer: {error or type(error).__name__}") from error
        ms = (time.perf_counter() - started) * 1000
        if response.status != http.HTTPStatus.OK:
            raise DemoError(f"{method} {path} answered {response.status}: {content[:300].decode(errors='replace')}")
        return Answer(response.status, dict(response.headers), content, ms)
