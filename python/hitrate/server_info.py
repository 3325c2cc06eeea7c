"""What the server says of itself, as far as it may be asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hitrate.exceptions import ServerPermissionError, ServerResponseError

if TYPE_CHECKING:
    from collections.abc import Generator

    from hitrate.twins import Twins


# Identifiers and digests of commits may consist of digits, begin with 0, or look like 12e45678.
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")


def ask(client: Twins) -> dict[str, Any]:
    """Ask by blocking calls; see `hitrate.Cache.server_info`."""
    questions = _questions()
    command = next(questions)
    while True:
        try:
            answer: Any = client.execute(*command)
        except (ServerPermissionError, ServerResponseError) as refusal:
            answer = refusal
        try:
            command = questions.send(answer)
        except StopIteration as end:
            return dict(end.value)


async def aask(client: Twins) -> dict[str, Any]:
    """Ask from an event loop; see `hitrate.Cache.server_info`."""
    questions = _questions()
    command = next(questions)
    while True:
        try:
            answer: Any = await client.aexecute(*command)
        except (ServerPermissionError, ServerResponseError) as refusal:
            answer = refusal
        try:
            command = questions.send(answer)
        except StopIteration as end:
            return dict(end.value)


def _questions() -> Generator[tuple[str, ...], Any, dict[str, Any]]:
    """Yield commands, get their answers or refusals, return the fields."""
    info: dict[str, Any] = {}
    missing: list[str] = []
    answer = yield ("INFO",)
    if isinstance(answer, Exception):
        missing.append("INFO")
    else:
        info = parse(bytes(answer).decode("utf-8", "replace"))
    answer = yield ("DBSIZE",)
    if isinstance(answer, Exception):
        missing.append("DBSIZE")
    else:
        info["total_keys"] = answer
    if "keyspace_hits" in info:
        hits, misses = info["keyspace_hits"], info["keyspace_misses"]
        info["hit_rate"] = hits / (hits + misses) if hits + misses else 0.0
    info["missing"] = missing
    return info


def parse(text: str) -> dict[str, Any]:
    """
    Read the text of ``INFO``.

    Args:
        text: lines ``name:value``, and headings that begin with ``#``.

    Returns:
        The fields; numbers as numbers, ``a=1,b=2`` as a dict, all else as text.
    """
    fields: dict[str, Any] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and not line.startswith("#"):
            fields[name] = _value(value)
    return fields


def _value(text: str) -> Any:
    if "=" in text and "," in text:
        return {name: _value(value) for name, _, value in (part.partition("=") for part in text.split(","))}
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return text
