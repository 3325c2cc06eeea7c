"""Whom a limit is about: the meaning of ``by``."""

from __future__ import annotations

from typing import Any

from hitrate.django.addresses import address_of
from hitrate.django.responses.identity import by_user, is_known, user_of
from hitrate.exceptions import ServerError
from hitrate.gates import Readers, Subject
from hitrate.http.text import digest


def _by_address(request: Any) -> str:
    """The client's address."""
    return f"ip:{address_of(request)}"


def _by_user_or_address(request: Any) -> str:
    """The user; whom nobody knows by his address."""
    try:
        is_one = is_known(user_of(request))
    except ServerError:
        # His session is on the server that is away, and the view may do without it.
        is_one = False
    return f"user:{by_user(request)}" if is_one else f"stranger:{_by_address(request)}"


def _by_header(name: str) -> Subject:
    key, family = "HTTP_" + name.upper().replace("-", "_"), f"header:{name.lower()}"

    def read(request: Any) -> str:
        value = request.META.get(key)
        # Who leaves the header out must not be free of the limit. What it holds is a secret, and no part of a key.
        return f"{family}:{digest(str(value)) if value else _by_address(request)}"

    return read


READERS = Readers(_by_address, _by_user_or_address, _by_header, awaits=False)
"""How requests of Django and REST framework are read."""
