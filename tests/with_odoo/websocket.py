"""As much of a websocket (RFC 6455) as it takes to see whether the other side is alive."""

from __future__ import annotations

import base64
import os
import socket
import struct

from typing_extensions import Self

from tests.with_odoo.client import Browser

SECONDS = 30.0
_PING, _PONG = 0x9, 0xA


class WebSocket:
    """
    Args:
        address: of Odoo's gevent process, as host and port.
        database: that it serves.
    """

    def __init__(self, address: str, database: str) -> None:
        host, port = address.split(":")
        browser = Browser(f"http://{address}", database).login("admin", "admin")
        session = next(cookie.value for cookie in browser.cookies if cookie.name == "session_id")
        self._socket = socket.create_connection((host, int(port)), SECONDS)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = (
            "GET /websocket HTTP/1.1",
            f"Host: {address}",
            f"Origin: http://{address}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
            f"Cookie: session_id={session}",
        )
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            byte = self._socket.recv(1)
            assert byte, f"the handshake was refused: {answer!r}"
            answer += byte
        assert b" 101 " in answer.splitlines()[0], answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def ping(self, text: bytes) -> bytes:
        """Send a PING, and return what the PONG says."""
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(text))
        self._socket.sendall(bytes([0x80 | _PING, 0x80 | len(text)]) + mask + masked)
        while True:
            kind, length = self._exactly(2)
            if length == 126:
                (length,) = struct.unpack(">H", self._exactly(2))
            content = self._exactly(length)
            if kind & 0xF == _PONG:
                return content

    def _exactly(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            more = self._socket.recv(count - len(found))
            assert more, "the other side closed the websocket"
            found += more
        return found
