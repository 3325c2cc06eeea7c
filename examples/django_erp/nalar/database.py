"""DATABASE_URL to Django's database settings."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

# WAL lets the workers read while one writes; IMMEDIATE takes the write lock when a transaction begins, so that none
# fails half way because another one wrote first.
SQLITE_OPTIONS = {
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    "transaction_mode": "IMMEDIATE",
    "timeout": 10,
}


def database_from_url(url: str) -> dict[str, Any]:
    """
    Translate a database URL to one entry of Django's ``DATABASES``.

    Args:
        url: ``sqlite:///relative/path``, ``sqlite:////absolute/path`` or
            ``postgres://user:password@host:port/name?sslmode=require``; query parameters become ``OPTIONS``.

    Raises:
        ValueError: the scheme is another one, or the name is missing. The message never holds the password.
    """
    parts = urlsplit(url)
    name = unquote(parts.path[1:])
    if parts.scheme not in ("sqlite", "postgres", "postgresql"):
        raise ValueError(f"unknown database scheme {parts.scheme!r} in DATABASE_URL; use 'sqlite' or 'postgres'")
    if not name:
        raise ValueError("no database name in DATABASE_URL; write 'sqlite:///nalar.sqlite3' or 'postgres://host/name'")
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": name,
            "CONN_MAX_AGE": 60,
            "OPTIONS": SQLITE_OPTIONS,
        }
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "OPTIONS": dict(parse_qsl(parts.query)),
    }
