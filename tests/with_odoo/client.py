"""A browser, as far as the tests need one: JSON-RPC over HTTP with a session of its own."""

from __future__ import annotations

import http.cookiejar
import json
import urllib.error
import urllib.request
import xmlrpc.client
from typing import Any

SECONDS = 60.0


class RefusedError(Exception):
    """A JSON-RPC error; `name` is the class that Odoo says was raised."""

    def __init__(self, error: dict[str, Any]) -> None:
        data = error.get("data", {})
        self.name: str = data.get("name", "")
        super().__init__(f"{self.name}: {data.get('message') or error.get('message')}")


class Browser:
    """
    Args:
        url: of the server.
        database: for logging in.
        headers: sent with every request.
    """

    def __init__(self, url: str, database: str, headers: dict[str, str] | None = None) -> None:
        self.url, self.database, self.headers = url, database, headers or {}
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def login(self, login: str, password: str) -> Browser:
        self.call("/web/session/authenticate", db=self.database, login=login, password=password)
        return self

    def call(self, path: str, *, top_level: dict[str, Any] | None = None, **params: Any) -> Any:
        """The ``result`` of a JSON-RPC call; `top_level` stands beside ``params`` in the body."""
        body = {"jsonrpc": "2.0", "method": "call", "id": 1, "params": params} if top_level is None else top_level
        status, _, answer = self.fetch(path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        assert status == 200, f"{path} answered {status}: {answer[:300]!r}"
        found = json.loads(answer)
        if "error" in found:
            raise RefusedError(found["error"])
        # Odoo leaves out a None.
        return found.get("result")

    def kw(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        """A call of a method of a model, as the web client makes it."""
        return self.call(
            f"/web/dataset/call_kw/{model}/{method}", model=model, method=method, args=list(args), kwargs=kwargs
        )

    def fetch(
        self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer."""
        request = urllib.request.Request(self.url + path, body, {**self.headers, **(headers or {})})
        try:
            with self._opener.open(request, timeout=SECONDS) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, dict(refusal.headers), refusal.read()


def external(url: str, database: str, login: str, password: str, model: str, method: str, *args: Any) -> Any:
    """A call of a method from outside, over XML-RPC, as other programs make it."""
    with xmlrpc.client.ServerProxy(f"{url}/xmlrpc/2/common") as common:
        uid = common.authenticate(database, login, password, {})
    with xmlrpc.client.ServerProxy(f"{url}/xmlrpc/2/object", allow_none=True) as models:
        return models.execute_kw(database, uid, password, model, method, list(args))
