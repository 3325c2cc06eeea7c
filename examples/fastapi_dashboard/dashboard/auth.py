"""Who asks: a bearer token says whose data he may see, and whether he may look after the cache."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, HTTPException


@dataclass(frozen=True)
class User:
    """Somebody who has signed in."""

    name: str
    tenant_id: str
    is_admin: bool


ACME, GLOBEX = "54d459ab-4ae8-480a-9d1c-d53b218a4fb2", "8a6e0804-2bd0-4672-b79d-d97027f9071a"


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


# For the demonstration; a real application asks its identity provider. The README has the tokens.
_USERS = {
    _digest("acme-demo"): User("ann", ACME, is_admin=False),
    _digest("acme-admin-demo"): User("adam", ACME, is_admin=True),
    _digest("globex-demo"): User("gil", GLOBEX, is_admin=False),
    _digest("globex-admin-demo"): User("gwen", GLOBEX, is_admin=True),
}


def current_user(authorization: Annotated[str, Header()] = "") -> User:
    """The user of the request's token; 401 without a good one."""
    scheme, _, token = authorization.partition(" ")
    given = _digest(token)
    found = [user for digest, user in _USERS.items() if hmac.compare_digest(digest, given)]
    if scheme.lower() != "bearer" or not found:
        raise HTTPException(401, "sign in: this needs a bearer token", {"WWW-Authenticate": "Bearer"})
    return found[0]


CurrentUser = Annotated[User, Depends(current_user)]


def current_tenant(user: CurrentUser) -> str:
    """The tenant of the request: of its token, and of nothing else in it."""
    return user.tenant_id


Tenant = Annotated[str, Depends(current_tenant)]


def admin_only(user: CurrentUser) -> None:
    """403 for everybody but administrators."""
    if not user.is_admin:
        raise HTTPException(403, "the cache is looked after by administrators")
